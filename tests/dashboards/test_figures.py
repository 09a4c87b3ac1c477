"""The figures above the map, and how values are written."""

import pytest

from dashboards.figures import Rate, figures
from dashboards.readings import GROUPS, HEADLINE, TITLES, age, amount, reading
from dashboards.vehicles import Shown, Vehicle, state

NOW_MS = 1_800_000_000_000


def shown(name: str, age_s: float = 0.5, **signals: float) -> Shown:
    vehicle = Vehicle(name, "eu-north", NOW_MS - int(age_s * 1000), **signals)
    return Shown(vehicle, state(vehicle, alerting=False, now_ms=NOW_MS))


def test_powers_and_charge_count_online_vehicles_only() -> None:
    fleet = [
        shown("A", speed_kmh=50.0, pack_w=-20_000.0, soc_pct=80.0),
        shown("B", speed_kmh=30.0, pack_w=5_000.0, soc_pct=40.0),
        shown("C", is_charging=1.0, pack_w=11_000.0),
        shown("D", age_s=600, speed_kmh=90.0, pack_w=-70_000.0, soc_pct=1.0),
    ]
    found = figures(fleet, NOW_MS, open_alerts=2, messages_per_s=3.5)
    assert (found.vehicles, found.online, found.open_alerts, found.messages_per_s) == (4, 3, 2, 3.5)
    assert found.mean_soc_pct == 60.0
    assert found.driving_kw == 15.0
    assert found.charging_kw == 11.0
    assert found.counts == {"alert": 0, "charging": 1, "driving": 2, "parked": 0, "offline": 1}
    assert found.newest_age_s == 0.5


def test_an_empty_fleet_has_no_mean_and_no_age() -> None:
    found = figures([], NOW_MS, open_alerts=0, messages_per_s=None)
    assert (found.vehicles, found.online, found.mean_soc_pct, found.newest_age_s) == (0, 0, None, None)


def test_a_rate_is_the_growth_over_its_window() -> None:
    rate = Rate(window_s=10)
    assert rate.add(0, 1000) is None
    assert rate.add(5, 1500) == 100
    assert rate.add(10, 2500) == 150
    assert rate.add(15, 2500) == 100
    assert rate.add(40, 2500) == 0


def test_a_rate_starts_anew_where_the_count_fell() -> None:
    rate = Rate()
    rate.add(0, 1000)
    assert rate.add(3, 10) is None
    assert rate.add(6, 40) == 10


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("pack_w", -18_430.0, "\N{MINUS SIGN}18.4 kW"),
        ("pack_w", 0.0, "0.0 kW"),
        ("pack_w", None, "\N{EN DASH} kW"),
        ("soc_pct", 81.26, "81.3 %"),
        ("cell_v_min", 3.8614, "3.861 V"),
        ("odometer_m", 48_213_000.0, "48\N{NARROW NO-BREAK SPACE}213.0 km"),
        ("ambient_c", -3.25, "\N{MINUS SIGN}3.2 °C"),
        ("gear", 126.0, "126"),
    ],
)
def test_a_value_is_written_with_its_unit(name: str, value: float | None, written: str) -> None:
    assert reading(name, value) == written


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert amount(-0.04, "kW", 1) == "0.0 kW"
    assert amount(None, "km/h") == "\N{EN DASH} km/h"


@pytest.mark.parametrize(("seconds", "written"), [(0.44, "0.4 s"), (-3, "0.0 s"), (12.3, "12 s"), (185, "3 min"), (18_000, "5 h"), (864_000, "10 d")])
def test_an_age_is_written_in_the_unit_that_fits(seconds: float, written: str) -> None:
    assert age(seconds) == written


def test_every_value_of_the_vehicle_panel_has_a_title() -> None:
    assert {*HEADLINE, *(name for _, names in GROUPS for name in names)} == TITLES.keys()
