"""`voltlake models train | evaluate` on folders of recordings: gather, put into the offline store, hand to the features' desk."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from contracts import report
from contracts.errors import Terminal
from contracts.report import Report
from features.models import desk
from features.models.desk import Trained
from features.models.offline import Shelf
from voltlake.stack.layout import Layout
from voltlake.training import cells, drives, gather
from voltlake.training.gather import Amount, Gathered, Progress

GATHER: dict[str, Callable[[Path, Amount | None, Progress], Gathered]] = {
    "energy_v1": gather.energy,
    "battery_fault_v1": gather.battery,
    "charging_v1": gather.charging,
}
AMOUNT: dict[str, Amount | None] = {
    "energy_v1": Amount(drives.VEHICLES, drives.HOURS),
    "battery_fault_v1": Amount(cells.VEHICLES, cells.DAYS),
    "charging_v1": None,
}


def store(state: Path) -> str:
    """MLflow's address in a folder of state: the stack's own, so that what is trained without a stack scores in it later."""
    folder = Layout(state.resolve()).mlflow
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'mlflow.db'}"


def train(name: str, data: Path, state: Path, progress: Progress, amount: Amount | None = None) -> Trained:
    """Train a model on the recordings of a folder and on simulated days; register it in the state's MLflow. Raises Terminal."""
    task = desk.task_of(name)
    _there(data)
    progress("opening the feature store")
    shelf = Shelf(Layout(state.resolve()).data / "training")
    gathered = GATHER[name](data, amount or AMOUNT[name], progress)
    frame = desk.framed(task, shelf, gathered.tables, gathered.labels, progress)
    return desk.train(task, frame, shelf.versions, store(state), progress)


def evaluate(name: str, data: Path, state: Path, progress: Progress, version: str | None = None) -> Report:
    """Judge the champion, or a version, on the recordings of a folder: the report for `--json`. Nothing is fitted. Raises Terminal."""
    task = desk.task_of(name)
    _there(data)
    gathered = GATHER[name](data, None, progress)
    with _scratch() as folder:
        frame = desk.framed(task, Shelf(folder), gathered.tables, gathered.labels, progress)
    figures, number = desk.evaluate(task, frame, store(state), version)
    known = {key: (None if value != value else value, unit) for key, (value, unit) in figures.items()}  # noqa: PLR0124 - JSON has no NaN
    return report.make(f"models-{name}", {**known, "model_version": (int(number), "version in MLflow")}, passed(name, figures))


def passed(name: str, figures: desk.Figures) -> bool:
    """Whether the figures are what is promised of the model; a figure that the folder cannot give is no failure."""

    def at_most(key: str, limit: float) -> bool:
        value = figures.get(key, (float("nan"), ""))[0]
        return not value > limit

    match name:
        case "energy_v1":
            inside = 70 <= figures["energy_interval_coverage_pct"][0] <= 90
            return inside and at_most("energy_mape_pct", min(7.0, figures["energy_baseline_mape_pct"][0]))
        case "battery_fault_v1":
            return at_most("fault_rank_of_worst_cell", 1)
        case _:
            return at_most("charging_mae_kwh", 0.8 * figures["charging_baseline_mae_kwh"][0])


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="voltlake-judging-") as folder:
        yield Path(folder)


def _there(data: Path) -> None:
    if not data.is_dir():
        raise Terminal(f"there is no folder {data}: give --data a folder of recordings, as the README of the data describes it")
