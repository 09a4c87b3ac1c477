"""What does not change about the vehicles of a fleet: model, pack, home, habits and the spread of the cells, one row a vehicle."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simulators.physics import cabin, chemistry, dc_curves, draws, models, pack, places
from simulators.physics.cars import model_car
from simulators.physics.drivetrain import Losses
from simulators.physics.road import Array

COMMUTER, TAXI, DELIVERY, LONG = range(4)
PATTERNS = ("commuter", "taxi", "delivery", "long_distance")
PROBES = 8
R_TIMES_AH = {"nmc": (0.046, 0.027, 0.044), "nca": (0.085, 0.030, 0.050), "lfp": (0.055, 0.035, 0.060), "nmc-lmo": (0.046, 0.027, 0.044)}
"""Resistance (R0, R1, R2) times capacity of a cell in ohm ampere-hours: the i3's fitted pack, scaled; NCA 21700 after Waldmann et al. 2020."""
HEAT_J_PER_K_KWH = 6500.0
"""Heat capacity of a pack: some 6.5 kg a kWh at 1 kJ/kg K."""
_PICK, _CITY, _REACH, _BEARING, _PATTERN, _WAY, _AGE, _HOME, _LIMIT, _STYLE, _WISH, _WORK = range(1, 13)
_CELL_CAPACITY, _CELL_OHM, _CELL_OFFSET, _PROBE = range(21, 25)


class Make(NamedTuple):
    """A model as arrays of numbers, for the whole catalogue: row = place in the catalogue."""

    names: tuple[str, ...]
    columns: dict[str, Array]
    dc_kw: Array
    """DC power by (model, per cent of charge)."""


class Traits(NamedTuple):
    """One row a vehicle. SI units but where the name says otherwise; `cell_*` have a column a cell, in float32."""

    keys: draws.Words
    number: np.ndarray
    model: np.ndarray
    pattern: np.ndarray
    place: np.ndarray
    home_lat: Array
    home_lon: Array
    work_lat: Array
    work_lon: Array
    work_m: Array
    mass_kg: Array
    load: tuple[Array, Array, Array]
    peak_w: Array
    losses: Losses
    aux_w: Array
    top_mps: Array
    eager_ms2: Array
    pack: pack.Pack
    capacity_ah: Array
    series: np.ndarray
    climate: cabin.Climate
    ac_w: Array
    home_w: Array
    work_w: Array
    limit_soc: Array
    start_age_y: Array
    cell_capacity: Array
    cell_ohm: Array
    cell_soc: Array
    probe_k: Array


def makes(names: Sequence[str] = ()) -> Make:
    """Numbers of the shipped models, or of those named. Raises Terminal for an unknown name."""
    chosen = [models.find(name) for name in names] if names else list(models.catalogue().values())
    rows = [_row(model) for model in chosen]
    columns = {name: np.array([row[name] for row in rows], np.float32) for name in rows[0]}
    return Make(tuple(model.name for model in chosen), columns, np.stack([_dc_kw(model) for model in chosen]).astype(np.float32))


def _row(model: models.Model) -> dict[str, float]:
    car = model_car(model)
    kind = chemistry.number(model.chemistry)
    mean_v = float(chemistry.TABLE[kind].mean())
    capacity = model.capacity_ah[0] if model.capacity_ah else model.usable_kwh[0] * 1e3 / (model.series[0] * mean_v)
    r0, r1, r2 = (value * model.series[0] / capacity for value in R_TIMES_AH[model.chemistry])
    figures = {"mass_kg": car.mass_kg, "f0": car.load[0], "f1": car.load[1], "f2": car.load[2], "peak_w": car.peak_w, "aux_w": car.aux_w}
    row = {name: float(value) for name, value in figures.items()} | {name: float(value) for name, value in car.losses._asdict().items()}
    row |= {"chemistry": kind, "series": model.series[0], "capacity_ah": capacity, "r0": r0, "r1": r1, "r2": r2}
    row |= {"activation_k": chemistry.ACTIVATION_K[model.chemistry], "heat_j_per_k": HEAT_J_PER_K_KWH * model.usable_kwh[0]}
    row |= {"heat_pump": model.heat_pump[0], "ac_w": model.ac_kw[0] * 1e3, "top_mps": model.top_kmh[0] / 3.6}
    return row


def _dc_kw(model: models.Model) -> Array:
    if model.dc_curve:
        soc, power = zip(*model.dc_curve, strict=True)
        return dc_curves.on_grid(soc, power)
    known = [_curve(other, _dc_kw(other)) for other in models.catalogue().values() if other.dc_curve]
    flat = np.full(len(dc_curves.SOC_PCT), model.dc_kw[0])
    return dc_curves.predicted(_curve(model, flat), known)


def _curve(model: models.Model, power_kw: Array) -> dc_curves.Curve:
    brand, name = model.title.split(" ", 1)
    return dc_curves.Curve(brand, name, model.usable_kwh[0], power_kw)


def traits(seed: int, numbers: Sequence[int], regions: Sequence[str], make: Make, shares: Sequence[float] = (0.7, 0.1, 0.12, 0.08)) -> Traits:
    """The vehicles of these numbers; `regions[i]` is that of `numbers[i]`; `shares` are those of `PATTERNS`.

    A row depends on the seed, its number and its region only.
    """
    number = np.asarray(numbers, np.int64)
    key = draws.keys(seed, number)

    def even(stream: int) -> Array:
        return draws.uniform(key, stream)

    model = (even(_PICK) * len(make.names)).astype(np.int32)
    figures = {name: column[model] for name, column in make.columns.items()}
    spots = [places.numbers(region) for region in regions]
    place = np.array([own[int(pick * len(own))] for own, pick in zip(spots, even(_CITY).tolist(), strict=True)], np.int32).reshape(-1)
    pattern = np.searchsorted(np.cumsum(shares), even(_PATTERN) * sum(shares), "right").astype(np.int8).clip(0, LONG)
    lat, lon = _around(place, np.sqrt(even(_REACH)) * 8000, even(_BEARING))
    work_m = np.exp(np.log(11_000) + 0.65 * draws.normal(key, _WAY)).clip(1500, 70_000)
    away = even(_WORK)
    work_lat, work_lon = moved(lat, lon, work_m / 1.25, away * 2 * np.pi)
    depot = (pattern == TAXI) | (pattern == DELIVERY)
    home_w = np.where(depot, 22e3, np.select([even(_HOME) < 0.25, even(_HOME) < 0.75], [0.0, 11e3], 7.4e3))
    cells = int(make.columns["series"].max())
    return Traits(
        key,
        number,
        model,
        pattern,
        place,
        lat,
        lon,
        work_lat,
        work_lon,
        _f(work_m),
        figures["mass_kg"] + _f(even(_STYLE) * 160 - 60),
        (figures["f0"], figures["f1"], figures["f2"]),
        figures["peak_w"],
        Losses(figures["idle"], figures["spin"], figures["copper"], figures["gear"]),
        figures["aux_w"],
        figures["top_mps"],
        _f(1.1 + 1.2 * even(_STYLE)),
        pack_of(figures),
        figures["capacity_ah"],
        figures["series"].astype(np.int32),
        cabin.Climate(_f(20 + 3 * even(_WISH)), np.full(len(key), 5500, np.float32), figures["heat_pump"]),
        figures["ac_w"],
        _f(home_w),
        _f(np.where(away < 0.4, 6.6e3, 0)),
        _f(np.where(even(_LIMIT) < 0.65, 0.8, np.where(even(_LIMIT) < 0.85, 0.9, 1.0))),
        _f(4 * even(_AGE)),
        _like_first(_cell_spread(key, _CELL_CAPACITY, cells, 0.006), figures["series"]),
        _like_first(_cell_spread(key, _CELL_OHM, cells, 0.04), figures["series"]),
        _like_first(_cell_spread(key, _CELL_OFFSET, cells, 0.002), figures["series"]),
        _cell_spread(key, _PROBE, PROBES, 0.6),
    )


def _f(values: Array) -> Array:
    return values.astype(np.float32)


def pack_of(figures: dict[str, Array]) -> pack.Pack:
    """The packs of vehicles, from the figures of their models (see `makes`)."""
    kind = figures["chemistry"].astype(np.int32)
    leak = 4 + figures["heat_j_per_k"] * np.float32(2e-5)
    return pack.Pack(kind, figures["series"], figures["activation_k"], figures["r0"], figures["r1"], figures["r2"], figures["heat_j_per_k"], leak)


def _cell_spread(key: draws.Words, stream: int, width: int, sigma: float) -> Array:
    """Normal deviations, shape (vehicles, width). A cell depends on its vehicle and its own number only."""
    lanes = np.arange(width)[None, :]
    return (sigma * draws.normal(key[:, None], stream, lanes)).astype(np.float32)


def _like_first(spread: Array, series: Array) -> Array:
    """Columns beyond a vehicle's last cell repeat its first, so that no least or greatest value comes from them."""
    return np.where(np.arange(spread.shape[1])[None, :] < series[:, None], spread, spread[:, :1])


def moved(lat: Array, lon: Array, metres: Array, bearing: Array) -> tuple[Array, Array]:
    """Degrees after a way in metres at a bearing in radians (flat earth, fine below 500 km for a simulation)."""
    north = metres * np.cos(bearing) / 111_320.0
    return lat + north, lon + metres * np.sin(bearing) / (111_320.0 * np.cos(np.radians(lat)))


def _around(place: np.ndarray, metres: Array, turn: Array) -> tuple[Array, Array]:
    lat = np.array([city.lat for city in places.EVERYWHERE])[place]
    lon = np.array([city.lon for city in places.EVERYWHERE])[place]
    return moved(lat, lon, metres, turn * 2 * np.pi)
