"""A vehicle's side of the broker: publishes with identities and listens to its acks. paho-mqtt."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from contracts.ranges import Ranges


class Sensor:
    """One connection that may speak for several vehicles of one region."""

    def __init__(self, port: int, name: str, region: str = "eu") -> None:
        self.region = region
        self.held: dict[tuple[str, str, str], Ranges] = {}
        self.safe: dict[tuple[str, str, str], Ranges] = {}
        self.acks = 0
        self._guard = threading.Lock()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        self.client.max_inflight_messages_set(500)
        self.client.reconnect_delay_set(0.1, 0.5)
        self.client.on_connect = lambda client, *_: client.subscribe(f"ev/v1/{region}/+/ack")
        self.client.on_message = self._on_ack
        ready = threading.Event()
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert ready.wait(10)

    def publish(self, vehicle: str, kind: str, payload: bytes | str, message_id: str | None, qos: int = 1) -> mqtt.MQTTMessageInfo:
        properties = Properties(PacketTypes.PUBLISH)
        if message_id is not None:
            properties.UserProperty = ("id", message_id)
        return self.client.publish(f"ev/v1/{self.region}/{vehicle}/{kind}", payload, qos=qos, properties=properties)

    def frame(self, vehicle: str, seq: int, boot: str = "0000000a") -> None:
        self.publish(vehicle, "telemetry", json.dumps({"ts": seq, "signals": {"speed_kmh": seq}}), f"{boot}/{seq}")

    def told(self, which: str, vehicle: str, kind: str = "telemetry", boot: str = "0000000a") -> Ranges:
        with self._guard:
            return (self.held if which == "held" else self.safe).get((vehicle, kind, boot), Ranges()).copy()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_ack(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        ack = json.loads(message.payload)
        key = (message.topic.split("/")[3], ack["kind"], ack["boot_id"])
        with self._guard:
            self.acks += 1
            for seqs, pairs in ((self.held, ack["held"]), (self.safe, ack["safe"])):
                seqs.setdefault(key, Ranges()).update(Ranges((first, last) for first, last in pairs))


@contextmanager
def sensor(port: int, name: str = "sensor", region: str = "eu") -> Iterator[Sensor]:
    one = Sensor(port, name, region)
    try:
        yield one
    finally:
        one.close()
