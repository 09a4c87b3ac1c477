"""Every topic name, of MQTT and of Kafka: the only place that spells one."""

from typing import NamedTuple

from contracts.identity import KINDS, REGION, VEHICLE_ID, Kind

# Kafka, edge cluster: key = vehicle id. MirrorMaker 2 mirrors them to the central cluster with its source's alias in front.
TELEMETRY = "vehicle.telemetry.v1"
CELLS = "vehicle.cells.v1"
EVENTS = "vehicle.events.v1"
REJECTED = "vehicle.rejected.v1"
BY_KIND: dict[Kind, str] = {"telemetry": TELEMETRY, "cells": CELLS, "event": EVENTS}
EDGE_TOPICS = (TELEMETRY, CELLS, EVENTS, REJECTED)
# Kafka, central cluster.
ALERTS = "alerts.v1"
ALERT_COMMANDS = "alerts.commands.v1"
SCORES = "model.scores.v1"
CENTRAL_TOPICS = (ALERTS, ALERT_COMMANDS, SCORES)
PARTITIONS = 4
EDGE_ALIAS = "edge"
HISTORY = "(history)"
"""The id of the cluster in the coordinates of rows that never were in Kafka: simulated history. It sorts before all real ones, so that a
rebuild reads the past first."""


def mirrored(topic: str, alias: str = EDGE_ALIAS) -> str:
    """The name of an edge topic on the central cluster (MirrorMaker 2's default replication policy)."""
    return f"{alias}.{topic}"


class MqttTopic(NamedTuple):
    """The parts of `ev/v1/{region}/{vehicle_id}/{leaf}`; a leaf is a kind, `state` or `ack`."""

    region: str
    vehicle_id: str
    leaf: str


def publish_topic(region: str, vehicle_id: str, leaf: str) -> str:
    """Where a vehicle publishes a kind or its `state`, or reads its `ack`."""
    return f"ev/v1/{region}/{vehicle_id}/{leaf}"


def shared_filters(region: str, group: str = "gateways") -> list[str]:
    """What the gateways of a region subscribe to together: each message goes to one of them.

    Each kind has a share of its own name: rumqttd (the embedded broker) keeps one cursor a name and loses messages where
    several filters have the same one.
    """
    return [f"$share/{group}-{region}-{kind}/ev/v1/{region}/+/{kind}" for kind in KINDS]


def state_filter(region: str) -> str:
    """The retained states of a region's vehicles; not shared, every gateway sees all."""
    return f"ev/v1/{region}/+/state"


def parse_topic(topic: str) -> MqttTopic | None:
    """The parts of an MQTT topic of ours, or None where it is not one."""
    parts = topic.split("/")
    if len(parts) != 5 or parts[:2] != ["ev", "v1"] or not REGION.fullmatch(parts[2]) or not VEHICLE_ID.fullmatch(parts[3]):
        return None
    return MqttTopic(parts[2], parts[3], parts[4])
