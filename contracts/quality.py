"""The quality rules: what silver does with a frame that can be read but not be right. Data, beside the catalogue; a rule is one line.

A rule of `REPAIRS` puts a value right and marks the row; one of `REFUSALS` sends the frame to quarantine under its name; one of
`MARKS` lets the row pass and marks it. Repairs come first, so what they put right is not refused. `CHANGES` compare a frame with
the vehicle's frame before it; they only mark, because what is believed must not depend on what was believed before.
A rule whose signals a frame lacks says nothing about it. The names are codes: they stand in `marks` and in quarantine's `reason`.
"""

import msgspec


class Rule(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Every rule has a name, `[a-z_]+`, and a sentence for people."""

    name: str
    says: str


class Span(msgspec.Struct, frozen=True):
    """Values of a signal from `low` to `high`, both included; of its amount where `amount` is set."""

    signal: str
    low: float
    high: float
    amount: bool = False


class Overshoot(Rule, frozen=True, kw_only=True):
    """Repair: values beyond the catalogue's range by at most `by` become the range's end."""

    signals: tuple[str, ...]
    by: float


class Null(Rule, frozen=True, kw_only=True):
    """Repair: where all spans hold, these signals become null."""

    where: tuple[Span, ...]
    signals: tuple[str, ...]


class Range(Rule, frozen=True, kw_only=True):
    """Every signal lies in the catalogue's range."""


class Impossible(Rule, frozen=True, kw_only=True):
    """These spans cannot hold together."""

    where: tuple[Span, ...]


class Product(Rule, frozen=True, kw_only=True):
    """`of` is the product of the factors, within `absolute` plus `relative` times its amount."""

    of: str
    factors: tuple[str, str]
    absolute: float
    relative: float


class Ascending(Rule, frozen=True, kw_only=True):
    """None of the signals is greater than the next."""

    signals: tuple[str, ...]


class Rate(Rule, frozen=True, kw_only=True):
    """The signal changes by `low` to `high` a second, give or take its resolution."""

    signal: str
    low: float
    high: float


class Stuck(Rule, frozen=True, kw_only=True):
    """The signal does not stay the same for `seconds` while the span holds."""

    signal: str
    seconds: float
    during: Span


GAP_S = 60.0
"""Two frames further apart than this are not compared."""

REPAIRS: tuple[Overshoot | Null, ...] = (
    Overshoot(name="pedal_overshoot", says="a pedal sensor reads a little past its stop", signals=("accelerator_pct", "brake_pct"), by=2),
    Null(
        name="gps_zero",
        says="a receiver without a fix says 0, 0: no vehicle of ours is in the Gulf of Guinea",
        where=(Span("lat", -0.001, 0.001), Span("lon", -0.001, 0.001)),
        signals=("lat", "lon", "altitude_m", "heading_deg", "gps_accuracy_m"),
    ),
)

REFUSALS: tuple[Range, ...] = (Range(name="range", says="a signal is outside of the catalogue's range"),)
CELLS = {"cell_v": "cell_v_max", "probe_c": "pack_temp_max_c"}
"""The lists of a cells message, and the signal whose range their values have."""

MARKS: tuple[Impossible | Product | Ascending, ...] = (
    Product(
        name="power_product", says="pack power is not voltage times current", of="pack_w", factors=("pack_v", "pack_a"), absolute=1000, relative=0.1
    ),
    Ascending(name="cell_order", says="the lowest cell is above the highest", signals=("cell_v_min", "cell_v_max")),
    Ascending(name="temp_order", says="coldest, mean and hottest are not in order", signals=("pack_temp_min_c", "pack_temp_c", "pack_temp_max_c")),
    Impossible(name="soc_high_voltage_low", says="nearly full with empty cells", where=(Span("soc_pct", 90, 100), Span("cell_v_max", 0, 3.0))),
    Impossible(name="soc_low_voltage_high", says="nearly empty with full cells", where=(Span("soc_pct", 0, 5), Span("cell_v_min", 3.95, 6))),
    Impossible(
        name="moving_motor_still",
        says="the vehicle moves and its motor does not",
        where=(Span("speed_kmh", 30, 300), Span("motor_rpm", 0, 100, amount=True)),
    ),
    Impossible(
        name="still_motor_moving",
        says="the vehicle stands and its motor runs",
        where=(Span("speed_kmh", 0, 0.5, amount=True), Span("motor_rpm", 3000, 30000, amount=True)),
    ),
    Impossible(
        name="charging_moving", says="the vehicle moves while it charges from the grid", where=(Span("speed_kmh", 5, 300), Span("is_charging", 1, 1))
    ),
)

CHANGES: tuple[Rate | Stuck, ...] = (
    Rate(name="speed_jump", says="no road vehicle gains or loses speed like this", signal="speed_kmh", low=-80, high=60),
    Rate(name="soc_jump", says="the state of charge jumps", signal="soc_pct", low=-1, high=1),
    Rate(name="temp_jump", says="a pack does not warm or cool like this", signal="pack_temp_c", low=-5, high=5),
    Rate(name="odometer_jump", says="the odometer runs back or leaps", signal="odometer_m", low=0, high=100),
    Rate(name="energy_out_jump", says="the counter of energy drawn runs back or leaps", signal="energy_out_kwh", low=0, high=1),
    Rate(name="energy_in_jump", says="the counter of energy put in runs back or leaps", signal="energy_in_kwh", low=0, high=1),
    Stuck(name="speed_stuck", says="the speed stays the same to the last digit", signal="speed_kmh", seconds=300, during=Span("speed_kmh", 10, 300)),
    Stuck(
        name="voltage_stuck", says="the voltage stays the same under load", signal="pack_v", seconds=300, during=Span("pack_a", 50, 3000, amount=True)
    ),
    Stuck(
        name="soc_stuck", says="the charge stays the same under load", signal="soc_pct", seconds=1800, during=Span("pack_w", 10_000, 2e6, amount=True)
    ),
    Stuck(
        name="position_stuck",
        says="the position stays the same while the vehicle moves",
        signal="lat",
        seconds=300,
        during=Span("speed_kmh", 20, 300),
    ),
)

RULES: tuple[Rule, ...] = (*REPAIRS, *REFUSALS, *MARKS, *CHANGES)
REPLAYED = "replayed"
"""Marks a row that came out of quarantine by a repair."""
