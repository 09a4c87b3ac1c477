"""An alert is raised once, cleared once, and has the same id in a replay."""

from cloud_stream.alerting import PACK_OVERHEAT, evaluate
from tests.lakehouse.made import NOW_MS, bronze, refined, telemetry


def changes(temperatures: list[float], batch: int = 100) -> list[tuple[str, int, str]]:
    values = [telemetry("V-1", seq, ts=NOW_MS + seq * 1000, pack_temp_max_c=value) for seq, value in enumerate(temperatures)]
    rows = refined(bronze(values), "telemetry", {}).rows
    watches: dict = {}
    alerts = [alert for at in range(0, rows.num_rows, batch) for alert in evaluate(watches, rows.slice(at, batch), PACK_OVERHEAT)]
    return [(alert.state, alert.seq, alert.alert_id) for alert in alerts]


def test_it_is_raised_at_the_limit_and_cleared_below_the_lower_one() -> None:
    found = changes([20, 54.9, 55, 60, 52, 55, 49.9, 54, 56])
    assert [(state, seq) for state, seq, _ in found] == [("raised", 2), ("cleared", 6), ("raised", 8)]
    assert found[0][2] == found[1][2] != found[2][2]


def test_batches_and_replays_give_the_same_alerts() -> None:
    series = [20, 56, 40, 57, 58, 30, 60]
    assert changes(series, 1) == changes(series, 3) == changes(series)


def test_a_frame_without_the_signal_changes_nothing() -> None:
    values = [telemetry("V-1", 0, pack_temp_max_c=60), telemetry("V-1", 1, ts=NOW_MS + 1, soc_pct=5)]
    watches: dict = {}
    alerts = evaluate(watches, refined(bronze(values), "telemetry", {}).rows, PACK_OVERHEAT)
    assert [alert.state for alert in alerts] == ["raised"]
    assert watches["V-1"].alert_id
