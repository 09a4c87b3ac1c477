import numpy as np
import pytest

from simulators.physics.models import catalogue
from simulators.physics.on_cycle import driven, rest_v
from simulators.physics.trace import Trace, battery_power, wh_per_km

SPEED = 15 + 12 * np.sin(np.arange(900) / 30)


def test_models_on_a_cycle_use_what_their_drive_asks_for_and_lose_that_charge() -> None:
    models = list(catalogue().values())
    found = driven(models, Trace(SPEED))
    assert found["pack_v"].shape == (899, len(models))
    for at, model in enumerate(models):
        used = -found["pack_w"][:, at].sum() / 3.6e6
        volts = rest_v(model, 0.78)
        assert found["soc_pct"][-1, at] < 80, model.name
        assert found["pack_v"][:, at].mean() == pytest.approx(volts, rel=0.06), model.name
        assert 0.05 < used < 3, model.name


def test_the_power_at_the_terminals_is_the_power_asked_for() -> None:
    from simulators.physics.cars import model_car

    model = catalogue()["volkswagen-id4-awd"]
    found = driven([model], Trace(SPEED))
    outcome = battery_power(model_car(model), Trace(SPEED))
    assert -found["pack_w"][:, 0] == pytest.approx(outcome.battery_w, rel=1e-3, abs=20)
    assert 90 < float(wh_per_km(outcome)) < 250
