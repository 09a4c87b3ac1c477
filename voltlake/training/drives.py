"""Drives to learn from and to judge by: the recorded ones of a folder, and days of a simulated fleet."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from contracts.errors import Terminal
from features.drives import Drive, Figures
from features.models.trips import Trip
from simulators.history.tables import Wanted, windows
from simulators.physics.models import find, fits
from simulators.physics.world import Fleet
from simulators.validation import i3
from simulators.validation.recorded_load import climate_w
from simulators.validation.recordings import Drive as Recording
from simulators.validation.recordings import drives
from simulators.validation.split import is_test

I3 = "bmw-i3-60"
FOLDER = "bmw_i3_driving"
FIRST_US = 1_560_000_000_000_000
A_DAY_US = 86_400_000_000
IMPOSSIBLE_W, IMPOSSIBLE_C = 2000.0, 25.0
"""A heater that is said to give this much on average where it is this warm outside: what was recorded of the drive cannot be."""
SEASONS_S = (1_705_294_800.0, 1_721_019_600.0)
"""Five in the morning UTC of a winter day and a summer day."""


def figures(name: str) -> Figures:
    """The papers of a model of car."""
    model = find(name)
    return Figures(model.mass_kg[0], model.f0_n[0], model.f1_n_per_mps[0], model.f2_n_per_mps2[0], model.peak_kw[0] * 1e3)


def recorded(data: Path) -> list[Trip]:
    """The recorded drives of a folder, in the order of their numbers, a day apart, for the recordings have no dates. Raises Terminal."""
    found = drives(data, FOLDER)
    if found is None:
        raise Terminal(f"there are no drives in {data / FOLDER}: give --data a folder with {FOLDER}/*.parquet, as its README describes them")
    trips = []
    for at, one in enumerate(found):
        columns = one.columns
        climate = climate_w(columns)
        heating, cooling = climate if climate is not None else (None, None)
        power = columns["batt_voltage_v"] * columns["batt_current_a"]
        drive = Drive(columns["speed_kmh"] / 3.6, columns["elevation_m"], columns["ambient_temp_c"], heating, cooling)
        cabin = columns.get("cabin_temp_c", np.array([np.nan]))
        start = {"cabin_c": float(cabin[0]), "soc_pct": float(columns["soc_pct"][0]), "pack_temp_c": float(columns["batt_temp_c"][0])}
        drawn = np.concatenate([[0.0], np.cumsum(-power[1:])]) / 3600
        part = "apart" if _impossible(columns) else "test" if is_test(one.number) else "train"
        trips.append(
            Trip(one.identity, "BMW-I3-60", I3, "recorded", part, FIRST_US + at * A_DAY_US, drive, figures(I3), start, drawn, physics_wh(one))
        )
    return trips


def physics_wh(recording: Recording) -> float:
    """What the simulator's physics makes of a drive, with the same records, in Wh."""
    return i3.energies(fits()["i3"].values, recording).predicted * 1000


def _impossible(columns: dict[str, np.ndarray]) -> bool:
    heating = columns.get("heating_power_can_kw")
    return heating is not None and float(np.nanmean(heating)) * 1000 > IMPOSSIBLE_W and float(np.mean(columns["ambient_temp_c"])) > IMPOSSIBLE_C


SEED = 7
VEHICLES, HOURS, CADENCE_S = 80, 10.0, 2.0
APART_S, LEAST_S, LEAST_M = 300.0, 300.0, 1000.0
_NEEDED = ["ts", "speed_kmh", "altitude_m", "ambient_c", "cabin_c", "hvac_w", "soc_pct", "pack_temp_c", "energy_out_kwh", "energy_in_kwh"]


def simulated(progress: Callable[[str], None], vehicles: int = VEHICLES, hours: float = HOURS) -> Iterator[Trip]:
    """Trips of a day in winter and one in summer, by all models of car. Every fourth vehicle is test."""
    names = _models(SEED, vehicles)
    for season, start_s in enumerate(SEASONS_S):
        kept: dict[str, list[pa.Table]] = {}
        wanted = Wanted(
            fleet=Fleet(vehicles=vehicles, seed=SEED), start_s=start_s, days=hours / 24, cadence_s=CADENCE_S, cells_s=3600.0, prefix=f"SIM{season}"
        )
        for hour, window in enumerate(windows(wanted)):
            moving = window.telemetry.filter(pa.compute.not_equal(window.telemetry["gear"], 126.0))
            kept.setdefault("rows", []).append(moving.select(["vehicle_id", *_NEEDED]))
            if hour % 3 == 0:
                progress(f"simulating {vehicles} vehicles, {'winter' if season == 0 else 'summer'}, hour {hour + 1} of {hours:.0f}")
        yield from _cut(pa.concat_tables(kept["rows"]), names)


def _models(seed: int, vehicles: int) -> list[str]:
    from simulators.physics.world import build

    worlds = build(Fleet(vehicles=vehicles, seed=seed))
    return [name for world in worlds for name in np.asarray(world.make.names)[world.traits.model].tolist()]


def _cut(rows: pa.Table, names: list[str]) -> Iterator[Trip]:
    """Trips of rows in gear: a pause of five minutes ends one."""
    rows = rows.sort_by([("vehicle_id", "ascending"), ("ts", "ascending")])
    vehicles = np.asarray(rows["vehicle_id"].to_pylist(), object)
    columns = {name: rows[name].to_numpy().astype(float) for name in _NEEDED}
    breaks = np.flatnonzero((vehicles[1:] != vehicles[:-1]) | (np.diff(columns["ts"]) > APART_S * 1000)) + 1
    for own in np.split(np.arange(len(vehicles)), breaks):
        if len(own) * CADENCE_S >= LEAST_S:
            trip = _trip(str(vehicles[own[0]]), {name: column[own] for name, column in columns.items()}, names)
            if np.sum(trip.drive.speed_mps) * CADENCE_S >= LEAST_M:
                yield trip


def _trip(vehicle: str, own: dict[str, np.ndarray], names: list[str]) -> Trip:
    number = int(vehicle.rsplit("-", 1)[1])
    warm = own["ambient_c"] > 20
    drive = Drive(
        own["speed_kmh"] / 3.6,
        own["altitude_m"],
        own["ambient_c"],
        np.where(warm, 0, own["hvac_w"]),
        np.where(warm, own["hvac_w"], 0),
        CADENCE_S,
    )
    drawn = (own["energy_out_kwh"] - own["energy_in_kwh"]) * 1000
    start = {"cabin_c": own["cabin_c"][0], "soc_pct": own["soc_pct"][0], "pack_temp_c": own["pack_temp_c"][0]}
    model, started = names[number - 1], int(own["ts"][0])
    part = "test" if is_test(number) else "train"
    return Trip(f"{vehicle}/{started}", vehicle, model, "simulated", part, started * 1000, drive, figures(model), start, drawn - drawn[0])
