import numpy as np
import pytest

from simulators.physics import drivetrain, road
from simulators.physics.cars import REGEN, losses, model_car, unknown_car
from simulators.physics.models import catalogue, fits
from simulators.physics.trace import Trace, battery_power, wh_per_km

LOAD = tuple(np.asarray(value) for value in (120.0, 2.0, 0.4))


def test_road_load_is_the_certified_polynomial_at_20_celsius_and_sea_level() -> None:
    speed = np.array([0.0, 10.0, 30.0])
    force = road.resistance(LOAD, speed, road.rolling_factor(np.asarray(20.0), 0.0), road.air_density_ratio(np.asarray(20.0), 0.0))
    assert force == pytest.approx([0.0, 120 + 20 + 40, 120 + 60 + 360])


def test_cold_air_and_cold_tyres_resist_more_and_height_less() -> None:
    assert road.rolling_factor(np.asarray(-10.0), 0.0) == pytest.approx(1 + 30 * 8.6e-3)
    assert road.air_density_ratio(np.asarray(-10.0), 0.0) > 1.1
    assert road.air_density_ratio(np.asarray(20.0), 1600.0) == pytest.approx(0.827, abs=0.01)


def test_energy_on_a_flat_closed_trace_is_at_least_what_the_road_takes() -> None:
    speed = np.concatenate([np.linspace(0, 25, 30), np.full(100, 25.0), np.linspace(25, 0, 30)])
    car = model_car(catalogue()["nissan-leaf-40"])
    outcome = battery_power(car, Trace(speed))
    road_w = (np.asarray(car.load[0]) + car.load[1] * outcome.speed_mps + car.load[2] * outcome.speed_mps**2) * outcome.speed_mps
    assert outcome.battery_w.sum() > road_w.sum()


def test_climbing_and_coming_down_again_costs_energy_but_less_than_the_climb() -> None:
    speed = np.full(401, 15.0)
    hill = np.concatenate([np.linspace(0, 150, 201), np.linspace(150, 0, 201)[1:]])
    car = model_car(catalogue()["tesla-model-3-lr"])
    flat, over = (battery_power(car, Trace(speed, height)).battery_w.sum() for height in (0.0, hill))
    climb = float(car.mass_kg) * road.GRAVITY_MS2 * 150
    assert 0 < over - flat < 0.6 * climb


def test_regeneration_fades_out_near_standstill_and_stays_within_its_limits() -> None:
    speed = np.array([0.5, 1.4, 2.8, 10.0, 30.0])
    limits = (np.full(5, 1800.0), np.full(5, 150e3), np.full(5, 60e3))
    motor = drivetrain.motor_force(np.full(5, -9000.0), speed, REGEN, limits)
    assert motor[0] == 0
    assert motor[1] == 0
    assert motor[2] == pytest.approx(-0.5 * 1800 * 2.5)
    assert np.all(-motor * speed <= 60e3 + 1)
    assert np.all(-motor <= 1800 * REGEN.max_ms2 + 1)


def test_a_drive_loses_energy_in_both_directions() -> None:
    speed, force = np.array([20.0, 20.0]), np.array([1500.0, -1500.0])
    drawn = drivetrain.battery_w(losses(fits()["drivetrain"].values), np.array([150e3, 150e3]), force, speed)
    assert drawn[0] > 1500 * 20
    assert 0 > drawn[1] > -1500 * 20


def test_motor_power_limits_what_a_driver_can_ask_for() -> None:
    limits = (np.array([1800.0]), np.array([80e3]), np.array([40e3]))
    assert drivetrain.motor_force(np.array([9000.0]), np.array([30.0]), REGEN, limits)[0] * 30 == pytest.approx(80e3)


def test_every_shipped_model_has_a_source_for_each_figure_and_a_plausible_consumption() -> None:
    from simulators.physics.models import sources

    assert len(catalogue()) >= 12
    steady = np.concatenate([np.linspace(0, 25, 20), np.full(600, 25.0), np.linspace(25, 0, 20)])
    for model in catalogue().values():
        figures = [value for value in (getattr(model, name) for name in model.__struct_fields__) if isinstance(value, tuple)]
        assert all(source in sources() for _, source in figures), model.name
        assert 90 < float(wh_per_km(battery_power(model_car(model), Trace(steady)))) < 320, model.name


def test_a_car_of_which_only_mass_and_road_load_are_known_needs_more_the_heavier_it_is() -> None:
    speed = np.abs(np.sin(np.linspace(0, 20, 800))) * 20
    mass = np.array([[1400.0], [1900.0], [2500.0]])
    load = tuple(np.full((3, 1), value) for value in (140.0, 1.0, 0.4))
    used = wh_per_km(battery_power(unknown_car(fits()["drivetrain"].values, mass, (load[0], load[1], load[2])), Trace(speed)))
    assert used[0] < used[1] < used[2]
