"""The live flow's memory survives a restart, and only newer frames go online."""

from cloud_stream.alerting.reading import load as load_rules
from cloud_stream.steps.alert_checkpoint import dump as dump_alerts
from cloud_stream.steps.alert_checkpoint import restore
from cloud_stream.steps.alerts import Alarms, AlertState
from cloud_stream.steps.checkpoint import dump, load
from cloud_stream.steps.live import LiveState, Reactor
from tests.lakehouse.made import NOW_MS, bronze, telemetry


def frames(seqs: list[int], first_offset: int = 0, hot: bool = False):
    values = [telemetry("V-1", seq, ts=NOW_MS + seq * 100, soc_pct=seq, pack_temp_max_c=70 if hot else 20) for seq in seqs]
    return bronze(values, first_offset=first_offset, kafka_ms=[NOW_MS + first_offset + at for at in range(len(seqs))])


def test_only_a_newer_frame_goes_online() -> None:
    reactor = Reactor(LiveState(), lambda _name, _rows: [])
    assert reactor.step(frames([0, 1])).online["soc_pct"].to_pylist() == [1]
    assert reactor.step(frames([3], 2)).online["soc_pct"].to_pylist() == [3], "features do not wait for seq 2"
    assert reactor.step(frames([2], 3)).online.num_rows == 0, "an older event"
    assert reactor.step(frames([2], 4)).online.num_rows == 0, "a duplicate"


def test_a_restart_from_a_checkpoint_goes_on_as_if_nothing_had_happened() -> None:
    first = Reactor(LiveState(), lambda _name, _rows: [])
    raised = first.step(frames([0, 1], hot=True)).alerts
    first.step(frames([3], 2))
    pieces, chunks = dump_alerts(first.alarms, set())
    alarms = Alarms(AlertState(), load_rules())
    restore(alarms, pieces, chunks)
    second = Reactor(load(dump(first.state), first.state.reached), lambda _name, _rows: [], alarms)
    assert second.step(frames([0, 1], hot=True)).alerts == [], "handled before"
    effects = second.step(frames([2, 4], 3))
    assert [(alert.state, alert.seq) for alert in effects.alerts] == [("cleared", 2)]
    assert effects.alerts[0].alert_id == raised[0].alert_id
    assert effects.online["soc_pct"].to_pylist() == [4]
    assert second.state.online["soc_pct"].to_pylist() == [4]


def test_a_checkpoint_of_an_older_catalogue_is_read() -> None:
    first = Reactor(LiveState(), lambda _name, _rows: [])
    first.step(frames([0, 1, 3]))
    state = first.state
    state.windows.settle()
    state.online, state.windows.waiting = state.online.drop_columns(["speed_kmh"]), state.windows.waiting.drop_columns(["speed_kmh_n"])
    state.order.waiting = state.order.waiting.drop_columns(["speed_kmh"]) if state.order.waiting else None
    second = Reactor(load(dump(state), state.reached), lambda _name, _rows: [])
    assert second.step(frames([2, 4], 3)).online["soc_pct"].to_pylist() == [4]
    second.state.windows.settle()


def test_scores_are_made_of_what_goes_online() -> None:
    seen = []
    Reactor(LiveState(), lambda name, rows: seen.append((name, rows.num_rows)) or []).step(frames([0, 1, 2]))
    assert seen == [("energy_per_km", 1)]
