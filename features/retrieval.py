"""A Feast retrieval that is a function giving an Arrow table; run once, at the first question."""

from collections.abc import Callable

import pandas as pd
import pyarrow as pa
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.saved_dataset import SavedDatasetStorage

from contracts.errors import Terminal
from lakehouse import reader, saved


class ArrowJob(RetrievalJob):
    """What `get_historical_features` and its kin return."""

    def __init__(
        self,
        run: Callable[[], pa.Table],
        lake: str,
        metadata: RetrievalMetadata | None = None,
        on_demand: list[OnDemandFeatureView] | None = None,
        full_names: bool = False,
    ) -> None:
        """`run` is called once at most; `lake` is where `persist` saves."""
        super().__init__()
        self._run = run
        self._answer: pa.Table | None = None
        self._lake = lake
        self._metadata = metadata
        self._on_demand = on_demand or []
        self._full_names = full_names

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:  # noqa: ARG002 - Feast's signature
        if self._answer is None:
            self._answer = self._run()
        return self._answer

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._to_arrow_internal(timeout).to_pandas()

    @property
    def full_feature_names(self) -> bool:
        """Whether the columns are called `view__feature`."""
        return self._full_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """The views that Feast computes from the answer."""
        return self._on_demand

    @property
    def metadata(self) -> RetrievalMetadata | None:
        """The features, keys and times of the question."""
        return self._metadata

    def persist(self, storage: SavedDatasetStorage, allow_overwrite: bool = False, timeout: int | None = None) -> None:
        """Save the answer as the Delta table `saved.NAME` of the lake, which is the storage's path. Raises Terminal where it is taken."""
        if not isinstance(storage, SavedDatasetFileStorage):
            raise Terminal("a feature set is saved as SavedDatasetFileStorage(path='saved.my_features', file_format=DeltaFormat())")
        name = storage.file_options.uri
        if saved.is_saved(name) and reader.exists(self._lake, name) and not allow_overwrite:
            raise Terminal(f"table {name} is there already; give allow_overwrite=True to put this one in its place")
        saved.save(self._lake, name, self.to_arrow(timeout=timeout), overwrite=True)

    def to_sql(self) -> str:
        """There is no SQL: raises NotImplementedError."""
        raise NotImplementedError("this retrieval is computed over Arrow; there is no SQL of it")
