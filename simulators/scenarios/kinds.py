"""The catalogue of faults: what each kind is, what its severity (0 to 1) means, and its parameters with their defaults."""

from typing import Literal

import msgspec

Group = Literal["cell", "pack", "sensor", "unit", "network"]


class Kind(msgspec.Struct, frozen=True):
    """One kind of fault. `severity` says what severity 1 is; `parameters` are the names and defaults of further numbers."""

    name: str
    group: Group
    what: str
    severity: str
    parameters: dict[str, float] = {}

    @property
    def on_signals(self) -> bool:
        """Whether it falsifies signals, so that a scenario has to name them."""
        return self.group == "sensor"


_ALL = (
    Kind("cell.weak_capacity", "cell", "one cell holds less than the others", "60 % of the capacity is gone", {"cell": -1}),
    Kind("cell.self_discharge", "cell", "one cell discharges by itself", "0.5 A flow inside the cell", {"cell": -1}),
    Kind("cell.high_resistance", "cell", "one cell's resistance grows over the fault", "five times the resistance at its end", {"cell": -1}),
    Kind("cell.internal_short", "cell", "an internal short grows slowly: charge leaves, heat comes", "6 A inside the cell at its end", {"cell": -1}),
    Kind(
        "cell.thermal_runaway",
        "cell",
        "the hours before a thermal runaway: heat grows ever faster, the cell's voltage sinks",
        "160 W in the cell at its end",
        {"cell": -1},
    ),
    Kind("pack.cooling_failure", "pack", "the cooling of the pack works less", "not at all"),
    Kind("pack.isolation_loss", "pack", "isolation to the chassis falls over the fault", "to a thousandth"),
    Kind("pack.contactor", "pack", "the main contactor opens and closes again", "open all the time", {"period_s": 120.0}),
    Kind("pack.imbalance", "pack", "the cells drift apart over the fault", "21 times the usual spread"),
    Kind("sensor.stuck", "sensor", "the signal keeps the value that it had", "(severity has no meaning)"),
    Kind("sensor.drift", "sensor", "the signal moves away evenly", "by `amount` at its end; 0 = 5 % of the signal's range", {"amount": 0.0}),
    Kind("sensor.bias", "sensor", "the signal is off by a constant", "by `amount`; 0 = 5 % of the signal's range", {"amount": 0.0}),
    Kind("sensor.noise_burst", "sensor", "the signal is noisy", "standard deviation `amount`; 0 = 5 % of the range", {"amount": 0.0}),
    Kind("sensor.spike", "sensor", "single values are far off", "by `amount`; 0 = 20 % of the range", {"amount": 0.0, "share": 0.02}),
    Kind("sensor.missing", "sensor", "the signal is left out of frames", "of all frames"),
    Kind("unit.reboot", "unit", "the sensor unit starts anew: a new boot id, seq from 0", "off for `off_s`", {"off_s": 20.0}),
    Kind("unit.clock_skew", "unit", "the unit's clock goes wrong evenly", "500 ppm", {"ppm": 500.0}),
    Kind("unit.clock_jump", "unit", "the unit's clock is off for the time of the fault", "by `jump_s`", {"jump_s": 3600.0}),
    Kind("network.outage", "network", "no connection", "(severity has no meaning)"),
    Kind("network.delay", "network", "messages arrive late", "by `delay_s` on average", {"delay_s": 30.0}),
    Kind("network.duplicate", "network", "messages are sent twice", "every message"),
    Kind("network.reorder", "network", "messages overtake each other", "within `window_s`", {"window_s": 5.0}),
    Kind("network.corrupt", "network", "payloads arrive broken", "every payload"),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
