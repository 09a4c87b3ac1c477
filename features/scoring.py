"""A model that scores live: loaded by alias, tried on its own example, swapped whole. `Watch` looks after all of them."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.errors import Broken, Transient
from features import registry
from features.transforms import VEHICLE_LIVE_FEATURES

POLL_S = 5.0
AGAIN_S = 60.0
log = logging.getLogger(__name__)


class Loaded(NamedTuple):
    """One version, ready to score; `columns` in the order that it was trained on. `trees` where its trees may be asked directly."""

    version: str
    model: Any
    columns: tuple[str, ...]
    trees: bool = False


class Refused(NamedTuple):
    """A version that was promoted and cannot be used, and why."""

    version: str
    reason: str


class Champion:
    """The champion of a model's versions. `score` never waits: it uses the version that is loaded now, or says that there is none."""

    def __init__(self, uri: str, name: str, features: Sequence[str] = VEHICLE_LIVE_FEATURES, alias: str = registry.CHAMPION) -> None:
        """Nothing is loaded before a `look`. `uri` is MLflow's; it becomes this process' MLflow store.

        `features` are the columns of every table that will be scored: a version that needs another one is refused. `alias` is the
        champion's, or the challenger's for one that scores in its shadow.
        """
        self.name, self._alias = name, alias
        self._uri, self._features = uri, frozenset(features)
        self._loaded: Loaded | None = None
        self.refused: Refused | None = None
        self._again_at = 0.0
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why its version with the alias does not score; empty where nothing is wrong, None before the first look."""
        return self._trouble

    @property
    def is_challenger(self) -> bool:
        """Whether it scores in the shadow of the champion."""
        return self._alias == registry.CHALLENGER

    @property
    def version(self) -> str | None:
        """The version that scores now."""
        loaded = self._loaded
        return loaded.version if loaded else None

    def score(self, table: pa.Table) -> tuple[str, np.ndarray] | None:
        """`(version, one number a row)`, all by the same version; None where no model is loaded, or it fails on this batch, which is said.

        Needs the features (numbers or texts, nulls allowed); other columns are left alone.
        """
        loaded = self._loaded
        if loaded is None:
            return None
        try:
            return loaded.version, _predict(loaded, {name: _values(table[name]) for name in loaded.columns})
        except Exception as error:  # a model is foreign code: the flow that calls goes on without a score
            self._complain(f"version {loaded.version} of {self.name} failed on a batch, which has no scores: {error}")
            return None

    def look(self, known: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """One look at the alias: load, try and swap where it has moved. An alias that was taken away changes nothing.

        `known` are the registry's aliases, asked for where absent. A version that was refused is tried again after a minute. Raises
        Transient where MLflow does not answer.
        """
        wanted = (registry.aliases(self._uri) if known is None else known).get(self.name, {}).get(self._alias)
        if wanted is None or wanted == self.version:
            self.refused, self._trouble = None, ""
        elif self.refused is None or self.refused.version != wanted or time.monotonic() > self._again_at:
            self._swap(wanted)

    def _swap(self, wanted: str) -> None:
        try:
            loaded = load(self._uri, self.name, wanted)
            missing = sorted(set(loaded.columns) - self._features)
            if missing:
                raise Unfit(f"it needs {', '.join(missing)}, which is not among the live features")
            self._loaded = loaded
        except Unfit as error:
            self.refused, self._again_at = Refused(wanted, str(error)), time.monotonic() + AGAIN_S
            self._complain(f"version {wanted} of {self.name} is refused: {error}; {self._goes_on()}")
        else:
            self.refused, self._trouble = None, ""
            log.info("version %s of %s scores from now on", wanted, self.name)

    def _goes_on(self) -> str:
        return f"version {self.version} goes on" if self.version else "nothing is scored"

    def _complain(self, text: str) -> None:
        """Once, not at every look."""
        if text != self._trouble:
            self._trouble = text
            log.warning("%s", text)


class Watch:
    """Looks after some champions from a thread of its own: one question to the registry at each look. MLflow is imported in that thread only."""

    def __init__(self, uri: str, champions: Sequence[Champion], poll_s: float = POLL_S) -> None:
        """Nothing happens before `start`."""
        self._uri, self._champions, self._poll_s = uri, champions, poll_s
        self._trouble = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="champions", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End it; the versions that are loaded stay."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def look(self) -> None:
        """One look at all of them. Whatever goes wrong is said once, and the versions that are loaded go on."""
        try:
            if not registry.there(self._uri) and any(one.version for one in self._champions):
                raise Transient(f"MLflow at {self._uri} is not there any more")
            known = registry.aliases(self._uri)
            for champion in self._champions:
                champion.look(known)
        except Exception as error:  # what loads models runs foreign code: whatever it does, the watching goes on
            what = str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"
            if what != self._trouble:
                going = [f"version {one.version} of {one.name} goes on" for one in self._champions if one.version]
                log.warning("models: %s; %s", what, ", ".join(going) or "nothing is scored")
            self._trouble = what
        else:
            self._trouble = ""

    def troubles(self) -> dict[str, str | None]:
        """By model what keeps its promoted version from scoring; a challenger that cannot be used takes nothing from anybody."""
        return {one.name: self._trouble or one.trouble for one in self._champions if not one.is_challenger}

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.look()
            self._stopping.wait(self._poll_s)


class Unfit(Exception):
    """A version that cannot be used; the text says why."""


def load(uri: str, name: str, version: str) -> Loaded:
    """Load a version and try it on its own input example. Raises Unfit where it does not do what it should."""
    registry.connect(uri)
    import mlflow

    address = f"models:/{name}/{version}"
    try:
        with registry.reached(uri):
            info = mlflow.models.get_model_info(address)
            model = mlflow.sklearn.load_model(address)
            example = mlflow.models.Model.load(address).load_input_example(mlflow.artifacts.download_artifacts(address))
    except Exception as error:  # a file of any content stands behind an address: whatever it does, the old version must go on
        raise Unfit(f"it cannot be loaded: {str(error).splitlines()[0] if str(error) else type(error).__name__}") from error
    if info.signature is None or example is None:
        raise Unfit("it was logged without signature or input example")
    loaded = Loaded(version, model, tuple(info.signature.inputs.input_names()))
    _try(loaded, example)
    return loaded._replace(trees=_same_by_trees(loaded, example))


def _values(column: pa.ChunkedArray) -> np.ndarray:
    """Texts as they are, all else as floats."""
    if pa.types.is_string(column.type):
        return np.asarray(column.to_pandas(), object)
    if column.type != pa.float64():
        column = column.cast(pa.float64())
    return np.asarray(column.to_numpy() if not column.null_count else pc.fill_null(column, np.nan).to_numpy())


def _trial(loaded: Loaded, example: Any) -> dict[str, np.ndarray]:
    """A version's own example, and a row of nulls behind it."""
    return {name: _with_null(example[name].to_numpy()) for name in loaded.columns}


def _with_null(values: np.ndarray) -> np.ndarray:
    return np.array([*values, None], object) if _texts(values) else np.append(values.astype(float), np.nan)


def _texts(values: np.ndarray) -> bool:
    return any(isinstance(value, str) for value in values)


def _same_by_trees(loaded: Loaded, example: Any) -> bool:
    """Whether its trees, asked directly, answer its example and a row of nulls to the last bit as the model does."""
    try:
        columns = _trial(loaded, example)
        return bool(np.array_equal(_ask_trees(loaded.model, columns), _predict(loaded, columns)))
    except Exception as error:  # another kind of model, or another version of the library: the long way is as right
        log.debug("version %s is asked the long way: %s", loaded.version, error)
        return False


def _ask_trees(model: Any, columns: dict[str, np.ndarray]) -> np.ndarray:
    """What scikit-learn's histogram trees answer, without the checks of its `predict`: those were made when the version was loaded."""
    matrix = np.column_stack(list(columns.values()))
    raw = np.full((len(matrix), 1), model._baseline_prediction, order="F")
    model._predict_iterations(matrix, model._predictors, raw, is_binned=False, n_threads=1)
    return np.asarray(model._loss.link.inverse(raw.ravel()))


def _try(loaded: Loaded, example: Any) -> None:
    try:
        answers = _predict(loaded, _trial(loaded, example))
    except Exception as error:  # as above: a model is foreign code
        raise Unfit(f"it fails on its own input example and a row of nulls: {error}") from error
    if answers.shape != (len(example) + 1,) or not np.all(np.isfinite(answers)):
        raise Unfit("its answers to its own input example and a row of nulls are not one finite number a row")


def _predict(loaded: Loaded, columns: dict[str, np.ndarray]) -> np.ndarray:
    import pandas as pd

    if not all(len(values) for values in columns.values()):
        return np.empty(0)  # scikit-learn refuses an empty batch
    if loaded.trees:
        return _ask_trees(loaded.model, columns)
    return np.asarray(loaded.model.predict(pd.DataFrame(columns, copy=False)), float)
