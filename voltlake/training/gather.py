"""Recordings and simulated days as tables of features and labels, for each model the same way in training and in judging."""

import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from features.cells import FEATURES as CELL_FEATURES
from features.cells import WINDOW_S, Memory, described, nothing, summed
from features.models.trips import tables
from features.recorded import CELLS_TABLE, DRIVES_TABLE, PASTS_TABLE, STAYS_TABLE
from features.stays import MOMENTS_MIN, Sessions, later
from features.stays import described as stays_described
from lakehouse.tables import TIME
from simulators.validation.split import is_test
from voltlake.training import cells, drives, sessions
from voltlake.training.cells import PackHour

Progress = Callable[[str], None]
KEPT_SHARE = 0.03
NEAR_SPREADS, NEAR_SHARE = 2.5, 0.1


class Gathered(NamedTuple):
    """Tables of features by name, and the labels that features are asked for."""

    tables: dict[str, pa.Table]
    labels: pa.Table


class Amount(NamedTuple):
    """How much is simulated: vehicles and their hours (drives, of each season) or days (cells). None: nothing is simulated."""

    vehicles: int
    length: float


def energy(data: Path, simulate: Amount | None, progress: Progress) -> Gathered:
    """Drives of a folder, and simulated ones. Raises Terminal where the folder has none."""
    progress(f"reading the drives of {data / drives.FOLDER}")
    trips = drives.recorded(data)
    made = drives.simulated(progress, simulate.vehicles, simulate.length) if simulate else iter(())
    found = tables([*trips, *made])
    return Gathered({DRIVES_TABLE: found.features, PASTS_TABLE: found.pasts}, found.labels)


def battery(data: Path, simulate: Amount | None, progress: Progress) -> Gathered:
    """Hours of cells of a folder's cars, and simulated ones. Raises Terminal where the folder has no cars."""
    progress(f"reading the cars of {data / cells.FOLDER}")
    cars = cells.recorded(data)
    facts = {car.name: (float("nan") if car.first_serious_s is None else car.first_serious_s, car.days) for car in cars}
    parts = [_cell_rows((hour for car in cars for hour in car.hours), "recorded", facts)]
    if simulate:
        parts.append(_cell_rows(cells.simulated(progress, simulate.vehicles, simulate.length), "simulated", {}))
    rows = pa.concat_tables(parts)
    features = rows.select(["cell_id", "event_ts", "known_at", *CELL_FEATURES])
    names = [name for name in rows.column_names if name not in {*CELL_FEATURES, "known_at"}]
    labels = rows.select(names).rename_columns([{"event_ts": "event_timestamp"}.get(name, name) for name in names])
    return Gathered({CELLS_TABLE: features}, labels)


def _cell_rows(hours: Iterable[PackHour], origin: str, facts: dict[str, tuple[float, float]]) -> pa.Table:
    """A row a cell and hour; of simulated packs the cells that matter, and a few of the others with a weight that makes up for the rest."""
    memories: dict[str, Memory] = {}
    random = np.random.default_rng(0)
    parts = []
    for one in hours:
        count = one.hour.cell_v.shape[1]
        found, memories[one.vehicle_id] = described(summed(one.hour), memories.get(one.vehicle_id) or nothing(count))
        if found is None:
            continue
        faulty, unsure = (np.isin(np.arange(count), list(some)) for some in (one.faulty, one.unsure))
        near = faulty | unsure | (found["below"] > NEAR_SPREADS) | (found["low_share"] > NEAR_SHARE)
        kept = np.flatnonzero(near | (random.random(count) < KEPT_SHARE)) if origin == "simulated" else np.arange(count)
        weight = np.where(near[kept], 1.0, 1 / KEPT_SHARE) if origin == "simulated" else np.ones(count)
        serious, days = facts.get(one.vehicle_id, (float("nan"), 0.0))
        ended = pa.scalar(round((one.start_s + WINDOW_S) * 1e6), pa.int64()).cast(TIME)
        constant = {"vehicle_id": one.vehicle_id, "origin": origin, "part": _part(one.vehicle_id), "healthy": one.healthy}
        columns = {
            "cell_id": [f"{one.vehicle_id}/{cell}" for cell in kept],
            "event_ts": pa.repeat(ended, len(kept)),
            "known_at": pa.repeat(ended, len(kept)),
            **{name: pa.repeat(pa.scalar(value), len(kept)) for name, value in constant.items()},
            "cell": pa.array(kept, pa.int64()),
            "hour_s": np.full(len(kept), one.start_s // WINDOW_S * WINDOW_S),
            "faulty": faulty[kept],
            "unsure": unsure[kept],
            "weight": weight,
            "first_serious_s": np.full(len(kept), serious),
            "days": np.full(len(kept), days),
            **{name: found[name][kept] for name in CELL_FEATURES},
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def _part(vehicle: str) -> str:
    digits = "".join(sign for sign in vehicle.rsplit("-", 1)[-1] if sign.isdigit())
    return "test" if is_test(int(digits or 1)) else "train"


def charging(data: Path, simulate: Amount | None, progress: Progress) -> Gathered:  # noqa: ARG001 - real sessions alone
    """Charging sessions of a folder at several moments of each. Raises Terminal where there are none."""
    progress(f"reading the sessions of {data / sessions.FOLDER}")
    found = sessions.recorded(data)
    progress(f"{len(found.site)} sessions; what was known at each of them")
    identity = _identities(found)
    share = _shares(found.site)
    begun = stays_described(found)
    features, labels = [], []
    for moment in MOMENTS_MIN:
        going = np.flatnonzero(found.charge_min > moment)
        at = later(begun, found, moment)
        instant = pa.array(np.round((found.start_min[going] + moment) * 60e6).astype(np.int64)).cast(TIME)
        names = pa.array([f"{number}/{moment:.0f}" for number in going.tolist()])
        columns = {name: values[going] for name, values in at.items()}
        features.append(pa.table({"session_id": names, "event_ts": instant, "known_at": instant, **columns}))
        label = {
            "energy_kwh": (found.energy_kwh - at["delivered_kwh"])[going],
            "minutes": (found.charge_min - moment)[going],
            "share": share[going],
            "identity": identity[going],
            "site": pa.array(found.site[going], pa.string()),
        }
        labels.append(pa.table({"session_id": names, "event_timestamp": instant, **label}))
    return Gathered({STAYS_TABLE: pa.concat_tables(features)}, pa.concat_tables(labels))


def _identities(found: Sessions) -> np.ndarray:
    """A number that tells one session from another, also in another folder."""
    parts = zip(found.site, found.station, found.start_min, found.energy_kwh, strict=True)
    return np.array([zlib.crc32(f"{site}|{station}|{start:.3f}|{energy:.3f}".encode()) for site, station, start, energy in parts], np.int64)


def _shares(site: np.ndarray) -> np.ndarray:
    """How far along its site's sessions each stands, 0 to 1; they come in order of time."""
    found = np.zeros(len(site))
    for name in np.unique(site.astype(str)):
        own = np.flatnonzero(site == name)
        found[own] = np.arange(len(own)) / len(own)
    return found
