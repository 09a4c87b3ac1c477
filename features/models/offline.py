"""The offline store that models learn from: a lake of its own beside the road's, read through Feast only."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from features.store import apply, open_store
from lakehouse import saved

if TYPE_CHECKING:
    from feast import FeatureStore

NOWHERE = "redis://127.0.0.1:6379/0"
"""Nothing is written online from here; Feast wants an address all the same."""


class Shelf:
    """A folder with a lake and a feature registry: tables are put into it, features are asked of Feast."""

    def __init__(self, folder: Path) -> None:
        """Makes the registry where there is none. 5 s at the first one of a process: Feast is imported."""
        self.lake = str(folder / "lake")
        self._repo = folder / "features"
        apply(self._repo, self.lake, NOWHERE)
        self._store: FeatureStore = open_store(self._repo, self.lake, NOWHERE)
        self.versions: dict[str, str] = {}

    def put(self, name: str, rows: pa.Table) -> None:
        """Put rows in the place of the table `saved.NAME`."""
        saved.save(self.lake, name, rows, overwrite=True)
        self.versions[f"delta_version.{name}"] = str(saved.open_saved(self.lake, name).version())

    def features(self, service: str, labels: pa.Table) -> pd.DataFrame:
        """The labels with the features of a service behind, as they were known at each label's `event_timestamp`."""
        asked = labels.to_pandas()
        found = self._store.get_historical_features(entity_df=asked, features=self._store.get_feature_service(service))
        frame: pd.DataFrame = found.to_df()
        return frame
