"""What the pages ask of gold, without a browser."""

import time
from pathlib import Path

import pytest

from contracts.errors import Terminal
from dashboards.queries import fleetwide, vehicle
from dashboards.queries.lake import Lake, Span
from tests.dashboards import gold
from tests.dashboards.client import Client
from tests.dashboards.made import Dashboard

DAY_MS = 86_400_000
ASKED = ("battery", "charging", "energy", "hours", "quarantine", "quality", "drift", "alerts", "pipeline", "models", "signals")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("gold")
    gold.make(folder)
    return Lake(str(folder))


def span(days: float = 30) -> Span:
    now_ms = int(time.time() * 1000)
    return Span(now_ms - int(days * DAY_MS), now_ms + 1)


def test_a_minute_has_its_newest_revision_only_and_silence_is_a_gap(lake: Lake) -> None:
    found = vehicle.history(lake, gold.VEHICLES[0], span(2), ["soc_pct", "speed_kmh"])
    means = found["series"]["soc_pct"]["mean"]
    known = [value for value in means if value is not None]
    assert min(known) > 29
    assert max(known) < 91
    assert means[:100] == [None] * 100, "the day before: nothing"
    assert len(means) == len(found["at"])
    least = [value for value in found["series"]["soc_pct"]["min"] if value is not None]
    assert min(least) == pytest.approx(min(known) - 1, abs=0.1)


def test_a_long_range_has_fewer_and_longer_steps(lake: Lake) -> None:
    found = vehicle.history(lake, gold.VEHICLES[0], span(30), ["soc_pct"])
    assert len(found["at"]) <= vehicle.MOST_POINTS + 1
    assert found["step_ms"] == 29 * 60_000


@pytest.mark.parametrize(("signals", "said"), [(["nonsense"], "cannot be charted"), ([], "1 to 12"), (["soc_pct"] * 13, "1 to 12")])
def test_a_history_that_cannot_be_is_one_sentence(lake: Lake, signals: list[str], said: str) -> None:
    with pytest.raises(Terminal, match=said):
        vehicle.history(lake, "A", span(1), signals)


def test_consumption_is_weighted_by_distance(lake: Lake) -> None:
    found = fleetwide.energy(lake, span())
    models = dict(zip(found["models"]["model"], found["models"]["wh_per_km"], strict=True))
    km = {at: [12.0 + 3 * at + day for day in range(gold.DAYS)] for at in range(3)}
    wh = {at: [130.0 + 12 * at + 3 * day for day in range(gold.DAYS)] for at in range(3)}
    pairs = [(a, b) for at in range(3) for a, b in zip(km[at], wh[at], strict=True)]
    assert models["city"] == pytest.approx(sum(a * b for a, b in pairs) / sum(a for a, _ in pairs))
    assert sum(found["models"]["trips"]) == found["total"] == 80


def test_batteries_are_shown_by_their_last_day_and_charging_by_kind(lake: Lake) -> None:
    battery = fleetwide.battery(lake, span())
    assert battery["total"] == 8
    assert battery["vehicles"]["soh_pct"][battery["vehicles"]["vehicle_id"].index("GOLD-000")] == 99.0, "the newest day"
    charging = fleetwide.charging(lake, span())
    assert charging["curve"]["kw"][0] == pytest.approx(95 - 7)
    assert sum(charging["chargers"]["sessions"]) == charging["total"] == 80
    reasons = fleetwide.quarantine(lake, span())["reasons"]
    assert dict(zip(reasons["reason"], reasons["messages"], strict=True)) == {"range": 5, "future": 2}


def test_a_table_that_is_made_later_or_anew_is_seen(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    assert fleetwide.energy(lake, span()) == {"models": {}, "temperatures": {}, "days": {}, "trips": {}, "total": 0}
    gold.make(tmp_path)
    assert fleetwide.energy(lake, span())["total"] == 80
    assert vehicle.alerts(lake, span(7)).num_rows == 1


def test_without_any_table_every_question_has_an_empty_answer(dashboard: Dashboard) -> None:
    client = Client(dashboard.url)
    client.sign_in("viewer")
    for path in (
        *ASKED,
        "vehicles/NOBODY/trips",
        "vehicles/NOBODY/sessions",
        "vehicles/NOBODY/battery",
        "vehicles/NOBODY/history",
        "vehicles/NOBODY/cells",
    ):
        answer = client.ask(f"/api/{path}")
        assert answer.status == 200, (path, answer.text)
    assert client.ask("/api/vehicles/NOBODY").status == 404
    assert client.ask("/api/energy?from=5&to=4").json["error"] == "a time range begins before it ends, and is at most 400 days"
    assert client.ask("/api/energy?from=x").status == 422
