"""The live flow goes on while its memory is written down, waits for a lake that is down, and ends where it can never be written."""

import threading
from concurrent.futures import wait
from pathlib import Path

import pytest

from cloud_stream.alerting.reading import load as load_rules
from cloud_stream.connectors import checkpoints
from cloud_stream.connectors.alert_store import AlertStore
from cloud_stream.connectors.checkpoints import Checkpoints
from cloud_stream.steps.alert_checkpoint import load_alerts, restore
from cloud_stream.steps.alerts import Alarms
from cloud_stream.steps.checkpoint import load
from cloud_stream.steps.live import LiveState, Reactor
from contracts.errors import Terminal, Transient
from contracts.events import Alert
from lakehouse import reader, writer
from lakehouse.positions import START, Source
from tests.cloud_stream.test_live import frames


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(checkpoints, "EVERY_S", 0.0)
    monkeypatch.setattr(checkpoints, "SHARE", 1e9)
    writer.ensure(str(tmp_path), ["state.live", "state.alerts", "gold.alerts", "gold.scores"])
    return str(tmp_path)


def written(done: Checkpoints) -> None:
    assert done._writing is not None
    assert wait([done._writing], 30).done, "a checkpoint is written"


def test_the_flow_goes_on_meanwhile_and_what_came_then_is_in_the_next(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reactor = Reactor(LiveState(), lambda _name, _rows: [])
    done, may = Checkpoints(lake, reactor), threading.Event()
    write = done._alerts.write
    monkeypatch.setattr(done._alerts, "write", lambda chunks: (may.wait(30), write(chunks)))
    reactor.step(frames([0, 1], hot=True))
    there = dict(reactor.state.reached)
    done.turn()
    raised = reactor.step(frames([3], 2)).alerts
    done.turn()
    assert reader.arrow(lake, "state.live").num_rows == 0, "it waits, and the flow does not"
    may.set()
    written(done)
    stood = load(reader.arrow(lake, "state.live"), there)
    assert stood.online["soc_pct"].to_pylist() == [1]
    assert reader.arrow(lake, "gold.alerts")["state"].to_pylist() == ["raised"]
    assert raised == [], "seq 2 is missing"
    reactor.step(frames([2], 3))
    done.turn()
    written(done)
    stood = load(reader.arrow(lake, "state.live"), dict(reactor.state.reached))
    assert stood.online["soc_pct"].to_pylist() == [3]
    assert reader.arrow(lake, "gold.alerts")["state"].to_pylist() == ["cleared"]


def test_a_crash_before_the_alerts_are_in_gold_forgets_none(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Reactor(LiveState(), lambda _name, _rows: [])
    done = Checkpoints(lake, first)

    def crash(_alerts: object) -> None:
        raise Terminal("as if killed")

    monkeypatch.setattr(done._alerts, "upsert", crash)
    (raised,) = first.step(frames([0, 1], hot=True)).alerts
    done.turn()
    written(done)
    assert reader.count(lake, "gold.alerts") == 0
    table, reached = reader.arrow(lake, "state.live"), first.state.reached
    state, pieces = load_alerts(table, {"cells": reached})
    alarms = Alarms(state, load_rules())
    restore(alarms, pieces, AlertStore(lake).read(pieces))
    again = Checkpoints(lake, Reactor(load(table, reached), lambda _name, _rows: [], alarms))
    again.turn()
    written(again)
    assert reader.arrow(lake, "gold.alerts")["alert_id"].to_pylist() == [raised.alert_id]


def test_partitions_that_nothing_was_read_of_are_no_hindrance(lake: str) -> None:
    reactor = Reactor(LiveState(reached={Source("cluster", "topic-id", number): START for number in range(3)}), lambda _name, _rows: [])
    done = Checkpoints(lake, reactor)
    reactor.step(frames([0, 1]))
    done.turn()
    written(done)
    done.turn()
    assert set(reader.arrow(lake, "state.live")["partition"].to_pylist()) == {0, 1, 2}


def test_a_lake_that_is_down_is_waited_for_and_one_that_cannot_be_written_ends_the_flow(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reactor = Reactor(LiveState(), lambda _name, _rows: [])
    done = Checkpoints(lake, reactor)
    upsert, failures = done._alerts.upsert, [Terminal("the disk is full"), Transient("no answer")]

    def failing(alerts: list[tuple[int, Alert]]) -> None:
        if len(failures) > 1 or reactor.state.online["soc_pct"].to_pylist() == [2]:
            raise failures.pop()
        upsert(alerts)

    monkeypatch.setattr(done._alerts, "upsert", failing)
    reactor.step(frames([0, 1]))
    done.turn()
    written(done)
    assert load(reader.arrow(lake, "state.live"), dict(reactor.state.reached)).online["soc_pct"].to_pylist() == [1]
    reactor.step(frames([2], 2))
    done.turn()
    written(done)
    with pytest.raises(Terminal, match="the disk is full"):
        done.turn()
