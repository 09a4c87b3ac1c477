"""What becomes of a message: the envelope keeps the payload as it came, and what has no identity is a rejection."""

import base64
import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts import codec
from contracts.events import Rejection
from contracts.identity import message_id
from contracts.topics import BY_KIND, REJECTED, publish_topic
from edge_gateway.frames import pack, unpack
from edge_gateway.reception import Admission, Station, admit

STATION = Station("gw-1", "eu", 1000)


def received(topic: str, payload: bytes, *user: tuple[str, str]) -> Admission:
    return admit(STATION, topic, payload, {"user_property": list(user)} if user else {}, 1_700_000_000_000)


def value_of(admission: Admission) -> dict[str, Any]:
    record = json.loads(admission.entry.record)
    assert record["key"] == record["value"]["vehicle_id"]
    return record["value"]


@given(st.sampled_from(sorted(BY_KIND)), st.integers(0, 10**18 - 1), st.binary(max_size=50) | st.sampled_from([b'{"ts": 1.50}', b" [1,\n2] ", b""]))
def test_any_payload_with_an_identity_is_admitted_unopened(kind: str, seq: int, payload: bytes) -> None:
    entry, reason = received(publish_topic("eu", "CAR-1", kind), payload, ("id", message_id("0123abcd", seq)))
    assert reason is None
    assert (entry.vehicle_id, entry.kind, entry.boot_id, entry.seq) == ("CAR-1", kind, "0123abcd", seq)
    assert entry.topic in BY_KIND.values()
    assert unpack(pack(entry), 1)[0] == [entry]
    envelope = codec.decode_envelope(entry.record[len(b'{"key":"CAR-1","value":') : -1])
    if envelope.payload_base64 is None:
        assert bytes(envelope.payload) == payload.strip() or json.loads(bytes(envelope.payload)) == json.loads(payload)
    else:
        assert base64.b64decode(envelope.payload_base64) == payload


def test_the_trace_of_the_sensor_travels_along() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    topic = publish_topic("eu", "CAR-1", "telemetry")
    assert value_of(received(topic, b"{}", ("id", "0000000a/1"), ("traceparent", trace)))["traceparent"] == trace
    assert "traceparent" not in value_of(received(topic, b"{}", ("id", "0000000a/1"), ("traceparent", "x" * 60_000)))
    assert "traceparent" not in value_of(received(topic, b"{}", ("id", "0000000a/1")))


@given(st.text(max_size=20) | st.sampled_from(["0000000a/01", "0000000A/1", "0000000a/-1", "0000000a/1\n", "0000000a", "/1", "0000000a/" + "9" * 30]))
def test_a_message_without_a_valid_identity_is_rejected_with_what_is_known(text: str) -> None:
    entry, reason = received(publish_topic("eu", "CAR-1", "cells"), b"payload", ("id", text))
    assert reason == "bad_identity"
    assert (entry.topic, entry.vehicle_id, entry.kind, entry.boot_id, entry.seq) == (REJECTED, "CAR-1", "cells", "", -1)
    assert unpack(pack(entry), 1)[0] == [entry]


@given(st.text(max_size=40) | st.sampled_from(["ev/v1/us/CAR-1/cells", "ev/v1/eu/car-1/cells", "ev/v1/eu/CAR-1/weather", "ev/v1/eu/CAR-1/ack"]))
def test_a_topic_that_is_not_ours_is_rejected(topic: str) -> None:
    entry, reason = received(topic, b"payload", ("id", "0000000a/1"))
    assert reason == "bad_topic"
    assert (entry.topic, entry.vehicle_id, entry.seq) == (REJECTED, "", -1)
    assert unpack(pack(entry), 1)[0] == [entry]


def test_a_payload_over_the_limit_becomes_a_small_rejection_with_its_identity() -> None:
    payload = bytes(range(256)) * 8000
    entry, reason = received(publish_topic("eu", "CAR-1", "telemetry"), payload, ("id", "0000000a/7"))
    assert reason == "too_large"
    assert (entry.vehicle_id, entry.kind, entry.boot_id, entry.seq) == ("CAR-1", "telemetry", "0000000a", 7)
    assert len(entry.record) < 1000
    value = codec.decode(json.dumps(value_of(Admission(entry, reason))).encode(), Rejection)
    assert (value.size, value.sha256) == (2_048_000, hashlib.sha256(payload).hexdigest())
    assert base64.b64decode(value.head_base64) == payload[:256]
    at_limit, reason = received(publish_topic("eu", "CAR-1", "telemetry"), b"x" * 1000, ("id", "0000000a/7"))
    assert reason is None
    assert at_limit.topic != REJECTED
