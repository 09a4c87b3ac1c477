import numpy as np
import pytest

from simulators.physics import charging, dc_curves, draws, sessions
from simulators.physics.dc_curves import Curve
from simulators.physics.models import catalogue
from simulators.physics.state import Plug
from simulators.physics.traits import makes

FALLING = dc_curves.on_grid([0, 50, 80, 100], [100, 100, 60, 10])


def plug(supply_w: float, dc: bool) -> Plug:
    return Plug(np.array([supply_w]), np.array([dc]), np.array([0.8]), np.array([0.0]))


def test_a_fast_charger_gives_the_least_of_charger_curve_and_what_the_cold_allows() -> None:
    def at(supply_w: float, pack_c: float) -> float:
        return float(charging.accepted_w(np.array([150.0]), np.array([11e3]), plug(supply_w, True), np.array([0.3]), np.array([pack_c]))[0])

    assert at(50e3, 25) == pytest.approx(50e3)
    assert at(350e3, 30) == pytest.approx(150e3)
    assert at(350e3, -5) < 60e3
    assert at(350e3, 56) < 40e3


def test_ac_power_is_that_of_the_weaker_side_and_tapers_at_the_end() -> None:
    def at(supply_w: float, soc: float) -> float:
        return float(charging.accepted_w(np.array([0.0]), np.array([11e3]), plug(supply_w, False), np.array([soc]), np.array([20.0]))[0])

    assert at(22e3, 0.5) == pytest.approx(11e3 * charging.AC_EFFICIENCY)
    assert at(3.7e3, 0.5) == pytest.approx(3.7e3 * charging.AC_EFFICIENCY)
    assert at(22e3, 0.995) < 0.3 * at(22e3, 0.5)


def test_every_model_has_a_dc_curve_known_or_predicted() -> None:
    made = makes()
    assert made.dc_kw.shape == (len(catalogue()), 101)
    assert made.dc_kw.min() >= 0
    for model, power in zip(catalogue().values(), made.dc_kw, strict=True):
        assert power.max() <= model.dc_kw[0] * 1.001, model.name
        assert 12 < dc_curves.minutes(power, model.usable_kwh[0]) < 100, model.name


def test_a_car_is_never_predicted_from_itself() -> None:
    car = Curve("Make", "One", 60.0, FALLING)
    twin = Curve("Make", "One", 60.0, FALLING * 0.2)
    other = Curve("Else", "Two", 62.0, FALLING)
    assert dc_curves.predicted(car, [car, twin, other]) == pytest.approx(FALLING, rel=1e-6)
    with pytest.raises(ValueError, match="no other car"):
        dc_curves.predicted(car, [car, twin])


def test_cells_of_the_same_family_are_cut_at_the_cars_own_peak() -> None:
    flat = np.full(101, 100.0)
    sibling = Curve("Make", "Family 50", 60.0, flat)
    stranger = Curve("Other", "Thing", 60.0, FALLING)
    guess = dc_curves.predicted(Curve("Make", "Family 55", 70.0, np.full(101, 110.0)), [sibling, stranger])
    assert guess[80] > 0.85 * 110


def test_ten_to_eighty_per_cent_at_constant_power_takes_the_energy_over_the_power() -> None:
    assert dc_curves.minutes(np.full(101, 42.0), 60.0) == pytest.approx(60.0)


def test_people_plug_in_at_work_in_the_morning() -> None:
    behaviour = sessions.workplace()
    key = draws.keys(1, np.arange(20_000))
    hours = sessions.start_hours(behaviour, draws.uniform(key, 1))
    energy = sessions.energies_kwh(behaviour, draws.uniform(key, 2))
    assert 6.5 < np.median(hours) < 9
    assert np.percentile(energy, [10, 50, 90]) == pytest.approx([4.1, 11.4, 31.4], rel=0.15)
    assert behaviour.weekday.sum() == pytest.approx(1, abs=1e-3)
    assert behaviour.weekday[:5].sum() > 0.95
