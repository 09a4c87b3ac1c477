"""Packs are scored hour by hour: whatever order, batches and restarts their cells came in, and as training reads the same samples."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cloud_stream.alerting.reading import load as load_rules
from cloud_stream.steps import currents, live_cells
from cloud_stream.steps.alerts import Alarms, AlertState
from cloud_stream.steps.asked import Answer
from cloud_stream.steps.checkpoint import dump, load
from cloud_stream.steps.live import LiveState, Reactor
from cloud_stream.steps.live_cells import GRACE_MS, HOUR_MS, Packs
from contracts import codec
from contracts.events import Cells, Score, Telemetry
from contracts.identity import Kind
from features.cells import Hour, described, nothing, summed
from features.models.battery_task import pack_scores
from lakehouse.positions import Position, Source
from lakehouse.tables import TIME
from tests.lakehouse.made import bronze, envelope

START_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS
HOURS, EVERY_MS, SIZE, WEAK = 5, 60_000, 24, 17
SOURCE = Source("cluster", "topic-id", 0)


def asked(name: str, rows: pa.Table) -> list[Answer]:
    """A model that says how far below a cell is, up to ten spreads."""
    assert name == "battery_fault_v1"
    return [Answer(name, "3", np.clip(rows["below"].to_numpy(), 0, 10) / 10)]


def samples(seed: int, hours: float = HOURS) -> tuple[np.ndarray, Hour]:
    """Instants (ms) and samples of a pack with a weak cell."""
    random = np.random.default_rng(seed)
    count = round(hours * HOUR_MS / EVERY_MS)
    amps = np.round(40 * np.sin(np.arange(count) / 5), 2)
    volts = 3.7 + random.normal(0, 0.003, SIZE) + random.normal(0, 0.001, (count, SIZE))
    volts[:, WEAK] -= 0.03 - 0.0005 * amps
    return START_MS + np.arange(count) * EVERY_MS, Hour(np.round(volts, 3), amps, np.round(random.normal(25, 1, (count, 4)), 1))


def rows_of(kind: str, vehicle: str, ts: np.ndarray, known: np.ndarray, of: Hour) -> pa.Table:
    schema = currents.FRAMES if kind == "telemetry" else currents.ROWS
    values = {"pack_a": pa.array(of.amps), "cell_v": pa.array(of.cell_v.tolist()), "probe_c": pa.array(of.probe_c.tolist())}
    identity = {"vehicle_id": pa.repeat(vehicle, len(ts)), "partition": pa.repeat(pa.scalar(0, pa.int32()), len(ts))}
    times = {"event_ts": pa.array(ts * 1000).cast(TIME), "known_at": pa.array(known * 1000).cast(TIME)}
    return pa.table({name: (identity | times | values)[name] for name in schema.names}, schema)


def streamed(order: list[np.ndarray], state: Packs, names: tuple[str, ...] = ("P-1", "P-2"), restart: bool = False) -> Iterator[Score]:
    """Cells come in batches of these places, a second apart by Kafka's clock, each with the frames of its instants."""
    packs = {name: samples(number) for number, name in enumerate(names)}
    for number, places in enumerate(order):
        clock = START_MS + HOURS * HOUR_MS + number * 10_000
        for name, (ts, of) in packs.items():
            known = np.full(len(places), clock)
            part = Hour(*(column[places] for column in of))
            currents.cells(state.currents, rows_of("cells", name, ts[places], known, part))
            currents.frames(state.currents, rows_of("telemetry", name, ts[places], known, part), {0: clock})
        if restart:
            state = reloaded(state, clock)
        yield from live_cells.step(state, {0: clock + currents.WAIT_MS}, asked)


def reloaded(state: Packs, clock: int) -> Packs:
    reached = {SOURCE: Position(1, clock)}
    return load(dump(LiveState(reached=reached, packs=state)), reached).packs


ALL = np.arange(HOURS * HOUR_MS // EVERY_MS)
IN_ORDER = np.array_split(ALL, 20)


def test_the_weak_cell_is_named_once_three_hours_are_over_and_as_it_is_judged_offline() -> None:
    state = Packs()
    scores = sorted(streamed(IN_ORDER, state), key=lambda one: (one.vehicle_id, one.event_ts))
    assert [(one.vehicle_id, one.event_ts) for one in scores] == [
        (name, START_MS + hours * HOUR_MS + GRACE_MS) for name in ("P-1", "P-2") for hours in (3, 4)
    ], "the last hour is open still"
    assert {(one.model, one.version, one.unit, one.about) for one in scores} == {("battery_fault_v1", "3", "score", "cell 18")}
    _, of = samples(0)
    memory, judged = nothing(SIZE), []
    for hour in range(4):
        figures, memory = described(summed(Hour(*(column[hour * 60 : hour * 60 + 60] for column in of))), memory)
        assert figures is not None
        assert figures["ohm_high"].argmax() == WEAK, "the currents came with the cells"
        judged.append(pd.DataFrame({"hour_s": hour, "cell": range(SIZE), "score": np.clip(figures["below"], 0, 10) / 10}))
    assert [one.value for one in scores[:2]] == pack_scores(pd.concat(judged)).tolist()[2:], "to the last bit"
    assert np.array_equal(state.of["P-1"].memory.below, memory.below)


@pytest.mark.parametrize("how", ["one batch", "shuffled within the hours", "restarted after each batch"])
def test_order_batches_and_restarts_change_nothing(how: str) -> None:
    random = np.random.default_rng(3)
    orders = {
        "one batch": [ALL],
        "shuffled within the hours": np.array_split(np.concatenate([random.permutation(part) for part in np.split(ALL, HOURS)]), 30),
        "restarted after each batch": IN_ORDER,
    }
    usual = {(one.vehicle_id, one.value, one.about) for one in streamed(IN_ORDER, Packs())}
    found = list(streamed(orders[how], Packs(), restart="restart" in how))
    assert {(one.vehicle_id, one.value, one.about) for one in found} == usual
    assert len(found) == 4


def test_cells_of_an_hour_that_was_told_are_passed_over_and_counted() -> None:
    state, late = Packs(), np.arange(10, 20)
    punctual = [np.setdiff1d(ALL, late)]
    before = list(streamed(punctual, state))
    assert list(streamed([late], state)) == []
    assert state.late == 2 * len(late)
    assert [one.value for one in streamed(punctual, Packs())] == [one.value for one in before]


def test_where_nobody_answers_the_memory_goes_on() -> None:
    state = Packs()
    ts, of = samples(0)
    currents.cells(state.currents, rows_of("cells", "P-1", ts, ts, of))
    assert live_cells.step(state, {}, lambda _name, _rows: []) == [], "telemetry may come yet"
    assert live_cells.step(state, {0: int(ts[-1]) + currents.WAIT_MS}, lambda _name, _rows: []) == []
    assert state.of["P-1"].memory.below.shape == (4, SIZE)
    assert not state.of["P-1"].said


def test_the_live_flow_scores_packs_across_a_restart_and_alerts() -> None:
    ts, of = samples(0)
    batches = [
        (kind, bronze([value(kind, seq, int(ts[seq]), of) for seq in places], places[0], [int(ts[seq]) for seq in places]))
        for places in (part.tolist() for part in np.array_split(ALL, 5))
        for kind in ("telemetry", "cells")
    ]
    whole = Reactor(LiveState(), answering)
    straight = [effects for kind, records in batches for effects in (whole.react(kind, records),)]
    scores = [score for effects in straight for score in effects.scores]
    assert [score.about for score in scores] == ["cell 18"] * 2
    raised = [alert.change for effects in straight for alert in effects.alerts if alert.rule == "battery_fault_score"]
    assert raised == ["raised", "suppressed"], "it is quiet: the cell's resistance was told by its own rule"
    first = Reactor(LiveState(), answering)
    before = [score for kind, records in batches[:5] for score in first.react(kind, records).scores]
    state = AlertState(reached=first.alarms.state.reached, seen=first.alarms.state.seen)
    second = Reactor(load(dump(first.state), first.state.reached), answering, Alarms(state, load_rules()))
    assert before + [score for kind, records in batches[5:] for score in second.react(kind, records).scores] == scores


def value(kind: Kind, seq: int, ts: int, of: Hour) -> bytes:
    telemetry, cells = Telemetry(ts, {"pack_a": float(of.amps[seq])}), Cells(ts, of.cell_v[seq].tolist(), of.probe_c[seq].tolist())
    return envelope("P-1", kind, seq, codec.encode(telemetry if kind == "telemetry" else cells), received_at=ts)


def answering(name: str, rows: pa.Table) -> list[Answer]:
    return asked(name, rows) if name == "battery_fault_v1" else []
