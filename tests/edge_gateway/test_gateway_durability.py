"""The promise of the gateway, on real processes: what it acknowledged is on disk, and arrives whatever dies."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from road.certificates import Authority
from road.sensor import Sensor, sensor
from road.servers import MockKafka, broker, child, free_port, gateway_environ, ingest, open_port, start_broker, start_gateway, until
from road.tap import Tap, tapped

from contracts.ranges import Ranges
from contracts.topics import TELEMETRY
from edge_gateway.frames import unpack
from edge_gateway.segments import MAGIC

# Runs the real gateway with an os.fdatasync that lingers before it calls the real one, and writes down when that returned
# and how much of which file it covered.
TRACED = """
import json, os, sys, time
real, log = os.fdatasync, open(sys.argv.pop(), "a", buffering=1)
def traced(descriptor):
    time.sleep(0.05)
    size = os.fstat(descriptor).st_size
    real(descriptor)
    log.write(json.dumps({"file": os.readlink(f"/proc/self/fd/{descriptor}"), "size": size, "at_ns": time.monotonic_ns()}) + "\\n")
os.fdatasync = traced
from edge_gateway.__main__ import main
sys.exit(main([]))
"""


def subscribed(folder: Path, times: int = 1) -> None:
    until(lambda: (folder / "gateway.log").read_text().count("subscribed at") >= times, "the gateway's subscription")


def identities(records: list[tuple[str, bytes, bytes]]) -> set[tuple[str, str]]:
    """`(vehicle, boot/seq)` of Kafka records."""
    found = [json.loads(value) for _, _, value in records]
    return {(envelope["vehicle_id"], f"{envelope['boot_id']}/{envelope['seq']}") for envelope in found}


def acknowledged(tap: Tap) -> set[tuple[str, str]]:
    return {(seen.topic.split("/")[3], seen.message_id) for seen in tap.all("acknowledged")}


def test_nothing_is_acknowledged_before_it_is_on_disk(authority: Authority, tmp_path: Path, mqtt_port: int) -> None:
    trace = tmp_path / "trace.jsonl"
    with tapped(mqtt_port) as tap, sensor(mqtt_port) as car:
        environ = gateway_environ(authority, tmp_path, tap.port, free_port(), GATEWAY_ACK_INTERVAL_MS="20")
        with child([sys.executable, "-c", TRACED, str(trace)], tmp_path / "gateway.log", environ):
            subscribed(tmp_path)
            for seq in range(300):
                car.frame(f"CAR-{seq % 7}", seq)
            until(lambda: len(acknowledged(tap)) == 300, "the acknowledgements")
            until(lambda: sum(len(car.told("held", f"CAR-{number}")) for number in range(7)) == 300, "the held acks")
    synced_at = _synced(trace, tmp_path / "spool")
    assert len(synced_at) == 300
    for seen in tap.all("acknowledged"):
        assert seen.at_ns > synced_at[seen.topic.split("/")[3], seen.message_id], f"{seen.message_id} was acknowledged before it was on disk"
    told = 0
    for seen in tap.all("told"):
        ack = json.loads(seen.payload)
        assert ack["safe"] == []
        for seq in Ranges((first, last) for first, last in ack["held"]):
            told += 1
            assert seen.at_ns > synced_at[seen.topic.split("/")[3], f"{ack['boot_id']}/{seq}"], f"{seq} was held before it was on disk"
    assert told >= 300


def _synced(trace: Path, spool: Path) -> dict[tuple[str, str], int]:
    """When each message was first covered by a finished fdatasync of the file that it lies in."""
    syncs = [json.loads(line) for line in trace.read_text().splitlines()]
    found = {}
    for segment in sorted(spool.glob("*.segment")):
        data, at = segment.read_bytes()[len(MAGIC) :], len(MAGIC)
        while data:
            (entry,), used = unpack(data, 1)
            data, at = data[used:], at + used
            covering = [sync["at_ns"] for sync in syncs if sync["file"] == str(segment) and sync["size"] >= at]
            assert covering, f"{entry.boot_id}/{entry.seq} was never synced"
            found[entry.vehicle_id, f"{entry.boot_id}/{entry.seq}"] = min(covering)
    return found


class Traffic:
    """Frames of several vehicles at a steady pace, in a thread, until told to stop."""

    def __init__(self, car: Sensor, pause_s: float = 0.001) -> None:
        self._stop = threading.Event()
        self.sent = 0
        self._thread = threading.Thread(target=self._run, args=(car, pause_s))
        self._thread.start()

    def _run(self, car: Sensor, pause_s: float) -> None:
        while not self._stop.is_set():
            car.frame(f"CAR-{self.sent % 10}", self.sent // 10)
            self.sent += 1
            time.sleep(pause_s)

    def __enter__(self) -> "Traffic":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_what_a_gateway_acknowledged_survives_kill_9(
    authority: Authority, tmp_path: Path, mqtt_port: int, mock_kafka: MockKafka, ingest_port: int
) -> None:
    with tapped(mqtt_port) as tap, sensor(mqtt_port) as car, mock_kafka.reader(TELEMETRY) as kafka:
        environ = gateway_environ(authority, tmp_path, tap.port, ingest_port, GATEWAY_SEGMENT_BYTES="20000")
        with Traffic(car):
            for kills in range(4):
                before = len(acknowledged(tap))
                with start_gateway(environ, tmp_path) as process:
                    until(lambda before=before, kills=kills: len(acknowledged(tap)) >= before + 150 + 70 * kills, "acknowledgements")
                    process.send_signal(signal.SIGKILL)
                    process.wait()
        with start_gateway(environ, tmp_path) as process:
            kept = acknowledged(tap)
            until(lambda: kept <= identities(kafka.poll()), "every acknowledged message")
            told = {
                (f"CAR-{number}", f"0000000a/{seq}") for number in range(10) for which in ("held", "safe") for seq in car.told(which, f"CAR-{number}")
            }
            assert told
            until(lambda: told <= identities(kafka.poll()), "every message that a sensor was told about")
            process.terminate()
            assert process.wait(20) == 0


def test_what_a_gateway_acknowledged_survives_kill_9_of_ingest(authority: Authority, tmp_path: Path, mqtt_port: int, mock_kafka: MockKafka) -> None:
    with tapped(mqtt_port) as tap, sensor(mqtt_port) as car, mock_kafka.reader(TELEMETRY) as kafka:
        port = free_port()
        with start_gateway(gateway_environ(authority, tmp_path, tap.port, port), tmp_path), Traffic(car):
            for _ in range(3):
                before = len(kafka.poll())
                with ingest(authority, tmp_path, mock_kafka.bootstrap, port=port) as address:
                    assert address == port
                    until(lambda before=before: len(kafka.poll()) >= before + 200, "records in Kafka")
            count = len(acknowledged(tap))
            until(lambda: len(acknowledged(tap)) > count + 50, "the gateway acknowledges while ingest is away")
            with ingest(authority, tmp_path, mock_kafka.bootstrap, port=port):
                kept = acknowledged(tap)
                until(lambda: kept <= identities(kafka.poll()), "every acknowledged message")


def test_the_gateway_comes_back_after_kill_9_of_the_broker(authority: Authority, tmp_path: Path, mock_kafka: MockKafka, ingest_port: int) -> None:
    port = free_port()
    with mock_kafka.reader(TELEMETRY) as kafka, start_gateway(gateway_environ(authority, tmp_path, port, ingest_port), tmp_path):
        for life in range(3):
            with start_broker(port, tmp_path) as process:
                until(lambda: open_port(port), "the broker")
                subscribed(tmp_path, life + 1)
                with sensor(port, f"sensor-{life}") as car:
                    for seq in range(50):
                        car.frame("CAR-0", 100 * life + seq)
                    wanted = {("CAR-0", f"0000000a/{100 * life + seq}") for seq in range(50)}
                    until(lambda wanted=wanted: wanted <= identities(kafka.poll()), "the frames of this life of the broker")
                    until(lambda car=car: len(car.told("safe", "CAR-0")) >= 50, "the safe acks")
                process.send_signal(signal.SIGKILL)
                process.wait()


def test_safe_is_told_only_when_kafka_has_it_and_again_after_a_restart(
    authority: Authority, tmp_path: Path, mqtt_port: int, mock_kafka: MockKafka
) -> None:
    port = free_port()
    environ = gateway_environ(authority, tmp_path, mqtt_port, port, GATEWAY_DRAIN_S="0.2")
    with sensor(mqtt_port) as car, mock_kafka.reader(TELEMETRY) as kafka:
        with start_gateway(environ, tmp_path) as process:
            subscribed(tmp_path)
            for seq in range(20):
                car.frame("CAR-0", seq)
            until(lambda: len(car.told("held", "CAR-0")) == 20, "the held acks")
            assert not car.told("safe", "CAR-0")
            process.terminate()
            assert process.wait(20) == 0
        with start_gateway(environ, tmp_path), ingest(authority, tmp_path, mock_kafka.bootstrap, port=port):
            until(lambda: len(car.told("safe", "CAR-0")) == 20, "the safe acks of the next life")
            assert len(identities(kafka.poll())) == 20 or until(lambda: len(identities(kafka.poll())) == 20, "the records")


def test_a_full_spool_stops_acknowledging_and_loses_nothing(authority: Authority, tmp_path: Path, mqtt_port: int, mock_kafka: MockKafka) -> None:
    port = free_port()
    environ = gateway_environ(authority, tmp_path, 0, port, GATEWAY_SPOOL_MAX_BYTES="20000", GATEWAY_SEGMENT_BYTES="5000", GATEWAY_COMMIT_RECORDS="1")
    with tapped(mqtt_port) as tap, sensor(mqtt_port) as car, mock_kafka.reader(TELEMETRY) as kafka:
        environ |= {"GATEWAY_MQTT_PORT": str(tap.port), "GATEWAY_RECEIVE_MAXIMUM": "10"}
        with start_gateway(environ, tmp_path):
            subscribed(tmp_path)
            for seq in range(400):
                car.frame("CAR-0", seq)
            until(lambda: "its limit" in (tmp_path / "gateway.log").read_text(), "the warning")
            until(lambda: len(tap.all("received")) >= len(tap.all("acknowledged")) + 1, "unacknowledged messages")
            assert len(acknowledged(tap)) < 400
            with ingest(authority, tmp_path, mock_kafka.bootstrap, port=port):
                until(lambda: len(identities(kafka.poll())) == 400, "all messages once there is room")
                until(lambda: len(acknowledged(tap)) == 400, "all acknowledgements")


def test_two_gateways_share_a_region_and_one_takes_over(
    authority: Authority, tmp_path: Path, mqtt_port: int, mock_kafka: MockKafka, ingest_port: int
) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    pair = authority.gateway("gw-2", "eu")
    for folder in folders:
        folder.mkdir()
    first = gateway_environ(authority, folders[0], mqtt_port, ingest_port)
    second = {
        **gateway_environ(authority, folders[1], mqtt_port, ingest_port),
        "GATEWAY_ID": "gw-2",
        "GATEWAY_CERT": str(pair.cert),
        "GATEWAY_KEY": str(pair.key),
    }
    with sensor(mqtt_port) as car, mock_kafka.reader(TELEMETRY) as kafka, start_gateway(first, folders[0]):
        with start_gateway(second, folders[1]) as process:
            for folder in folders:
                subscribed(folder)
            for seq in range(100):
                car.frame("CAR-0", seq)
            until(lambda: len(car.told("safe", "CAR-0")) == 100, "the safe acks of both")
            by = {json.loads(value)["gateway_id"] for _, _, value in until(lambda: len(kafka.poll()) >= 100 and kafka.poll(), "the records")}
            assert by == {"gw-1", "gw-2"}
            process.send_signal(signal.SIGKILL)
            process.wait()
        for seq in range(100, 200):
            car.frame("CAR-0", seq)
        until(lambda: len(car.told("safe", "CAR-0")) >= 150, "the frames after the takeover")


def test_a_broken_message_becomes_a_rejection_and_the_road_goes_on(
    authority: Authority, tmp_path: Path, mqtt_port: int, mock_kafka: MockKafka, ingest_port: int
) -> None:
    with (
        sensor(mqtt_port) as car,
        mock_kafka.reader(TELEMETRY, "vehicle.cells.v1", "vehicle.rejected.v1") as kafka,
        start_gateway(gateway_environ(authority, tmp_path, mqtt_port, ingest_port), tmp_path),
    ):
        subscribed(tmp_path)
        car.publish("CAR-0", "telemetry", b"x" * 2_000_000, "0000000a/0")
        car.publish("CAR-0", "telemetry", b"\xff not JSON", "0000000a/1")
        car.publish("CAR-0", "cells", "{}", None)
        car.publish("CAR-0", "cells", "{}", "no identity")
        car.publish("small-letters", "cells", "{}", "0000000a/0")
        car.frame("CAR-0", 2)
        records = until(lambda: len(kafka.poll()) >= 6 and kafka.poll(), "the records")
        rejected = sorted((json.loads(value) for topic, _, value in records if topic == "vehicle.rejected.v1"), key=lambda value: value["reason"])
        assert [value["reason"] for value in rejected] == ["bad_identity", "bad_identity", "bad_topic", "too_large"]
        assert (rejected[3]["vehicle_id"], rejected[3]["seq"], rejected[3]["size"]) == ("CAR-0", 0, 2_000_000)
        assert len(rejected[3]["head_base64"]) < 400
        telemetry = {json.loads(value)["seq"]: json.loads(value) for topic, _, value in records if topic == TELEMETRY}
        assert telemetry[1]["payload"] is None
        assert telemetry[1]["payload_base64"] == "/yBub3QgSlNPTg=="
        assert telemetry[2]["payload"] == {"ts": 2, "signals": {"speed_kmh": 2}}
        until(lambda: car.told("safe", "CAR-0").pairs() == [(0, 2)], "the acks, of the rejected one too")
        assert os.listdir(tmp_path / "spool")


def test_a_message_that_asks_for_no_acknowledgement_is_taken_too(
    authority: Authority, tmp_path: Path, mqtt_port: int, mock_kafka: MockKafka, ingest_port: int
) -> None:
    with (
        sensor(mqtt_port) as car,
        mock_kafka.reader(TELEMETRY) as kafka,
        start_gateway(gateway_environ(authority, tmp_path, mqtt_port, ingest_port), tmp_path),
    ):
        subscribed(tmp_path)
        car.publish("CAR-0", "telemetry", "{}", "0000000a/0", qos=0)
        car.publish("CAR-0", "state", "no state", None)
        car.publish("CAR-0", "state", '{"boot_id":"0000000a","online":true,"published":{"telemetry":1}}', None)
        car.frame("CAR-0", 1)
        until(lambda: len(identities(kafka.poll())) == 2, "both messages")
        until(lambda: car.told("safe", "CAR-0").pairs() == [(0, 1)], "the acks of both")


def test_an_orderly_stop_leaves_an_empty_spool(authority: Authority, tmp_path: Path, mock_kafka: MockKafka, ingest_port: int) -> None:
    with broker(tmp_path) as port, sensor(port) as car, mock_kafka.reader(TELEMETRY) as kafka:
        with start_gateway(gateway_environ(authority, tmp_path, port, ingest_port, GATEWAY_LINGER_MS="500"), tmp_path) as process:
            subscribed(tmp_path)
            for seq in range(30):
                car.frame("CAR-0", seq)
            until(lambda: car.told("held", "CAR-0"), "the first ack")
            process.terminate()
            assert process.wait(20) == 0
        assert "0 undelivered bytes stay" in (tmp_path / "gateway.log").read_text()
        held = {("CAR-0", f"0000000a/{seq}") for seq in car.told("held", "CAR-0")}
        until(lambda: held <= identities(kafka.poll()), "what was held")
