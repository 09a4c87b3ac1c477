"""`voltlake alerts` reads gold.alerts, checks rules and tries them on the past."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloud_stream.connectors.alert_store import AlertStore
from contracts.events import Act, Alert
from lakehouse import writer
from lakehouse.reader import open_table
from lakehouse.tables import SILVER_TELEMETRY
from tests.cloud_stream.alerting.made import NOW_MS, telemetry


def voltlake(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "voltlake", "alerts", *words], capture_output=True, text=True, timeout=120, check=False)


def alert(name: str, **more: Any) -> Alert:
    facts: dict[str, Any] = {"alert_id": name, "rule": "pack_overheat", "vehicle_id": "V-1", "region": "eu-north", "severity": "critical"}
    facts |= {"state": "raised", "signal": "pack_temp_max_c", "value": 58.0, "limit": 55.0, "raised_ts": NOW_MS, "event_ts": NOW_MS}
    facts |= {"boot_id": "0000000a", "seq": 1, "message": "hot", "change": "raised", "revision": 1, "changed_ts": NOW_MS}
    return Alert(**{**facts, **more})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("alerts")
    lake = str(folder / "lake")
    writer.ensure(lake, ["gold.alerts", "state.alerts", "silver.telemetry"])
    store = AlertStore(lake)
    acts = (Act("anna", NOW_MS, "ack", "on it"),)
    store.upsert([(0, alert("aa11")), (1, alert("ab22", state="cleared", cleared_ts=NOW_MS + 1000))])
    store.upsert([(0, alert("aa11", state="acknowledged", revision=2, acts=acts)), (1, alert("cc33", vehicle_id="V-2"))])
    rows = telemetry([{"seq": at, "ts": at, "pack_temp_max_c": value} for at, value in enumerate([20.0, 60.0, 30.0])])
    days = [moment.strftime("%Y-%m-%d") for moment in rows["event_ts"].to_pylist()]
    names = {field.name: [None] * rows.num_rows for field in SILVER_TELEMETRY} | rows.to_pydict() | {"date": days}
    full = SILVER_TELEMETRY.empty_table().from_pydict({name: names[name] for name in SILVER_TELEMETRY.names}, SILVER_TELEMETRY)
    writer.append(open_table(lake, "silver.telemetry"), "silver.telemetry", full, {})
    return str(folder)


def test_what_stands_is_listed_in_one_row_an_alert(data: str) -> None:
    found = json.loads(voltlake("list", "--json", "--data", data).stdout)
    assert sorted((one["alert_id"], one["state"]) for one in found) == [("aa11", "acknowledged"), ("cc33", "raised")]
    assert len(json.loads(voltlake("list", "--json", "--all", "--data", data).stdout)) == 3


def test_one_is_shown_with_what_people_did(data: str) -> None:
    shown = voltlake("show", "aa", "--data", data).stdout
    assert "2026-09-21 14:13:20 UTC  anna: ack on it" in shown
    for start, words in (("a", "2 alerts' ids begin"), ("zz", "no alert's id begins")):
        refused = voltlake("show", start, "--data", data)
        assert (refused.returncode, words in refused.stderr, "Traceback" in refused.stderr) == (1, True, False)


def test_rules_are_tried_on_silver(data: str) -> None:
    done = voltlake("backtest", "shipped", "--from", "2026-09-21", "--to", "2026-09-22", "--json", "--data", data)
    fired = {one["rule"]: one["alerts"] for one in json.loads(done.stdout)["fired"] if one["alerts"]}
    assert fired == {"pack_overheat": 1}


def test_a_wrong_rules_file_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("version: 1\nrules:\n- id: A\n")
    refused = voltlake("rules", "check", str(file))
    assert refused.returncode == 1
    assert f"{file}, line 3:" in refused.stderr
