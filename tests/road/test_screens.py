"""The dashboards on the real stack: a frame on the page, an alert acknowledged over HTTP and applied by the live flow."""

import json
import time
from typing import Any

import pytest

from dashboards.accounts import acts, users
from dashboards.accounts.store import Store
from tests.dashboards.client import Client
from tests.road.patience import until
from tests.road.sensor import Sensor, sensor
from voltlake.stack.handle import Handle

pytestmark = [pytest.mark.stack, pytest.mark.timeout(200)]
VEHICLE, NAME, PASSWORD = "SCREEN-1", "operator.of.tests", "correct horse battery staple"


def heat(one: Sensor, seq: int, celsius: float) -> None:
    frame = {"ts": time.time_ns() // 1_000_000, "signals": {"pack_temp_max_c": celsius, "soc_pct": 55.5, "lat": 59.9, "lon": 10.7}}
    one.publish(VEHICLE, "telemetry", json.dumps(frame), f"0000000b/{seq}")


def test_an_act_on_the_page_is_applied_by_the_live_flow_and_recorded(stack: Handle) -> None:
    store = Store(stack.data / "accounts")
    users.put(store, NAME, PASSWORD, "operator")
    client = Client(stack.dashboard_url.rstrip("/"))
    assert client.sign_in(NAME, PASSWORD).status == 303

    def known() -> dict[str, Any] | None:
        answer = client.ask(f"/api/vehicles/{VEHICLE}")
        return dict(answer.json) if answer.status == 200 else None

    with sensor(stack.mqtt_port, "screen-sensor", "eu-north") as one:
        heat(one, 0, 20)
        heat(one, 1, 58)
        until(lambda: (found := known()) and found["alerts"], "the alert is on the page")
        raised = next(alert for alert in known()["alerts"] if alert["rule"] == "pack_overheat")
        assert raised["state"] in ("raised", "updated")
        sent = client.act("/api/alerts/acts", {"action": "ack", "alerts": [raised["alert_id"]]})
        assert sent.status == 202, sent.text

        def acknowledged() -> bool:
            mine = [alert for alert in known()["alerts"] if alert["alert_id"] == raised["alert_id"]]
            return bool(mine) and mine[0]["state"] == "acknowledged" and mine[0]["acknowledged_by"] == NAME

        until(acknowledged, "the live flow applies the act")
        until(lambda: known()["current"].get("values", {}).get("soc_pct") == 55.5, "gold has the frame")
        heat(one, 2, 20)
    assert [act.act for act in acts.newest(store, subject=raised["alert_id"])] == ["ack"]
    store.close()
    processes = client.ask("/api/pipeline").json["processes"]
    assert {"ingest", "flow-bronze", "flow-silver", "flow-gold", "flow-live", "dashboards"} <= processes.keys()
    until(lambda: all(one["up"] for one in client.ask("/api/pipeline").json["processes"].values()), "every process answers")
