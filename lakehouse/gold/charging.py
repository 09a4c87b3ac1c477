"""Gold `charging_sessions`: stretches in which a cable is connected, from plugging in to unplugging.

A session whose cable is out for up to five minutes goes on. Energy is the difference of the pack's counter between the first and
the last frame. The curve is the mean power at the pack in each 5 % of state of charge.
"""

import numpy as np
import pyarrow as pa

from lakehouse.gold import facts, spans
from lakehouse.gold.exact import Reading, floats, ratio
from lakehouse.gold.frames import NULL, Frames, How, Ints, Measure, counter, extremes, gather, mean, ones, totals
from lakehouse.gold.trips import place, soc

BIN_PCT = 5
BINS = range(0, 100, BIN_PCT)
AC_MOST_KW = 22.0
"""The most that a three-phase on-board charger takes: tells AC from DC where the vehicle does not."""
_LOW, _HIGH = 1000, 8000

SIGNALS = [
    *("cable_connected", "is_charging", "soc_pct", "pack_w", "energy_in_kwh", "energy_out_kwh", "odometer_m"),
    *("dc_charge_a", "ac_charge_a", "ambient_c", "pack_temp_c", "pack_temp_max_c", "lat", "lon"),
]
_COUNTERS = {"energy_in_wh": "energy_in_kwh", "energy_out_wh": "energy_out_kwh", "odometer_m": "odometer_m"}
_MEANS = {"ambient": "ambient_c", "pack_temp": "pack_temp_c"}
HOW: dict[str, How] = {
    **spans.ENDS,
    "frames": "sum",
    "charging_n": "sum",
    "charging_from_ms": "min",
    "charging_to_ms": "max",
    **extremes(_COUNTERS),
    "soc_from": "min",
    "soc_to": "max",
    "soc_least": "min",
    "soc_most": "max",
    "low_to_ms": "max",
    "high_from_ms": "min",
    "power_max": "max",
    "dc_n": "sum",
    "ac_n": "sum",
    **totals(f"{name}_{part}" for name in _MEANS for part in ("n", "sum")),
    "pack_temp_max": "max",
    "lat_from": "min",
    "lon_from": "min",
    **totals(f"at_{low:02d}_{part}" for low in BINS for part in ("n", "w")),
}
CURVE = pa.list_(pa.struct([("soc_pct", pa.float64()), ("kw", pa.float64())]))
FIELDS = [
    pa.field("session_id", pa.string()),
    *facts.END_FIELDS,
    pa.field("current", pa.string()),
    *(pa.field(name, pa.float64()) for name in ("lat", "lon", "start_soc_pct", "end_soc_pct", "energy_kwh", "peak_kw", "mean_kw")),
    *(pa.field(name, pa.float64()) for name in ("charging_s", "wait_s", "idle_s", "seconds_10_to_80")),
    *(pa.field(name, pa.float64()) for name in ("ambient_c", "pack_temp_c", "max_pack_temp_c", "odometer_km")),
    pa.field("curve", CURVE),
]


def partial(frames: Frames) -> pa.Table:
    """The frames that are plugged in, a piece a vehicle and minute."""
    of = frames.only((frames.values["cable_connected"] == 1) | (frames.values["is_charging"] == 1))
    charging = of.values["is_charging"] == 1
    soc_whole, power = of.whole("soc_pct"), of.whole("pack_w")
    dated = of.dated(soc_whole)
    known = soc_whole != NULL
    with np.errstate(invalid="ignore"):
        dc, ac = charging & (of.values["dc_charge_a"] > 1), charging & (of.values["ac_charge_a"] > 1)
    measures: dict[str, Measure] = {
        "start_ms": Measure("min", of.ts_ms),
        "end_ms": Measure("max", of.ts_ms),
        "frames": Measure("sum", np.ones(of.size, np.int64)),
        "charging_n": Measure("sum", ones(charging)),
        "charging_from_ms": Measure("min", _where(charging, of.ts_ms)),
        "charging_to_ms": Measure("max", _where(charging, of.ts_ms)),
        "soc_from": Measure("min", dated),
        "soc_to": Measure("max", dated),
        "soc_least": Measure("min", soc_whole),
        "soc_most": Measure("max", soc_whole),
        "low_to_ms": Measure("max", _where(known & (soc_whole <= _LOW), of.ts_ms)),
        "high_from_ms": Measure("min", _where(soc_whole >= _HIGH, of.ts_ms)),
        "power_max": Measure("max", _where(charging, power)),
        "dc_n": Measure("sum", ones(dc)),
        "ac_n": Measure("sum", ones(ac)),
        "pack_temp_max": Measure("max", of.whole("pack_temp_max_c")),
        "lat_from": Measure("min", of.placed("lat")),
        "lon_from": Measure("min", of.placed("lon")),
    }
    for name, signal in _COUNTERS.items():
        measures |= counter(name, of.whole(signal))
    for name, signal in _MEANS.items():
        measures |= mean(name, of.whole(signal))
    measures |= _bins(charging & known & (power != NULL), soc_whole, power)
    return gather(of, spans.PIECE_MS, measures).drop_columns(["bucket_ms"])


def _where(mask: np.ndarray, values: Ints) -> Ints:
    return np.where(mask, values, NULL)


def _bins(counted: np.ndarray, soc_whole: Ints, power: Ints) -> dict[str, Measure]:
    """Frames and watts in each stretch of state of charge."""
    # 100 % belongs to the last stretch.
    at = np.where(counted, np.minimum(soc_whole // (BIN_PCT * 100), len(BINS) - 1), -1)
    made: dict[str, Measure] = {}
    for number, low in enumerate(BINS):
        here = at == number
        made[f"at_{low:02d}_n"] = Measure("sum", ones(here))
        made[f"at_{low:02d}_w"] = Measure("sum", np.where(here, power, 0))
    return made


def read(exact: pa.Table, clocks: np.ndarray) -> facts.Columns:
    """What a person wants to know of a session."""
    of = Reading(exact)
    start, end = of.number("start_ms", 1000), of.number("end_ms", 1000)
    began, ended = of.number("charging_from_ms", 1000), of.number("charging_to_ms", 1000)
    energy_kwh, peak_kw = of.span("energy_in_wh", 1000), of.number("power_max", 1000)
    return facts.ends(exact, clocks) | {
        "session_id": facts.identifiers("session", exact["vehicle_id"].to_pylist(), exact["start_ms"].to_pylist()),
        "current": _current(of, peak_kw),
        "lat": place(of, "lat_from"),
        "lon": place(of, "lon_from"),
        "start_soc_pct": soc(of, "soc_from"),
        "end_soc_pct": soc(of, "soc_to"),
        "energy_kwh": floats(energy_kwh),
        "peak_kw": floats(peak_kw),
        "mean_kw": floats(ratio(energy_kwh, (ended - began) / 3600)),
        "charging_s": floats(ended - began),
        "wait_s": floats(began - start),
        "idle_s": floats(end - ended),
        "seconds_10_to_80": floats(_ten_to_eighty(of)),
        "ambient_c": floats(of.mean("ambient", 10)),
        "pack_temp_c": floats(of.mean("pack_temp", 10)),
        "max_pack_temp_c": floats(of.number("pack_temp_max", 10)),
        "odometer_km": floats(of.number("odometer_m_max", 1000)),
        "curve": _curve(of),
    }


def _current(of: Reading, peak_kw: np.ndarray) -> pa.Array:
    """DC or AC by the inlet's current, else by the power; null where nothing was charged."""
    dc, ac = of.number("dc_n"), of.number("ac_n")
    with np.errstate(invalid="ignore"):
        by_power = np.where(peak_kw > AC_MOST_KW, "DC", "AC")
    said = np.where(dc + ac > 0, np.where(dc > ac, "DC", "AC"), by_power)
    return pa.array(said.tolist(), pa.string(), mask=of.number("charging_n") == 0)


def _ten_to_eighty(of: Reading) -> np.ndarray:
    """Seconds from the last frame at 10 % or below to the first at 80 % or above; NaN where the session does not cover both."""
    seconds: np.ndarray = of.number("high_from_ms", 1000) - of.number("low_to_ms", 1000)
    return np.where(seconds >= 0, seconds, np.nan)


def _curve(of: Reading) -> pa.Array:
    """Points of mean state of charge of the stretch and mean power there, in kW."""
    powers = np.array([ratio(of.number(f"at_{low:02d}_w"), of.number(f"at_{low:02d}_n") * 1000) for low in BINS])
    there = ~np.isnan(powers)
    rows, bins = np.nonzero(there.T)
    points = pa.StructArray.from_arrays([pa.array(np.array(BINS, np.float64)[bins] + BIN_PCT / 2), pa.array(powers.T[rows, bins])], ["soc_pct", "kw"])
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=0))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), points)


SESSIONS = facts.Fact("gold.charging_sessions", SIGNALS, HOW, None, "start_ms", partial, read, FIELDS)
