"""The question of `get_historical_features`, made explicit, and its answer."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from feast.data_source import DataSource
from feast.feature_view import DUMMY_ENTITY_ID, FeatureView
from feast.infra.offline_stores.offline_utils import DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL

from contracts.errors import Terminal
from features import computed, large, point_in_time, sources
from features.transforms import JOIN_KEY
from features.windows import Questions
from lakehouse import sql

KNOWN_UNTIL = "known_until"
_ENDLESS_US = 1 << 62


class Asked(NamedTuple):
    """The entity dataframe, and which of its columns is the instant."""

    rows: pa.Table
    time: str


class Plan(NamedTuple):
    """What one view adds: features and the columns they become, keys as (column of the view, column of the entities)."""

    view: str
    source: DataSource
    keys: Sequence[tuple[str, str]]
    features: Sequence[str]
    columns: Sequence[str]
    ttl_us: int | None
    only_known: bool


def asked(lake: str, entity_df: pd.DataFrame | str | None) -> Asked:
    """An entity dataframe, or the answer to one SELECT over the lake, with its times in UTC. Raises Terminal where it has no instant."""
    if entity_df is None:
        raise Terminal("give an entity dataframe: which entities, and at which instants (column event_timestamp)")
    rows = sql.query(lake, entity_df) if isinstance(entity_df, str) else pa.Table.from_pandas(_in_utc(entity_df), preserve_index=False)
    return Asked(rows, _time_column(rows.schema))


def everyone(lake: str, plans: Sequence[Plan], first_us: int | None, last_us: int | None) -> Asked:
    """What is asked where no entities are given: every entity of the views at every instant of its rows in a closed interval."""
    parts = []
    for plan in plans:
        made_by, time = sources.computed_by(plan.source), plan.source.timestamp_field
        if made_by:
            rows = computed.changes(lake, made_by, first_us, last_us, [])
        else:
            columns = sources.named([*(own for own, _ in plan.keys), time])
            rows = sources.rows(lake, plan.source, columns, sources.between(lake, plan.source, time, first_us, last_us))
        instants = sources.micros(rows[time]).cast(pa.timestamp("us", tz="UTC"))
        parts.append(pa.table({**{key: rows[own] for own, key in plan.keys}, DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL: instants}))
    together = pa.concat_tables(parts, promote_options="default")
    names = together.column_names
    return Asked(together.group_by(names).aggregate([]).select(names), DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL)


def source_of(view: FeatureView) -> DataSource:
    """Where a view is read from. Raises Terminal where it has no source."""
    if view.batch_source is None:
        raise Terminal(f"feature view {view.name} has no source to be read from")
    return view.batch_source


def plan(view: FeatureView, feature_refs: Sequence[str], full_names: bool, only_known: bool) -> Plan:
    """What a view adds to the answer, by Feast's rules for names and keys."""
    source = source_of(view)
    prefix = view.projection.name_to_use() + ":"
    features = [ref.removeprefix(prefix) for ref in feature_refs if ref.startswith(prefix)]
    name = view.projection.name_alias or view.name
    keys = [(field.name, view.projection.join_key_map.get(field.name, field.name)) for field in view.entity_columns if field.name != DUMMY_ENTITY_ID]
    known = bool(source.created_timestamp_column) and (only_known or source.tags.get(sources.KNOWN_BY) == sources.ENTITY_TIME)
    ttl_us = round(view.ttl.total_seconds() * 1_000_000) if view.ttl else None
    return Plan(name, source, keys, features, [f"{name}__{feature}" if full_names else feature for feature in features], ttl_us, known)


def check(plan: Plan, asked: Asked) -> None:
    """Raises Terminal where the entities lack a key of the view."""
    sources.table_name(plan.source)
    missing = [key for _, key in plan.keys if key not in asked.rows.column_names]
    if missing:
        raise Terminal(f"the entity dataframe has no column {', '.join(missing)}, which feature view {plan.view} is joined by")


def join(lake: str, asked: Asked, plans: Sequence[Plan]) -> pa.Table:
    """The entities with the columns of every plan behind, in the order asked."""
    answer = asked.rows
    for plan in plans:
        for column, values in zip(plan.columns, _features(lake, asked, plan), strict=True):
            answer = answer.append_column(column, values)
    return answer


def _features(lake: str, asked: Asked, plan: Plan) -> list[pa.ChunkedArray | pa.Array]:
    instants = sources.micros(asked.rows[asked.time])
    made_by = sources.computed_by(plan.source)
    if made_by:
        return _computed(lake, asked, plan, made_by)
    if len(plan.keys) == 1 and sources.size(lake, plan.source, len(plan.features) + 3) > large.LARGE_BYTES:
        return _from_a_large_table(lake, asked, plan, instants)
    rows = _candidates(lake, asked, plan, instants)
    keys = [own for own, _ in plan.keys]
    created = plan.source.created_timestamp_column
    given = pa.table(
        {
            **{key: rows[key] for key in keys},
            point_in_time.AT: sources.micros(rows[plan.source.timestamp_field]),
            point_in_time.KNOWN: sources.micros(rows[created]) if created else pa.nulls(rows.num_rows, pa.int64()),
        }
    )
    questions = pa.table(
        {
            **{own: _as_type(asked.rows[key], rows[own].type, key) for own, key in plan.keys},
            point_in_time.AT: instants,
            point_in_time.KNOWN_UNTIL: _limits(asked, plan, instants),
        }
    )
    places = point_in_time.match(questions, given, keys, plan.ttl_us)
    return [rows[feature].take(places) for feature in plan.features]


def _computed(lake: str, asked: Asked, plan: Plan, name: str) -> list[pa.ChunkedArray | pa.Array]:
    """Figures over closed buckets, at the instants themselves."""
    vehicles = _as_type(asked.rows[dict(plan.keys)[JOIN_KEY]], pa.string(), JOIN_KEY).combine_chunks()
    instants = sources.micros(asked.rows[asked.time])
    limits = pc.fill_null(_limits(asked, plan, instants), _ENDLESS_US)
    there = pc.fill_null(instants, 0).to_numpy()
    return computed.answer(lake, name, Questions(vehicles, there, limits.to_numpy()), plan.features)


def _from_a_large_table(lake: str, asked: Asked, plan: Plan, instants: pa.ChunkedArray) -> list[pa.ChunkedArray | pa.Array]:
    """The same answer in two passes, without the table in memory."""
    data = sources.dataset(lake, plan.source)
    (own, key) = plan.keys[0]
    source = plan.source
    names = [sources.own_name(source, name) for name in (own, source.timestamp_field, source.created_timestamp_column) if name]
    wanted = large.Wanted(data, names[0], names[1], names[2] if len(names) > 2 else "", _condition(lake, asked, plan, instants))
    kind = data.schema.field(names[0]).type
    questions = pa.table(
        {"key": _as_type(asked.rows[key], kind, key), point_in_time.AT: instants, point_in_time.KNOWN_UNTIL: _limits(asked, plan, instants)}
    )
    return list(large.take(wanted, [sources.own_name(source, name) for name in plan.features], large.match(wanted, questions, "key", plan.ttl_us)))


def _candidates(lake: str, asked: Asked, plan: Plan, instants: pa.ChunkedArray) -> pa.Table:
    """The rows that can be an answer at all, by time and, of few entities, by key."""
    created = [plan.source.created_timestamp_column] if plan.source.created_timestamp_column else []
    columns = sources.named([*(own for own, _ in plan.keys), plan.source.timestamp_field, *created, *plan.features])
    return sources.rows(lake, plan.source, columns, _condition(lake, asked, plan, instants))


def _condition(lake: str, asked: Asked, plan: Plan, instants: pa.ChunkedArray) -> ds.Expression | None:
    numbers = [number for number in (pc.min(instants).as_py(), pc.max(instants).as_py()) if number is not None]
    first = numbers[0] - plan.ttl_us if numbers and plan.ttl_us is not None else None
    conditions = [sources.between(lake, plan.source, plan.source.timestamp_field, first, numbers[1] if numbers else None)]
    wanted = sources.schema(lake, plan.source)
    for own, key in plan.keys:
        column = sources.own_name(plan.source, own)
        if column in wanted.names:
            conditions.append(sources.about(column, _as_type(asked.rows[key], wanted.field(column).type, key)))
    return sources.both(*conditions)


def _limits(asked: Asked, plan: Plan, instants: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if not plan.only_known:
        return pa.nulls(asked.rows.num_rows, pa.int64())
    return sources.micros(asked.rows[KNOWN_UNTIL]) if KNOWN_UNTIL in asked.rows.column_names else instants


def _as_type(values: pa.ChunkedArray, wanted: pa.DataType, name: str) -> pa.ChunkedArray:
    try:
        return values.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Terminal(f"column {name} of the entity dataframe cannot be read as {wanted}: {error}") from None


def _in_utc(entity_df: pd.DataFrame) -> pd.DataFrame:
    """Texts of times become times, times without a zone are taken as UTC, which is what Feast does."""
    times = [
        name
        for name in entity_df.columns
        if pd.api.types.is_datetime64_any_dtype(entity_df[name]) or name in (DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL, KNOWN_UNTIL)
    ]
    try:
        return entity_df.assign(**{name: pd.to_datetime(entity_df[name], utc=True) for name in times})
    except (ValueError, TypeError) as error:
        raise Terminal(f"a time of the entity dataframe cannot be read: {error}") from None


def _time_column(schema: pa.Schema) -> str:
    if DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL in schema.names:
        return DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL
    times = [field.name for field in schema if pa.types.is_timestamp(field.type) and field.name != KNOWN_UNTIL]
    if len(times) != 1:
        raise Terminal(f"the entity dataframe needs one column of instants, best called event_timestamp; it has {', '.join(times) or 'none'}")
    return times[0]
