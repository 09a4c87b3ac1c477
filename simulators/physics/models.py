"""The real models: `models.yaml` (figures with their sources) and `fitted.yaml` (what our own fits gave) as values."""

from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any

import msgspec

from contracts.errors import Terminal

Figure = Annotated[tuple[float, str], "a value and the key of its source"]


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One model of vehicle. Units stand in the names; each figure is (value, key of the source)."""

    name: str
    title: str
    cells: str
    test: str
    chemistry: str
    mass_kg: Figure
    f0_n: Figure
    f1_n_per_mps: Figure
    f2_n_per_mps2: Figure
    peak_kw: Figure
    series: Figure
    usable_kwh: Figure
    ac_kw: Figure
    dc_kw: Figure
    heat_pump: Figure
    top_kmh: Figure
    capacity_ah: Figure | None = None
    dc_curve: list[tuple[float, float]] | None = None


class _Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sources: dict[str, str]
    models: list[Model]


class Fit(msgspec.Struct, frozen=True):
    """One fitted group: where it comes from, what it was fitted on, its parameters, and how well it did there."""

    source: str
    fitted_on: list[str]
    values: dict[str, float]
    figures: dict[str, float] = {}


def _text(name: str) -> bytes:
    return (files("simulators.physics") / name).read_bytes()


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Model]:
    """All shipped models by name. Raises Terminal where the file is malformed."""
    try:
        read = msgspec.yaml.decode(_text("models.yaml"), type=_Catalogue)
    except msgspec.DecodeError as error:
        raise Terminal(f"simulators/physics/models.yaml is malformed: {error}; restore it from the release") from None
    return {model.name: model for model in read.models}


def find(name: str) -> Model:
    """The model of that name. Raises Terminal where there is none."""
    known = catalogue()
    if name not in known:
        raise Terminal(f"unknown vehicle model {name!r}; known are {', '.join(known)}")
    return known[name]


@lru_cache(maxsize=1)
def fits() -> dict[str, Fit]:
    """The shipped fits by group (`drivetrain`, `i3`, `sessions`, ...)."""
    read: dict[str, Any] = msgspec.yaml.decode(_text("fitted.yaml"))
    return msgspec.convert(read, dict[str, Fit])


@lru_cache(maxsize=1)
def sources() -> dict[str, str]:
    """What the source keys of the figures stand for."""
    return msgspec.yaml.decode(_text("models.yaml"), type=_Catalogue).sources
