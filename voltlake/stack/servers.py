"""The real servers of a stack as services: two Kafka clusters, MirrorMaker 2, the MQTT broker and Redis."""

import base64
import getpass
import uuid
from functools import partial
from pathlib import Path

from voltlake.settings import DEPLOY
from voltlake.stack import readiness, topics
from voltlake.stack.java import JavaCommand
from voltlake.stack.mirror_positions import MirrorReady
from voltlake.stack.plan import CLUSTERS, HOST, Plan
from voltlake.stack.programs import Programs, mqtt_command
from voltlake.stack.rendering import render
from voltlake.stack.service import Service

# The order in which layers are stopped: the highest number first.
STORES, MIRROR = 0, 1
MIRROR_TASKS = 1
MIRROR_READY_S = 180.0


def servers(plan: Plan, programs: Programs, java: JavaCommand, environ: dict[str, str]) -> list[Service]:
    """All of them. Writes their configuration files."""
    return [
        *(_broker(plan, cluster, java, environ) for cluster in CLUSTERS),
        _mqtt(plan, programs, environ),
        _redis(plan, programs, environ),
        _mirror(plan, java, environ),
    ]


def cluster_id() -> str:
    """A new one: base64 of a UUID. The formatter would take one that begins with '-' for an option, so draw again."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _broker(plan: Plan, cluster: str, java: JavaCommand, environ: dict[str, str]) -> Service:
    name = f"kafka-{cluster}"
    storage = plan.layout.kafka(cluster)
    storage.parent.mkdir(parents=True, exist_ok=True)
    values = {"host": HOST, "port": plan.ports[name], "controller_port": plan.ports[f"{name}-controller"], "data": storage}
    file = render(DEPLOY / "kafka" / "broker.properties", plan.layout.configuration / f"{name}.properties", values)
    return Service(
        name=name,
        command=java.server(name, "kafka.Kafka", str(file)),
        environ=environ,
        ready=partial(readiness.kafka, plan.kafka(cluster), topics.wanted(cluster, DEPLOY / "kafka" / "topics.yaml")),
        # A format that was interrupted leaves no mark, and the next one may find its files.
        prepare=java.tool("kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster_id(), "-c", str(file)),
        prepared=storage.with_name(f"{cluster}.formatted"),
        layer=STORES,
        grace_s=30,
    )


def _mirror(plan: Plan, java: JavaCommand, environ: dict[str, str]) -> Service:
    values = {"host": HOST, "edge": plan.kafka("edge"), "central": plan.kafka("central"), "rest_port": plan.ports["mirror"], "tasks": MIRROR_TASKS}
    file = render(DEPLOY / "kafka" / "mm2.properties", plan.layout.configuration / "mm2.properties", values)
    return Service(
        name="mirror",
        command=java.server("mirror", "org.apache.kafka.connect.mirror.MirrorMaker", str(file)),
        environ=environ,
        ready=MirrorReady(plan),
        ready_within_s=MIRROR_READY_S,
        needs=tuple(f"kafka-{cluster}" for cluster in CLUSTERS),
        layer=MIRROR,
        grace_s=30,
    )


def _mqtt(plan: Plan, programs: Programs, environ: dict[str, str]) -> Service:
    port = plan.ports["mqtt"]
    # Started as root, mosquitto becomes another user, who may not enter the folder.
    values = {"host": HOST, "port": port, "user": "user root" if getpass.getuser() == "root" else ""}
    name = "mosquitto.conf" if programs.mqtt_kind == "mosquitto" else "iotcore.toml"
    file = render(DEPLOY / "mosquitto" / name, plan.layout.configuration / name, values)
    return Service(name="mqtt", command=mqtt_command(programs, file), environ=environ, ready=partial(readiness.mqtt, port), layer=STORES)


def _redis(plan: Plan, programs: Programs, environ: dict[str, str]) -> Service:
    port = plan.ports["redis"]
    folder: Path = plan.layout.redis
    folder.mkdir(parents=True, exist_ok=True)
    file = render(DEPLOY / "redis" / "redis.conf", plan.layout.configuration / "redis.conf", {"host": HOST, "port": port, "data": folder})
    return Service(name="redis", command=(programs.redis, str(file)), environ=environ, ready=partial(readiness.redis, port), layer=STORES)
