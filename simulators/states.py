"""What the vehicles' retained states say: how many messages of each kind each boot has published."""

from typing import NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contracts.codec import Malformed, decode
from contracts.errors import Transient
from contracts.events import State
from contracts.topics import parse_topic

QUIET_S = 0.5
"""Retained messages come at once after the subscription: no more of them for this long is their end."""


class Counted(NamedTuple):
    """Whose messages were counted."""

    vehicle_id: str
    kind: str
    boot_id: str


def read_states(host: str, port: int) -> dict[Counted, int]:
    """The counts of all vehicles that the broker at this address remembers. Raises Transient where it does not answer."""
    counts: dict[Counted, int] = {}
    heard: list[bool] = []

    def take(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if message.retain:  # others are news, which never end
            heard.append(True)
        topic = parse_topic(message.topic)
        if topic is None:
            return
        try:
            state = decode(bytes(message.payload), State)
        except Malformed:
            return
        counts.update({Counted(topic.vehicle_id, kind, state.boot_id): number for kind, number in state.published.items() if number})

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_message = take
    client.on_connect = lambda client, *_: client.subscribe("ev/v1/+/+/state")
    try:
        client.connect(host, port)
    except OSError as error:
        raise Transient(f"the MQTT broker at {host}:{port} does not answer: {error}") from error
    quiet_s = 0.0
    while quiet_s < QUIET_S:
        heard.clear()
        client.loop(0.1)
        quiet_s = 0.0 if heard else quiet_s + 0.1
    client.disconnect()
    return counts
