"""Models over a given speed trace, with their packs: what a recording of that drive would have shown.

The traces themselves (UDDS, HWFET, US06, WLTC, or any recorded drive) are read by whoever calls; none is shipped.
"""

from collections.abc import Sequence

import numpy as np

from simulators.physics import chemistry, electrics, pack
from simulators.physics.cars import model_car
from simulators.physics.models import Model
from simulators.physics.road import Array
from simulators.physics.state import Charge
from simulators.physics.trace import Trace, battery_power
from simulators.physics.traits import makes, pack_of

Columns = dict[str, Array]


def driven(models: Sequence[Model], trace: Trace, soc: float = 0.8, pack_c: float = 25.0) -> Columns:
    """Signals of each model over the trace, as arrays (intervals, models): speed, power, current, voltage, state of charge.

    New packs, at one temperature. A pack that runs empty gives no more; the trace goes on.
    """
    made = makes([model.name for model in models])
    packs, capacity = pack_of(made.columns), made.columns["capacity_ah"].astype(np.float64)
    power = np.stack([battery_power(model_car(model), trace).battery_w for model in models], axis=1)
    zero = np.zeros(len(models), np.float32)
    charge = Charge(capacity * soc, zero, zero, zero, zero, *(np.zeros(len(models)) for _ in range(5)))
    rows: dict[str, list[Array]] = {"pack_v": [], "pack_a": [], "soc_pct": []}
    factor = chemistry.temperature_factor(packs.activation_k, np.asarray(pack_c))
    for drawn in power:
        full = (charge.ah / capacity).astype(np.float32)
        resistance = (factor * chemistry.charge_factor(full)).astype(np.float32)
        charge, _ = electrics.stepped(packs, charge, -drawn, (capacity, resistance, full), trace.dt_s)
        for name, values in (("pack_v", charge.volts), ("pack_a", charge.amps), ("soc_pct", charge.ah / capacity * 100)):
            rows[name].append(values)
    found = {name: np.stack(values) for name, values in rows.items()}
    speed = (trace.speed_mps[1:] + trace.speed_mps[:-1]) / 2 * 3.6
    return found | {"speed_kmh": np.repeat(speed[:, None], len(models), axis=1), "pack_w": found["pack_v"] * found["pack_a"]}


def rest_v(model: Model, soc: float) -> float:
    """Open-circuit voltage of a model's new pack."""
    return float(pack.rest_voltage(pack_of(makes([model.name]).columns), np.array([soc], np.float32))[0])
