"""The figures above the map."""

import numpy as np

from dashboards.figures import Rate, figures
from dashboards.live.fleet import SIGNALS, Fleet, Frames

NOW_MS = 1_800_000_000_000


def shown(fleet: Fleet, name: str, age_s: float = 0.5, **signals: float) -> None:
    values = {signal: np.array([signals.get(signal, np.nan)]) for signal in SIGNALS}
    fleet.take(Frames([name], ["eu-north"], np.array([NOW_MS - int(age_s * 1000)]), values), NOW_MS)


def test_powers_and_charge_count_online_vehicles_only() -> None:
    fleet = Fleet()
    shown(fleet, "A", speed_kmh=50.0, pack_w=-20_000.0, soc_pct=80.0)
    shown(fleet, "B", speed_kmh=30.0, pack_w=5_000.0, soc_pct=40.0)
    shown(fleet, "C", is_charging=1.0, pack_w=11_000.0)
    shown(fleet, "D", age_s=600, speed_kmh=90.0, pack_w=-70_000.0, soc_pct=1.0)
    found = figures(fleet, NOW_MS, open_alerts=2, messages_per_s=3.5)
    assert (found.vehicles, found.online, found.open_alerts, found.messages_per_s) == (4, 3, 2, 3.5)
    assert found.mean_soc_pct == 60.0
    assert found.driving_kw == 15.0
    assert found.charging_kw == 11.0
    assert found.counts == {"alert": 0, "charging": 1, "driving": 2, "parked": 0, "offline": 1}
    assert found.newest_age_s == 0.5


def test_an_empty_fleet_has_no_mean_and_no_age() -> None:
    found = figures(Fleet(), NOW_MS, open_alerts=0, messages_per_s=None)
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
