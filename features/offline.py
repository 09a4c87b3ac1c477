"""Feast's offline store over the Delta tables of a lake: point-in-time joins by DuckDB's ASOF, no extension, no network.

A source is `FileSource(path="layer.table", file_format=DeltaFormat(), …)`: the path is the table's name in the lake that the
store is configured with. Beyond Feast's own semantics, a source tagged `known_by: entity_time` shows a row at an instant
only where it was known then (its created timestamp lies at or before it): training then sees what the live system saw.
`filter_by_created_timestamp=True` asks the same of every source. An entity dataframe may have a column `known_until`
with another limit for each row, null for none: for replayed or loaded history, where all became known long after it happened.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
from feast.data_source import DataSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from pydantic import StrictStr

from features import computed, historical, point_in_time, sources
from features.retrieval import ArrowJob


class DeltaOfflineStoreConfig(FeastConfigBaseModel):
    """What stands under `offline_store` in feature_store.yaml."""

    type: StrictStr = "features.offline.DeltaOfflineStore"
    lake: StrictStr
    """The folder or address of the lake: the tables live at `{lake}/{layer}/{table}`."""


class HistoricalCall(NamedTuple):
    """How Feast calls `get_historical_features`: by place or by name."""

    config: RepoConfig
    feature_views: list[FeatureView]
    feature_refs: list[str]
    entity_df: pd.DataFrame | str | None
    registry: BaseRegistry
    project: str
    full_feature_names: bool = False
    filter_by_created_timestamp: bool = False
    start_date: datetime | None = None
    end_date: datetime | None = None


class RangeCall(NamedTuple):
    """How Feast asks for rows of a source in a closed interval of event time."""

    config: RepoConfig
    data_source: DataSource
    join_key_columns: list[str]
    feature_name_columns: list[str]
    timestamp_field: str
    created_timestamp_column: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None

    def rows(self) -> pa.Table:
        """The rows, with keys, features, event time and created time, in this order."""
        lake, name = self.config.offline_store.lake, sources.computed_by(self.data_source)
        if name:
            return computed.changes(lake, name, _micros(self.start_date), _micros(self.end_date), self.feature_name_columns)
        created = [self.created_timestamp_column] if self.created_timestamp_column else []
        columns = sources.named([*self.join_key_columns, *self.feature_name_columns, self.timestamp_field, *created])
        interval = sources.between(lake, self.data_source, self.timestamp_field, _micros(self.start_date), _micros(self.end_date))
        return sources.rows(lake, self.data_source, columns, interval)

    def latest(self) -> pa.Table:
        """The newest row of each entity."""
        lake, name = self.config.offline_store.lake, sources.computed_by(self.data_source)
        if name:
            last = _micros(self.end_date or datetime.now(UTC)) or 0
            return computed.latest(lake, name, _micros(self.start_date), last, self.feature_name_columns)
        rows, created = self.rows(), self.created_timestamp_column
        known = sources.micros(rows[created]) if created else pa.nulls(rows.num_rows, pa.int64())
        times = {point_in_time.AT: sources.micros(rows[self.timestamp_field]), point_in_time.KNOWN: known}
        narrow = pa.table({**{key: rows[key] for key in self.join_key_columns}, **times})
        return rows.take(point_in_time.latest(narrow, self.join_key_columns))


class DeltaOfflineStore(OfflineStore):
    """See the module. Every method can be called as Feast calls it."""

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(*call: Any, **named: Any) -> RetrievalJob:
        """The features of each row of the entity dataframe, or of one SELECT over the lake, as they were at its instant.

        Takes the fields of `HistoricalCall`. The rows keep their order. Without entities, but with `start_date` or `end_date`: every
        entity at every instant of its rows in that interval. Raises Terminal for a question that cannot be
        answered, naming what is wrong.
        """
        wanted = HistoricalCall(*call, **named)
        lake = wanted.config.offline_store.lake
        full_names, only_known = wanted.full_feature_names, wanted.filter_by_created_timestamp
        plans = [historical.plan(view, wanted.feature_refs, full_names, only_known) for view in wanted.feature_views]
        if wanted.entity_df is None and (wanted.start_date or wanted.end_date):
            asked = historical.everyone(lake, plans, _micros(wanted.start_date), _micros(wanted.end_date))
        else:
            asked = historical.asked(lake, wanted.entity_df)
        for plan in plans:
            historical.check(plan, asked)
        on_demand = OnDemandFeatureView.get_requested_odfvs(wanted.feature_refs, wanted.project, wanted.registry)
        times = asked.rows[asked.time].to_pandas()
        keys = [name for name in asked.rows.column_names if name != asked.time]
        metadata = RetrievalMetadata(wanted.feature_refs, keys, times.min(), times.max())
        return ArrowJob(lambda: historical.join(lake, asked, plans), lake, metadata, on_demand, full_names)

    @staticmethod
    def pull_latest_from_table_or_query(*call: Any, **named: Any) -> RetrievalJob:
        """The newest row of each entity in a closed interval: what materialization writes online. Takes the fields of `RangeCall`."""
        wanted = RangeCall(*call, **named)
        return ArrowJob(wanted.latest, wanted.config.offline_store.lake)

    @staticmethod
    def pull_all_from_table_or_query(*call: Any, **named: Any) -> RetrievalJob:
        """All rows in a closed interval, either end of which may be open. Takes the fields of `RangeCall`."""
        wanted = RangeCall(*call, **named)
        return ArrowJob(wanted.rows, wanted.config.offline_store.lake)

    @staticmethod
    def offline_write_batch(config: RepoConfig, feature_view: FeatureView, table: pa.Table, progress: Callable[[int], Any] | None) -> None:
        """Add rows to the table `saved.NAME` of a view. Raises Terminal for a table that the road writes."""
        sources.write(config.offline_store.lake, historical.source_of(feature_view), table)
        if progress:
            progress(table.num_rows)

    def validate_data_source(self, config: RepoConfig, data_source: DataSource) -> None:  # noqa: ARG002 - Feast's signature
        """Raises Terminal for a source that is no table of a lake; the table itself may be made later."""
        sources.table_name(data_source)

    def get_table_column_names_and_types_from_data_source(self, config: RepoConfig, data_source: DataSource) -> Iterable[tuple[str, str]]:
        """Names and Arrow types of a source's columns."""
        return [(field.name, str(field.type)) for field in sources.schema(config.offline_store.lake, data_source)]


def _micros(instant: datetime | None) -> int | None:
    """Microseconds since the epoch, None where there is no limit; Feast gives naive times in UTC."""
    if instant is None:
        return None
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
