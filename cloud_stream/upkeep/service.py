"""Round after round: each table in turn, until the process is stopped. It may be killed at any instant; the next round goes on."""

import logging
import time
from collections.abc import Mapping

from cloud_stream.upkeep.metrics import UpkeepMetrics
from cloud_stream.upkeep.settings import UpkeepSettings
from contracts.errors import Transient
from contracts.settings import load
from lakehouse.upkeep.care import care, tables

log = logging.getLogger(__name__)


def run(environ: Mapping[str, str]) -> None:
    """Look after the lake for ever. What fails is tried again in the next round."""
    settings = load(UpkeepSettings, environ, "UPKEEP_")
    metrics = UpkeepMetrics()
    metrics.serve(settings.metrics_port)
    log.info("upkeep of %s every %g s", settings.lake, settings.every_s)
    vacuumed = time.monotonic()
    while True:
        began = time.monotonic()
        vacuum = began - vacuumed >= settings.vacuum_every_s
        vacuumed = began if vacuum else vacuumed
        for name in tables():
            _one(settings.lake, name, metrics, vacuum=vacuum)
        time.sleep(max(0.0, settings.every_s - (time.monotonic() - began)))


def _one(lake: str, name: str, metrics: UpkeepMetrics, *, vacuum: bool) -> None:
    began = time.monotonic()
    try:
        done = care(lake, name, vacuum=vacuum)
    except Transient as error:
        metrics.errors.labels("transient").inc()
        log.warning("%s", error)
        return
    if done is not None:
        metrics.done(done, time.monotonic() - began)
        if done.merged or done.expired or done.vacuumed:
            log.info(
                "%s: %d files merged away, %d too old, %d of the log, %d vacuumed", name, done.merged, done.expired, done.shortened, done.vacuumed
            )
