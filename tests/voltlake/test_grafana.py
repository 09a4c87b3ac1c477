"""Grafana's dashboards ask only for what the code measures."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
OF_PROMETHEUS = {"job", "instance", "le"}
# In a process of its own: flows count in the registry that a whole process shares.
LIST = """
import json
from prometheus_client import REGISTRY
from cloud_stream.ingest.metrics import Metrics as Ingest
from cloud_stream.metrics import FlowMetrics
from cloud_stream.upkeep.metrics import UpkeepMetrics
from dashboards.metrics import Metrics as Dashboard
from edge_gateway.metrics import Metrics as Gateway
from voltlake.stack.plan import FLOWS
gateway = Gateway()
gateway.watch(lambda: None, lambda: 0, lambda: True)
UpkeepMetrics()
for flow in FLOWS:
    FlowMetrics(flow)
found = {}
for registry in (REGISTRY, gateway.registry, Ingest().registry, Dashboard().registry):
    for name, collector in registry._names_to_collectors.items():
        if hasattr(collector, "_labelnames"):
            found[name] = sorted(collector._labelnames)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def measured() -> dict[str, list[str]]:
    """The labels of every metric that the processes make, by its name."""
    ran = subprocess.run([sys.executable, "-c", LIST], cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(ran.stdout))


def panels(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text())["panels"])


def asked(expression: str) -> list[tuple[str, set[str]]]:
    """Each metric of an expression with the labels that it is asked for by."""
    grouped = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(",")}
    plain = re.sub(r"by \([^)]*\)", "", expression)
    names = re.findall(r"\b((?:gateway|ingest|flow|dashboard|upkeep|simulator)_[a-z_]+)(?:\{([^}]*)\})?", plain)
    return [(name, grouped | set(re.findall(r"(\w+)\s*[=!]", labels))) for name, labels in names]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_metric_and_label_that_a_dashboard_uses_exists(path: Path, measured: dict[str, list[str]]) -> None:
    for panel in panels(path):
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            found = asked(target["expr"])
            assert found, target["expr"]
            for name, labels in found:
                assert name in measured, f"{panel['title']}: {name}"
                assert labels <= {*measured[name], *OF_PROMETHEUS}, f"{panel['title']}: {name} {labels}"
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert shown <= set().union(*(labels for _, labels in found)), f"{panel['title']}: the legend"


def test_every_measure_of_the_dashboards_is_on_one_of_them(measured: dict[str, list[str]]) -> None:
    used = {name for path in DASHBOARDS for panel in panels(path) for target in panel["targets"] for name, _ in asked(target["expr"])}
    plain = {re.sub(r"_(bucket|sum|count|created|total)$", "", name) for name in used}
    own = {re.sub(r"_(bucket|sum|count|created|total)$", "", name) for name in measured if name.startswith(("dashboard_", "gateway_"))}
    assert own - plain <= {"gateway_sent", "gateway_acks"}


def test_dashboards_use_the_data_source_that_is_provisioned() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "voltlake.yaml").read_text())["datasources"]
    uids = {target["datasource"]["uid"] for path in DASHBOARDS for panel in panels(path) for target in panel["targets"]}
    assert uids == {source["uid"]}
    assert len({json.loads(path.read_text())["uid"] for path in DASHBOARDS}) == len(DASHBOARDS) == 2
    scrape = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in scrape] == ["voltlake"]
