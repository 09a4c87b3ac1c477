"""Charging sessions are asked about as the car plugs in and each half hour, with what training would know of them then."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from cloud_stream.steps import live_stays
from cloud_stream.steps.asked import Answer, Ask
from cloud_stream.steps.checkpoint import dump, load
from cloud_stream.steps.live import LiveState
from cloud_stream.steps.live_stays import Stays
from contracts.events import Score
from features.stays import FEATURES, STAY_FEATURES, Sessions, described
from lakehouse.gold import facts
from lakehouse.gold.charging import SESSIONS
from lakehouse.positions import Position, Source
from lakehouse.tables import TIME

START_MS = 1_790_000_000_000 // 86_400_000 * 86_400_000 + 9 * 3_600_000
SOURCE = Source("cluster", "topic-id", 0)
HERE = {"lat": 52.52, "lon": 13.405}


class Asked:
    """Remembers what it was asked; says what is left of 40 kWh."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def __call__(self, name: str, rows: pa.Table) -> list[Answer]:
        assert name == "charging_v1"
        self.rows += rows.to_pylist()
        return [Answer(name, "7", 40 - rows["delivered_kwh"].to_numpy())]


def session(vehicle: str, start_min: float, charging_min: float, idle_min: float = 0.0, kw: float = 11.0) -> pa.Table:
    """Frames every 20 s, plugged in and charging, then only plugged in."""
    seconds = np.arange(0, (charging_min + idle_min) * 60 + 1, 20)
    charges = seconds <= charging_min * 60
    energy = 500 + np.minimum(seconds, charging_min * 60) / 3600 * kw
    signals = {name: np.full(len(seconds), np.nan) for name in SESSIONS.signals} | {name: np.full(len(seconds), at) for name, at in HERE.items()}
    signals |= {"cable_connected": np.ones(len(seconds)), "is_charging": charges.astype(float), "energy_in_kwh": np.round(energy, 3)}
    signals |= {"soc_pct": np.round(40 + (energy - 500) / 0.6, 2), "pack_w": np.where(charges, kw * 1000, 0)}
    times = pa.array((START_MS + start_min * 60_000 + seconds * 1000).astype(np.int64) * 1000).cast(TIME)
    columns = {"vehicle_id": pa.repeat(vehicle, len(seconds)), "region": pa.repeat("eu", len(seconds))}
    return pa.table({**columns, "partition": pa.repeat(pa.scalar(0, pa.int32()), len(seconds)), "event_ts": times, **signals})


def streamed(rows: pa.Table, asked: Ask, state: Stays | None = None, every_s: int = 60, restart: bool = False) -> Iterator[Score]:
    """Frames in order of time, in batches of so many seconds."""
    state, rows = state or Stays(), rows.sort_by("event_ts")
    stamps = rows["event_ts"].cast(pa.int64()).to_numpy() // 1_000_000
    for at in np.unique(stamps // every_s):
        clock = int((at + 1) * every_s * 1000)
        yield from live_stays.step(state, rows.filter(pa.array(stamps // every_s == at)), {0: clock}, asked)
        if restart:
            reached = {SOURCE: Position(1, clock)}
            state = load(dump(LiveState(reached=reached, stays=state)), reached).stays


def test_a_session_is_asked_about_as_it_begins_and_each_half_hour_while_it_charges() -> None:
    asked = Asked()
    scores = list(streamed(session("C-1", 0, 70, idle_min=20), asked))
    assert [round(row["elapsed_min"]) for row in asked.rows] == [0, 30, 60], "not once it has ended charging"
    assert [row["delivered_kwh"] for row in asked.rows] == pytest.approx([0, 5.5, 11], abs=0.2)
    assert [row["power_kw"] for row in asked.rows[1:]] == pytest.approx([11, 11], rel=0.02)
    assert (asked.rows[0]["hour"], asked.rows[0]["weekday"]) == (10, (START_MS // 86_400_000 + 3) % 7), "local time of the longitude"
    assert asked.rows[0]["soc_plugged_pct"] == 40
    assert all(np.isnan(asked.rows[0][name]) for name in STAY_FEATURES), "nobody says how long it stays"
    identity = facts.identifiers("session", ["C-1"], [START_MS]).to_pylist()[0]
    assert {(one.model, one.version, one.unit, one.about) for one in scores} == {("charging_v1", "7", "kWh", f"session {identity}")}
    assert [one.value for one in scores] == pytest.approx([40, 34.5, 29], abs=0.2)


def test_sessions_that_have_ended_there_are_experience_as_in_training() -> None:
    asked = Asked()
    rows = pa.concat_tables([session("C-1", 0, 70), session("C-2", 20, 30, kw=7.4), session("C-3", 100, 10)])
    list(streamed(rows, asked))
    start = START_MS / 60_000 + 60 + np.array([0, 20, 100])
    energy, charge = np.array([11 * 70 / 60, 7.4 / 2, np.nan]), np.array([70.0, 30.0, np.nan])
    place = np.array(["one place"] * 3, object)
    known = described(Sessions(place, place, start, start + charge, charge, energy, np.array([40.0] * 3)))
    third = next(row for row in reversed(asked.rows) if row["elapsed_min"] == 0)
    names = [name for name in FEATURES if name not in STAY_FEATURES]
    assert [third[name] for name in names] == pytest.approx([known[name][2] for name in names], rel=1e-3, nan_ok=True)
    assert third["site_energy_kwh"] == pytest.approx((11 * 70 / 60 + 3.7) / 2, rel=1e-3)


def test_the_first_version_is_asked_about_sessions_that_go_on() -> None:
    state, rows, asked = Stays(), session("C-1", 0, 50), Asked()
    assert list(streamed(rows.slice(0, 60), lambda _name, _rows: [], state)) == []
    assert [round(row["elapsed_min"]) for row in asked.rows] == []
    assert len(list(streamed(rows.slice(60), asked, state))) == 2
    assert [round(row["elapsed_min"]) for row in asked.rows] == [0, 30]


def test_restarts_change_nothing() -> None:
    rows = pa.concat_tables([session("C-1", 0, 70), session("C-2", 20, 30), session("C-1", 90, 40)])
    straight, restarted = Asked(), Asked()
    usual = list(streamed(rows, straight, every_s=300))
    assert list(streamed(rows, restarted, every_s=300, restart=True)) == usual
    assert repr(restarted.rows) == repr(straight.rows)
    assert len({one.about for one in usual}) == 3
