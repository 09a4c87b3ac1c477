"""Gold `battery_daily`: the condition of each pack, a row a vehicle and UTC day of its telemetry.

Capacity and resistance are least-squares lines through the day's frames, from sums that are kept as whole numbers and solved with
Python's unbounded ones:
- capacity: the slope of net energy (or charge) into the pack over the state of charge. Driving and charging lie on one line,
  so both count; a day that moves less than MIN_SOC_SPAN gives none.
- resistance: voltage = a + b * state of charge + R * current. The open-circuit voltage is taken as straight over the day's span.
  What the state of charge does not explain of the voltage, and the current does, is R: the pack's ohmic and part of its slower resistance.
"""

from fractions import Fraction

import numpy as np
import pyarrow as pa

from lakehouse.gold import facts
from lakehouse.gold.exact import Reading, floats, ratio
from lakehouse.gold.frames import NULL, Frames, How, Ints, Measure, counter, extremes, gather, mean, ones, totals, undated

DAY_MS = 86_400_000
MIN_SOC_SPAN = 1000
"""Hundredths of a percent that the state of charge must have moved for a capacity."""
MIN_CURRENT_SPREAD_A = 5.0
"""Standard deviation of the current that a resistance needs, beside what the state of charge explains of it."""

SIGNALS = [
    *("soc_pct", "soh_pct", "energy_left_kwh", "pack_v", "pack_a", "cell_v_min", "cell_v_max", "pack_temp_c", "pack_temp_max_c"),
    *("energy_in_kwh", "energy_out_kwh", "charge_in_ah", "charge_out_ah", "isolation_kohm"),
]
_COUNTERS = {"energy_in_wh": "energy_in_kwh", "energy_out_wh": "energy_out_kwh", "charge_in": "charge_in_ah", "charge_out": "charge_out_ah"}
ENERGY_LINE = ("e_n", "e_s", "e_y", "e_ss", "e_sy")
CHARGE_LINE = ("c_n", "c_s", "c_y", "c_ss", "c_sy")
PLANE = ("r_n", "r_s", "r_i", "r_v", "r_ss", "r_si", "r_ii", "r_sv", "r_iv")
HOW: dict[str, How] = {
    "first_ms": "min",
    "last_ms": "max",
    "frames": "sum",
    **extremes([*_COUNTERS, "soc"]),
    "soh_to": "max",
    "left_sum": "sum",
    "left_soc_sum": "sum",
    "spread_n": "sum",
    "spread_sum": "sum",
    "spread_max": "max",
    "pack_temp_n": "sum",
    "pack_temp_sum": "sum",
    "pack_temp_max": "max",
    "isolation_min": "min",
    **totals([*ENERGY_LINE, *CHARGE_LINE, *PLANE]),
    "cells_n": "sum",
    "cells_spread_sum": "sum",
    "cells_spread_max": "max",
    "hottest": "max",
    "weakest": "min",
}
CELL_MEASURES = ("cells_n", "cells_spread_sum", "cells_spread_max", "hottest", "weakest")
FIELDS = [
    pa.field("frames", pa.int64()),
    *(pa.field(name, pa.float64()) for name in ("energy_in_kwh", "energy_out_kwh", "charge_in_ah", "charge_out_ah", "min_soc_pct", "max_soc_pct")),
    *(pa.field(name, pa.float64()) for name in ("soh_pct", "capacity_kwh", "capacity_ah", "reported_capacity_kwh", "resistance_mohm")),
    *(pa.field(name, pa.float64()) for name in ("cycles", "lifetime_cycles", "mean_spread_mv", "max_spread_mv", "mean_temp_c", "max_temp_c")),
    pa.field("isolation_kohm", pa.float64()),
    pa.field("cell_frames", pa.int64()),
    *(pa.field(name, pa.float64()) for name in ("cell_spread_mean_mv", "cell_spread_max_mv", "hottest_probe_c", "weakest_cell_v")),
    pa.field("hottest_probe", pa.int32()),
    pa.field("weakest_cell", pa.int32()),
]


def partial(of: Frames) -> pa.Table:
    """All frames, a row a vehicle and day."""
    soc, volts, amps, left = (of.whole(name) for name in ("soc_pct", "pack_v", "pack_a", "energy_left_kwh"))
    low, high = of.whole("cell_v_min"), of.whole("cell_v_max")
    spread = np.where((low != NULL) & (high != NULL), high - low, NULL)
    both = (left != NULL) & (soc != NULL)
    measures: dict[str, Measure] = {
        "first_ms": Measure("min", of.ts_ms),
        "last_ms": Measure("max", of.ts_ms),
        "frames": Measure("sum", np.ones(of.size, np.int64)),
        **counter("soc", soc),
        "soh_to": Measure("max", of.dated(of.whole("soh_pct"))),
        "left_sum": Measure("sum", np.where(both, left, 0)),
        "left_soc_sum": Measure("sum", np.where(both, soc, 0)),
        **mean("spread", spread),
        "spread_max": Measure("max", spread),
        **mean("pack_temp", of.whole("pack_temp_c")),
        "pack_temp_max": Measure("max", of.whole("pack_temp_max_c")),
        "isolation_min": Measure("min", of.whole("isolation_kohm")),
    }
    counters = {name: of.whole(signal) for name, signal in _COUNTERS.items()}
    for name, values in counters.items():
        measures |= counter(name, values)
    measures |= _line(ENERGY_LINE, soc, counters["energy_in_wh"], counters["energy_out_wh"])
    measures |= _line(CHARGE_LINE, soc, counters["charge_in"], counters["charge_out"])
    measures |= _plane(soc, amps, volts)
    nothing = np.full(of.size, NULL)
    measures |= {name: Measure(HOW[name], nothing) for name in CELL_MEASURES}
    return gather(of, DAY_MS, measures).rename_columns({"bucket_ms": "day_ms"})


def _line(names: tuple[str, ...], soc: Ints, inward: Ints, outward: Ints) -> dict[str, Measure]:
    """Sums of a line: number, s, y, s*s, s*y with y what went in less what went out."""
    there = (soc != NULL) & (inward != NULL) & (outward != NULL)
    s, y = np.where(there, soc, 0), np.where(there, inward - outward, 0)
    return {name: Measure("sum", values) for name, values in zip(names, (ones(there), s, y, s * s, s * y), strict=True)}


def _plane(soc: Ints, amps: Ints, volts: Ints) -> dict[str, Measure]:
    """Sums of a plane: number, s, i, v and their products."""
    there = (soc != NULL) & (amps != NULL) & (volts != NULL)
    s, i, v = (np.where(there, values, 0) for values in (soc, amps, volts))
    products = (ones(there), s, i, v, s * s, s * i, i * i, s * v, i * v)
    return {name: Measure("sum", values) for name, values in zip(PLANE, products, strict=True)}


def read(exact: pa.Table, clocks: np.ndarray) -> facts.Columns:  # noqa: ARG001 - a day is never open
    """What a person wants to know of a pack's day."""
    of = Reading(exact)
    span = of.span("soc")
    capacity_kwh = np.where(span >= MIN_SOC_SPAN, _slopes(exact, ENERGY_LINE) * 10, np.nan)
    capacity_ah = np.where(span >= MIN_SOC_SPAN, _slopes(exact, CHARGE_LINE) * 100, np.nan)
    reported = ratio(of.number("left_sum"), of.number("left_soc_sum")) * 100
    in_kwh, out_kwh = of.span("energy_in_wh", 1000), of.span("energy_out_wh", 1000)
    in_ah, out_ah = of.span("charge_in", 100), of.span("charge_out", 100)
    ever_kwh = of.number("energy_in_wh_max", 1000) + of.number("energy_out_wh_max", 1000)
    ever_ah = of.number("charge_in_max", 100) + of.number("charge_out_max", 100)
    energy = np.where(np.isnan(reported), capacity_kwh, reported)
    soh, has_soh = of.held("soh_to")
    hottest, has_probe = of.held("hottest")
    weakest, has_cell = of.held("weakest")
    return {
        "frames": exact["frames"].combine_chunks(),
        "energy_in_kwh": floats(in_kwh),
        "energy_out_kwh": floats(out_kwh),
        "charge_in_ah": floats(in_ah),
        "charge_out_ah": floats(out_ah),
        "min_soc_pct": floats(of.number("soc_min", 100)),
        "max_soc_pct": floats(of.number("soc_max", 100)),
        "soh_pct": pa.array(undated(soh) / 100.0, mask=~has_soh),
        "capacity_kwh": floats(capacity_kwh),
        "capacity_ah": floats(capacity_ah),
        "reported_capacity_kwh": floats(reported),
        "resistance_mohm": floats(_resistances(exact) * 1000),
        "cycles": floats(_cycles(in_ah + out_ah, capacity_ah, in_kwh + out_kwh, energy)),
        "lifetime_cycles": floats(_cycles(ever_ah, capacity_ah, ever_kwh, energy)),
        "mean_spread_mv": floats(of.mean("spread")),
        "max_spread_mv": floats(of.number("spread_max")),
        "mean_temp_c": floats(of.mean("pack_temp", 10)),
        "max_temp_c": floats(of.number("pack_temp_max", 10)),
        "isolation_kohm": floats(of.number("isolation_min")),
        "cell_frames": exact["cells_n"].combine_chunks(),
        "cell_spread_mean_mv": floats(ratio(of.number("cells_spread_sum"), of.number("cells_n"))),
        "cell_spread_max_mv": floats(of.number("cells_spread_max")),
        "hottest_probe_c": pa.array((hottest >> NUMBER_BITS) / 10.0, mask=~has_probe),
        "hottest_probe": pa.array((hottest & NUMBERS) + 1, pa.int32(), mask=~has_probe),
        "weakest_cell_v": pa.array((weakest >> NUMBER_BITS) / 1000.0, mask=~has_cell),
        "weakest_cell": pa.array((weakest & NUMBERS) + 1, pa.int32(), mask=~has_cell),
    }


NUMBER_BITS = 12
NUMBERS = (1 << NUMBER_BITS) - 1
"""A cell's or probe's place stands in the low bits behind its value, so that the extreme one is known by number."""


def _cycles(charge: np.ndarray, capacity_ah: np.ndarray, energy: np.ndarray, capacity_kwh: np.ndarray) -> np.ndarray:
    """Full cycles by charge where the day gives a capacity in Ah, else by energy, which has the pack's losses in it."""
    by_charge = ratio(charge / 2, capacity_ah)
    return np.where(np.isnan(by_charge), ratio(energy / 2, capacity_kwh), by_charge)


def _slopes(exact: pa.Table, names: tuple[str, ...]) -> np.ndarray:
    """Slope of each row's line; NaN where a row has none. Exact until the last division."""
    made = []
    for n, s, y, ss, sy in _rows(exact, names):
        below = n * ss - s * s
        made.append(float(Fraction(n * sy - s * y, below)) if below > 0 else np.nan)
    return np.array(made, np.float64)


def _resistances(exact: pa.Table) -> np.ndarray:
    """Ohm, where current and state of charge moved apart enough; NaN elsewhere."""
    made = []
    for n, s, i, v, ss, si, ii, sv, iv in _rows(exact, PLANE):
        # Centred sums, each n times too large.
        css, csi, cii, csv, civ = n * ss - s * s, n * si - s * i, n * ii - i * i, n * sv - s * v, n * iv - i * v
        below = cii * css - csi * csi if css > 0 else cii
        above = civ * css - csv * csi if css > 0 else civ
        # What of the current's variance the state of charge leaves unexplained, in hundredths of an ampere squared.
        left = Fraction(below, css if css > 0 else 1) / (n * n) if n else Fraction(0)
        enough = below > 0 and left > int(MIN_CURRENT_SPREAD_A * 100) ** 2
        made.append(float(Fraction(above, below)) if enough else np.nan)
    return np.array(made, np.float64)


def _rows(exact: pa.Table, names: tuple[str, ...]) -> list[tuple[int, ...]]:
    return list(zip(*(exact[name].to_pylist() for name in names), strict=True))


BATTERY = facts.Fact("gold.battery_daily", SIGNALS, HOW, ["vehicle_id", "day_ms"], "day_ms", partial, read, FIELDS)
