"""The only place that joins flows and connectors: one composition a dataflow, imported when that flow is run."""

import gc
import importlib
import logging
from collections.abc import Mapping
from datetime import timedelta

from bytewax.testing import run_main  # `bytewax.run` takes no epochs below a second; `cluster_main` has a thread that only looks for signals

from cloud_stream.metrics import FlowMetrics
from cloud_stream.settings import FlowSettings
from contracts.errors import Terminal
from contracts.settings import load

log = logging.getLogger(__name__)
FLOWS = ("bronze", "silver", "gold", "live")
COLLECT_AFTER = 1_000_000
"""Objects. Ten thousand Kafka messages at a time would set the collector of cycles off for ever, and a batch leaves none."""


def run(name: str, environ: Mapping[str, str]) -> None:
    """Run one dataflow until it is stopped. Raises Terminal where it cannot go on."""
    if name not in FLOWS:
        raise Terminal(f"there is no flow {name!r}; there are {', '.join(FLOWS)}")
    settings = load(FlowSettings, environ, "FLOW_")
    metrics = FlowMetrics(name)
    metrics.serve(settings.metrics_port)
    log.info("flow %s starts: kafka %s, lake %s", name, settings.kafka, settings.lake)
    composition = importlib.import_module(f"cloud_stream.wiring.{name}")
    gc.set_threshold(COLLECT_AFTER)
    flow = composition.build(settings, metrics)
    log.info("flow %s runs", name)
    run_main(flow, epoch_interval=timedelta(milliseconds=composition.epoch_ms(settings)))
