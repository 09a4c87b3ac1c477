"""Our offline store for Feast's own universal tests, which Feast keeps in its source tree and ships in no package.

With a checkout of Feast, from its folder `sdk/python`, this folder and the project on PYTHONPATH and what those tests import installed:
`FEAST_IS_LOCAL_TEST=True FULL_REPO_CONFIGS_MODULE=voltlake_universal pytest --integration tests/integration/offline_store/test_universal_*.py`
"""

import shutil
import tempfile
import uuid

import pandas as pd
import pyarrow as pa
from feast import FileSource
from feast.data_format import DeltaFormat
from feast.infra.offline_stores.file_source import FileLoggingDestination, SavedDatasetFileStorage
from tests.universal.feature_repos.universal.data_source_creator import DataSourceCreator

from features.offline import DeltaOfflineStoreConfig
from lakehouse import saved


class LakeCreator(DataSourceCreator):
    """Each dataframe of a test becomes a saved table of a lake of its own."""

    def __init__(self, project_name: str, *args: object, **kwargs: object) -> None:
        super().__init__(project_name)
        self.lake = tempfile.mkdtemp(prefix="lake")

    def create_data_source(
        self,
        df: pd.DataFrame,
        destination_name: str,
        created_timestamp_column: str = "created_ts",
        field_mapping: dict[str, str] | None = None,
        timestamp_field: str | None = "ts",
    ) -> FileSource:
        name = self.get_prefixed_table_name(destination_name)
        saved.save(self.lake, name, pa.Table.from_pandas(df, preserve_index=False), overwrite=True)
        return FileSource(
            name=name,
            file_format=DeltaFormat(),
            path=name,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            field_mapping=field_mapping or {"ts_1": "ts"},
        )

    def get_prefixed_table_name(self, suffix: str) -> str:
        return "saved." + f"{self.project_name}_{suffix}".replace("-", "_").replace(".", "_")

    def create_offline_store_config(self) -> DeltaOfflineStoreConfig:
        return DeltaOfflineStoreConfig(lake=self.lake)

    def create_saved_dataset_destination(self) -> SavedDatasetFileStorage:
        return SavedDatasetFileStorage(path=f"saved.set_{uuid.uuid4().hex}", file_format=DeltaFormat())

    def create_logged_features_destination(self) -> FileLoggingDestination:
        return FileLoggingDestination(path=tempfile.mkdtemp())

    def teardown(self) -> None:
        shutil.rmtree(self.lake, ignore_errors=True)


AVAILABLE_OFFLINE_STORES = [("local", LakeCreator)]
AVAILABLE_ONLINE_STORES = {"sqlite": ({"type": "sqlite"}, None)}
