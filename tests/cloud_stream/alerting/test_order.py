"""What is final does not depend on the order in which frames came: shuffled, late and cut into any batches, with any restarts."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_stream.alerting.engine import Engine
from cloud_stream.alerting.evaluation import Change
from cloud_stream.alerting.saved import load, save
from cloud_stream.alerting.watch import Life
from tests.cloud_stream.alerting.made import cells, engine, events, rule, telemetry

RULES = (
    rule("hot", "warning", threshold={"signal": "pack_temp_max_c", "above": 55, "clear": 50}, escalate=[{"severity": "critical", "at": 60}]),
    rule("low", threshold={"signal": "soc_pct", "below": 10, "clear": 15}, for_s=3, clear_for_s=2, flap_s=4),
    rule("often", threshold={"signal": "dtc_count", "above": 1}, times={"count": 2, "within_s": 10}, clear_for_s=3),
    rule("steep", rate={"signal": "soc_pct", "over_s": 2, "below": -60}),
    rule("cross", expression={"when": "speed_kmh > 5 and cable_connected == 1"}),
    rule("smooth", expression={"when": "mean(pack_temp_max_c, 3) > 52", "value": "mean(pack_temp_max_c, 3)"}),
    rule("apart", threshold={"signal": "cells_low_mv", "above": 30, "clear": 20}, flap_s=0),
    rule("loaded", expression={"when": "cells_low_mv > 20 and speed_kmh > 5"}, rows="cells"),
    rule("fault", "critical", event={"name": "fault_code", "where": {"code": ["P0A80", 7]}, "clears": "fault_gone", "clear_after_s": 8}, flap_s=0),
    rule("gone", no_data={"after_s": 6}),
    rule("standing", "info", threshold={"signal": "pack_temp_max_c", "above": 50}, escalate=[{"severity": "major", "after_s": 4}]),
)
few = st.sampled_from
TELEMETRY = st.fixed_dictionaries(
    {},
    optional={
        "pack_temp_max_c": few([20.0, 51.0, 56.0, 61.0]),
        "soc_pct": few([5.0, 12.0, 20.0]),
        "dtc_count": few([0.0, 1.0]),
        "speed_kmh": few([0.0, 30.0]),
        "cable_connected": few([0.0, 1.0]),
    },
)
CELLS = st.fixed_dictionaries({"cell_v": few([[3.7, 3.7, 3.7], [3.7, 3.66, 3.71], [3.7, 3.6, 3.7]]), "probe_c": st.just([20.0])})
EVENT = st.fixed_dictionaries(
    {"event": few(["fault_code", "fault_gone", "boot"]), "attributes": few(['{"code":"P0A80"}', '{"code":7}', '{"code":1}', None])}
)
FRAME = st.tuples(
    few(["V-1", "V-2"]), st.one_of(TELEMETRY.map(lambda f: ("telemetry", f)), CELLS.map(lambda f: ("cells", f)), EVENT.map(lambda f: ("event", f)))
)
TABLES = {"telemetry": telemetry, "cells": cells, "event": events}


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[int]]:
    """Frames in event order, each with its delay in seconds; and where the stream as it comes is cut."""
    frames, seqs, now = [], {}, 0.0
    for vehicle, (kind, content) in draw(st.lists(FRAME, min_size=1, max_size=40)):
        now += draw(few([0.0, 0.5, 1.0, 1.0, 3.0, 9.0, 45.0]))
        seq = seqs[vehicle, kind] = seqs.get((vehicle, kind), -1) + 1
        frames.append({"vehicle": vehicle, "kind": kind, "seq": seq, "ts": now, "delay": draw(few([0, 0, 0, 1, 5, 40, 200, 290])), **content})
    return frames, draw(st.lists(st.integers(0, len(frames)), max_size=6))


def fed(frames: list[dict[str, Any]], cuts: list[int]) -> tuple[Engine, list[Change]]:
    """Frames in the order and batches in which they come."""
    made, changes = engine(*RULES), []
    for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), len(frames)], strict=True):
        batch = frames[low:high]
        tables = {kind: table([frame for frame in batch if frame["kind"] == kind]) for kind, table in TABLES.items()}
        changes += made.together(tables)
        if batch:
            changes += made.tick(round(1_790_000_000_000 + max(frame["known"] for frame in batch) * 1000))
    return made, changes


def final(made: Engine) -> dict[str, tuple[str, Life]]:
    silent = {life.id for own in made.silent.values() for life in own.values()}
    return {name: found for name, found in made.lives().items() if name not in silent}


@settings(max_examples=150, deadline=None)
@given(streams())
def test_a_shuffled_and_late_stream_ends_as_the_ordered_one(stream: tuple[list[dict[str, Any]], list[int]]) -> None:
    frames, cuts = stream
    ordered, _ = fed([{**frame, "known": frame["ts"]} for frame in frames], [len(frames)])
    known, arrivals = 0.0, []
    for frame in sorted(frames, key=lambda frame: frame["ts"] + frame["delay"]):
        known = max(known, frame["ts"] + frame["delay"])
        arrivals.append({**frame, "known": known})
    late, changes = fed(arrivals, cuts)
    assert late.too_late == 0
    assert final(late) == final(ordered)
    told: dict[str, Life] = {}
    for change in changes:
        if change.after is None:
            assert change.before is not None
            assert told.pop(change.before.id) == change.before
        else:
            assert told.get(change.after.id) == change.before, "each change begins where the last one ended"
            told[change.after.id] = change.after
    silent = {life.id: life for own in late.silent.values() for life in own.values()}
    assert told == {name: life for name, (_, life) in final(late).items()} | silent, "what was told adds up to what is"


def test_in_a_batch_that_catches_up_what_was_late_at_its_beginning_is_not_too_late() -> None:
    frames = [
        {"kind": "telemetry", "pack_temp_max_c": 61.0, **frame}
        for frame in ({"seq": 1, "ts": 100.0}, {"seq": 0, "ts": 50.0}, {"seq": 2, "ts": 500.0})
    ]
    late, _ = fed([{**frame, "vehicle": "V-1", "known": known} for frame, known in zip(frames, (100.0, 105.0, 500.0), strict=True)], [1])
    ordered, _ = fed([{**frame, "vehicle": "V-1", "known": frame["ts"]} for frame in sorted(frames, key=lambda frame: frame["ts"])], [3])
    assert late.too_late == 0
    assert final(late) == final(ordered)


@settings(max_examples=60, deadline=None)
@given(streams(), st.integers(0, 40))
def test_a_restart_neither_repeats_nor_forgets(stream: tuple[list[dict[str, Any]], list[int]], at: int) -> None:
    known, arrivals = 0.0, []
    for frame in sorted(stream[0], key=lambda frame: frame["ts"] + frame["delay"]):
        known = max(known, frame["ts"] + frame["delay"])
        arrivals.append({**frame, "known": known})
    one, two = engine(*RULES), engine(*RULES)
    for place, frame in enumerate(arrivals):
        if place == at:
            saved, two = save(two), engine(*RULES)
            load(saved, two)
            assert two.lives() == one.lives()
        table = {frame["kind"]: TABLES[frame["kind"]]([frame])}
        assert two.together(table) == one.together(table)
    assert two.lives() == one.lives()
