"""Kafka to online features, alerts and scores."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
from bytewax.dataflow import Dataflow

from cloud_stream.alerting.models import Troubles
from cloud_stream.alerting.reading import Loaded
from cloud_stream.alerting.reading import load as load_rules
from cloud_stream.connectors.alert_store import AlertStore
from cloud_stream.connectors.delta import CommitOutput
from cloud_stream.connectors.fleet import Fleet
from cloud_stream.connectors.kafka import KafkaInput, Pace, Reader, TopicReader
from cloud_stream.connectors.pulse import Pulse, watched
from cloud_stream.connectors.tables import reached_of
from cloud_stream.connectors.world import World
from cloud_stream.flows import live
from cloud_stream.metrics import FlowMetrics
from cloud_stream.settings import FlowSettings
from cloud_stream.steps.alert_checkpoint import load_alerts, restore
from cloud_stream.steps.alerts import Alarms
from cloud_stream.steps.checkpoint import load as load_checkpoint
from cloud_stream.steps.live import Reactor
from cloud_stream.waiting import patiently
from cloud_stream.wiring.owned import TELEMETRY, TOPICS, owned
from cloud_stream.wiring.scores import asking
from contracts.topics import ALERT_COMMANDS
from features.online import OnlineWriter
from lakehouse import writer
from lakehouse.positions import Reached
from lakehouse.reader import arrow

OTHERS = ("cells", "event", "commands")
READ = {**{name: TOPICS[name] for name in ("telemetry", "cells", "event")}, "commands": ALERT_COMMANDS}
UNHURRIED = Pace(most=5_000, wait_s=0.04, rest=1.0)
PAUSES = {"cells": 0.2, "event": 0.1, "commands": 0.1, "pulse": 2.0}
"""Seconds between reads of what comes seldom, so that telemetry does not wait for it."""


def build(settings: FlowSettings, metrics: FlowMetrics) -> Dataflow:
    """Kafka to online features, alerts and scores."""
    patiently(lambda: writer.ensure(settings.lake, ["state.live", "state.alerts", "gold.alerts", "gold.scores"]))
    table = arrow(settings.lake, "state.live")
    reached = {name: reached_of(settings.lake, "state.live", owned(settings, topic)) for name, topic in READ.items()}
    ask = asking(settings.mlflow)
    alarms = _alarms(settings, table, {name: reached[name] for name in OTHERS}, ask.troubles)
    reactor = Reactor(load_checkpoint(table, reached["telemetry"]), ask, alarms)
    readers: dict[str, Callable[[], Reader]] = {
        name: partial(TopicReader, settings.kafka, READ[name], reached[name], Pace(wait_s=0.001)) for name in OTHERS
    }
    readers["pulse"] = partial(Pulse, settings.kafka, TELEMETRY, [source.partition for source in reached["telemetry"]])
    readers["telemetry"] = partial(TopicReader, settings.kafka, TELEMETRY, reached["telemetry"], UNHURRIED)

    def observe(rows: pa.Table) -> None:
        if rows.num_rows:
            newest = rows["event_ts"].cast(pa.int64()).to_numpy().max() / 1e6
            metrics.age.labels("online").set(time.time() - newest)

    world = partial(World, settings.lake, settings.kafka, OnlineWriter(settings.redis), reactor, observe)
    return live.build(KafkaInput(readers, metrics.took, PAUSES), reactor.react, CommitOutput({"world": world}, metrics.committed))


def _alarms(settings: FlowSettings, table: pa.Table, reached: dict[str, Reached], troubles: Callable[[], Troubles]) -> Alarms:
    """The alerts where the checkpoint left them, under the rules of the file."""
    state, pieces = load_alerts(table, reached)
    rules = load_rules(Path(settings.rules)) if settings.rules and Path(settings.rules).exists() else load_rules()
    fleet, changed = Fleet(settings.lake), watched(settings.rules, rules.version) if settings.rules else lambda: None
    fleet.refresh()

    def fresh() -> Loaded | None:
        fleet.refresh()
        return changed()

    alarms = Alarms(state, rules, fleet.known, fresh, troubles)
    alarms.written = restore(alarms, pieces, AlertStore(settings.lake).read(pieces)) if pieces else set()
    return alarms


def epoch_ms(settings: FlowSettings) -> int:  # noqa: ARG001 - every composition has it
    """Effects go out at once; an epoch only bounds how often Kafka's acknowledgements are waited for."""
    return 100
