import numpy as np
import pytest

from simulators.physics import ageing, cabin, chemistry, pack

ROW = np.zeros(1, np.int32)


def leaf(kind: str = "nmc", count: int = 1) -> pack.Pack:
    one = np.ones(count)
    return pack.Pack(np.full(count, chemistry.number(kind)), one * 96, one * 3130, one * 0.07, one * 0.03, one * 0.04, one * 2e5, one * 8)


@pytest.mark.parametrize("kind", chemistry.CHEMISTRIES)
def test_open_circuit_voltage_never_falls_with_charge(kind: str) -> None:
    soc = np.linspace(0, 1, 1001)
    volts, slope = chemistry.ocv(np.full(1001, chemistry.number(kind)), soc)
    assert np.all(np.diff(volts) >= -1e-6)
    assert np.all(slope >= 0)
    assert volts[-1] <= chemistry.MAX_CELL_V[kind] + 1e-6


def test_an_lfp_cell_is_flat_where_an_nmc_cell_is_not() -> None:
    soc = np.array([0.3, 0.8])
    lfp, nmc = (chemistry.ocv(np.full(2, chemistry.number(kind)), soc)[0] for kind in ("lfp", "nmc"))
    assert lfp[1] - lfp[0] < 0.08
    assert nmc[1] - nmc[0] > 0.25


def test_resistance_follows_the_published_figures_of_the_i3() -> None:
    measured_ohm = {2.5: 206, 7.5: 170, 12.5: 130, 17.5: 103, 22.5: 86}
    factor = {temp: float(chemistry.temperature_factor(3130.0, np.asarray(temp))) for temp in measured_ohm}
    for temp, ohm in measured_ohm.items():
        assert factor[temp] / factor[22.5] == pytest.approx(ohm / 86, rel=0.12)


def test_the_current_gives_the_power_that_was_asked_for() -> None:
    power = np.array([-60e3, 0.0, 40e3])
    load = pack.loaded(leaf(count=3), np.ones(3), np.full(3, 360.0), (np.zeros(3), np.zeros(3)), power)
    assert load.amps * load.volts == pytest.approx(power)
    assert load.amps[0] < 0 < load.amps[2]
    assert np.all(load.heat_w >= 0)


def test_a_pack_cannot_give_more_than_its_maximum() -> None:
    load = pack.loaded(leaf(), np.ones(1), np.array([360.0]), (np.zeros(1), np.zeros(1)), np.array([-9e9]))
    assert load.volts[0] == pytest.approx(180)


def test_rc_voltages_do_not_depend_on_the_step_length() -> None:
    ohm, amps, tau = 0.03, 50.0, pack.RC_FAST_S
    small = np.zeros(1)
    for _ in range(60):
        small = pack.relaxed(small, np.asarray(amps), np.asarray(ohm), 1 - np.exp(-1 / tau))
    large = pack.relaxed(np.zeros(1), np.asarray(amps), np.asarray(ohm), 1 - np.exp(-60 / tau))
    assert small == pytest.approx(large)


def test_a_warm_pack_cools_towards_its_surroundings_and_a_heated_one_settles_above() -> None:
    temp = pack.warmed(leaf(), np.array([40.0]), np.array([10.0]), np.zeros(1), 3600.0)
    assert 10 < temp[0] < 40
    settled = pack.warmed(leaf(), np.array([10.0]), np.array([10.0]), np.array([800.0]), 1e9)
    assert settled[0] == pytest.approx(110)


def test_calendar_loss_grows_with_the_root_of_time_and_does_not_depend_on_the_step() -> None:
    one = ageing.calendar_loss(np.zeros(1), np.ones(1), ageing.YEAR_S)
    four = ageing.calendar_loss(np.zeros(1), np.ones(1), 4 * ageing.YEAR_S)
    assert four == pytest.approx(2 * one)
    steps = np.zeros(1)
    for _ in range(10):
        steps = ageing.calendar_loss(steps, np.ones(1), ageing.YEAR_S / 10)
    assert steps == pytest.approx(one)


def test_a_fleet_ages_like_the_measured_teslas() -> None:
    for years, measured in ((1, 0.045), (2, 0.063), (3, 0.076)):
        stress = ageing.calendar_stress(np.asarray(25.0), np.asarray(0.5))
        cycles = np.asarray(years * 20_000 * 0.17 / 55)
        loss = ageing.calendar_loss(np.asarray(0.0), stress, years * ageing.YEAR_S) + ageing.cycle_loss(cycles)
        assert float(loss) == pytest.approx(measured, abs=0.012)


def test_heat_and_full_charge_age_faster() -> None:
    hot, cold = (ageing.calendar_stress(np.asarray(temp), np.asarray(0.5)) for temp in (40.0, 10.0))
    full, half = (ageing.calendar_stress(np.asarray(25.0), np.asarray(soc)) for soc in (1.0, 0.5))
    assert hot > 2 * cold
    assert full > half


def test_the_cabin_comes_to_its_set_point_in_frost_and_heat() -> None:
    climate = cabin.Climate(np.array([21.0, 21.0]), np.array([5500.0, 5500.0]), np.array([0.0, 0.0]))
    outside, sun = np.array([-10.0, 35.0]), np.array([0.0, 800.0])
    inside = outside.copy()
    for _ in range(3600):
        power, heat = cabin.hvac_w(climate, inside, outside, sun, np.ones(2))
        inside = cabin.tempered(inside, outside, heat + sun, np.full(2, cabin.LEAK_W_PER_K), 1.0)
    assert inside == pytest.approx([21, 21], abs=2.5)
    assert np.all(power > 300)


def test_a_heat_pump_needs_less_than_a_heater() -> None:
    climate = cabin.Climate(np.array([21.0, 21.0]), np.array([5500.0, 5500.0]), np.array([0.0, 1.0]))
    power, _ = cabin.hvac_w(climate, np.array([20.0, 20.0]), np.array([0.0, 0.0]), np.zeros(2), np.ones(2))
    assert power[1] < 0.6 * power[0]
