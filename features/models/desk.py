"""Train a model, register it, judge it beside the champion, promote it where it is better. Features come through Feast alone."""

import zlib
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import pandas as pd
import pyarrow as pa

from contracts import report
from contracts.errors import Terminal
from features import registry
from features.models import battery_task, charging_task, energy_task
from features.models.card import card
from features.models.fitted import Fitted, Goal, Seen
from features.models.offline import Shelf
from features.models.plots import drawn

Progress = Callable[[str], None]
Figures = dict[str, tuple[float, str]]
CARD = "model_card.md"
_GOAL, _CHAMPION_GOAL, _AGAINST, _HELD = "goal", "champion_goal", "champion_version", "held_back"


class Task(Protocol):
    """A kind of model: a module of this package."""

    NAME: str
    SERVICE: str
    TABLES: tuple[str, ...]
    GOAL: Goal
    UNIT: str

    def fit(self, frame: pd.DataFrame, progress: Progress) -> Fitted:
        """Fit on the training part of a frame and judge on the rest."""

    def held(self, model: Any, frame: pd.DataFrame) -> float:
        """The goal's figure on the held-back part of a frame."""

    def judge(self, model: Any, frame: pd.DataFrame) -> tuple[Figures, Seen]:
        """Figures on what the model never saw."""


TASKS: dict[str, Task] = {task.NAME: task for task in (energy_task, battery_task, charging_task)}


class Trained(msgspec.Struct, frozen=True):
    """A new version, its figures, whether it is the champion, and whether it beats the one that is."""

    name: str
    version: str
    unit: str
    champion: bool
    beats: bool | None
    figures: Figures


def task_of(name: str) -> Task:
    """The task of that name. Raises Terminal where there is none."""
    if name not in TASKS:
        raise Terminal(f"there is no model {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name]


def framed(task: Task, shelf: Shelf, tables: dict[str, pa.Table], labels: pa.Table, progress: Progress) -> pd.DataFrame:
    """Put the tables into the offline store and ask Feast for the features of all labels."""
    progress(f"asking Feast for service {task.SERVICE}: {labels.num_rows} rows")
    for name in task.TABLES:
        shelf.put(name, tables[name])
    return shelf.features(task.SERVICE, labels)


def train(task: Task, frame: pd.DataFrame, versions: dict[str, str], uri: str, progress: Progress) -> Trained:
    """Fit, judge, log and register; the first version becomes the champion. Raises Terminal where there is too little to learn from.

    versions: of the Delta tables that the features come from; they become tags.
    """
    fitted = task.fit(frame, progress)
    first = not any(registry.CHAMPION in row.aliases for row in registry.versions(uri, task.NAME))
    against = {} if first else _champions(task, frame, uri, progress)
    value = fitted.figures[task.GOAL.key][0]
    beats = None if not against else task.GOAL.beats(value, float(against[_CHAMPION_GOAL]))
    held = f"{zlib.crc32(repr(fitted.seen.truth.round(6).tolist()).encode()):08x}"
    tags = {
        "git_commit": report.commit(),
        "feature_service": task.SERVICE,
        "unit": task.UNIT,
        _GOAL: task.GOAL.key,
        _HELD: held,
        **versions,
        **against,
    }
    progress("logging to MLflow")
    metrics = {key: number for key, (number, _) in fitted.figures.items()}
    facts: dict[str, dict[str, Any]] = {"params": fitted.params, "metrics": dict(metrics), "tags": dict(tags)}
    files = registry.Files({CARD: card(task.NAME, fitted, task.GOAL, tags)}, drawn(fitted.seen, fitted.importance, task.UNIT))
    version = registry.log(uri, task.NAME, fitted.model, fitted.example, facts, files)
    if first:
        registry.promote(uri, task.NAME, version)
    return Trained(task.NAME, version, task.UNIT, first, beats, fitted.figures)


def _champions(task: Task, frame: pd.DataFrame, uri: str, progress: Progress) -> dict[str, str]:
    """How the champion does on the same held-back records; empty where it cannot be judged on them."""
    model, version = registry.loaded(uri, task.NAME)
    progress(f"judging the champion, version {version}, on the same held-back records")
    try:
        value = task.held(model, frame)
    except Terminal as error:
        progress(f"the champion cannot be judged on them: {error}")
        return {}
    return {_AGAINST: version, _CHAMPION_GOAL: repr(value)}


def promote(uri: str, name: str, version: str, force: bool = False) -> None:
    """Make a version the champion where it beats the one that is on the same held-back records. Raises Terminal where it does not, or is unknown."""
    rows = registry.versions(uri, name)
    wanted = next((row for row in rows if row.version == version), None)
    champion = next((row for row in rows if registry.CHAMPION in row.aliases), None)
    if name in TASKS and not force and wanted is not None and champion is not None and champion.version != version:
        _check(TASKS[name].GOAL, wanted, champion)
    registry.promote(uri, name, version)


def shadow(uri: str, name: str, version: str) -> None:
    """Let a version score beside the champion, as its challenger. Raises Terminal where there is no such version."""
    registry.promote(uri, name, version, registry.CHALLENGER)


def _check(goal: Goal, wanted: registry.Version, champion: registry.Version) -> None:
    mine = wanted.metrics.get(goal.key)
    same = wanted.tags.get(_HELD) == champion.tags.get(_HELD)
    theirs = champion.metrics.get(goal.key) if same else None
    if wanted.tags.get(_AGAINST) == champion.version:
        theirs = float(wanted.tags[_CHAMPION_GOAL])
    who = f"version {wanted.version} of {wanted.name}"
    if mine is None or theirs is None:
        raise Terminal(f"{who} and the champion, version {champion.version}, were not judged on the same records: train it anew, or give --force")
    if not goal.beats(mine, theirs):
        raise Terminal(f"{who} does not beat version {champion.version}: {goal.key} {mine:.4g} against {theirs:.4g}; give --force to promote it")


def evaluate(task: Task, frame: pd.DataFrame, uri: str, version: str | None = None) -> tuple[Figures, str]:
    """Figures of the champion, or of a version, on a frame; nothing is fitted. Raises Terminal where there is none."""
    model, number = registry.loaded(uri, task.NAME, version)
    return task.judge(model, frame)[0], number


def show_card(uri: str, name: str, version: str | None = None) -> str:
    """The card of the champion or of a version. Raises Terminal where there is none."""
    rows = registry.versions(uri, name)
    wanted = next((row for row in rows if (registry.CHAMPION in row.aliases if version is None else row.version == version)), None)
    if wanted is None:
        raise Terminal(f"there is no {'champion' if version is None else 'version ' + version} of {name}: `voltlake models train {name}` makes one")
    return registry.text(uri, wanted.run_id, CARD)
