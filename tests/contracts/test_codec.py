"""The wire format: what is encoded is what is decoded, and nonsense is named."""

import base64

import msgspec
import pytest

from contracts import codec, topics
from contracts.errors import Terminal
from contracts.events import Envelope, Telemetry
from contracts.identity import message_id, parse_message_id
from contracts.settings import Secret, load
from contracts.signals import BY_NAME, SIGNALS


def test_a_payload_travels_as_it_is_or_as_base64() -> None:
    payload = b'{"ts": 1, "signals": {}}'
    envelope = Envelope("g", "r", "V", "telemetry", "00000000", 1, 2, *codec.seal(payload))
    assert payload in codec.encode(envelope)
    for broken in (b"{", b"\xff", b"", b"1 2"):
        raw = codec.encode(Envelope("g", "r", "V", "telemetry", "00000000", 1, 2, *codec.seal(broken)))
        assert base64.b64decode(codec.decode_envelope(raw).payload_base64 or "") == broken


def test_nonsense_is_malformed() -> None:
    for raw in (b"", b"{", b"[]", b"\xff", b'{"ts":1}', b"[" * 100_000):
        with pytest.raises(codec.Malformed):
            codec.decode_payload("telemetry", raw)
    with pytest.raises(codec.Malformed, match="unknown kind"):
        codec.decode_payload("colour", b"{}")
    assert codec.decode_payload("telemetry", b'{"ts":1,"signals":{"soc_pct":5}}') == Telemetry(1, {"soc_pct": 5.0})


def test_identities_and_topics_are_parsed_strictly() -> None:
    assert parse_message_id(message_id("0123abcd", 7)) == ("0123abcd", 7)
    assert [parse_message_id(text) for text in ("", "0123abcd/-1", "0123abcd/01", "0123ABCD/1", "0123abcd/1/2")] == [None] * 5
    assert topics.parse_topic("ev/v1/eu-north/SIM-1/cells") == ("eu-north", "SIM-1", "cells")
    assert [topics.parse_topic(text) for text in ("ev/v1/eu/x/cells", "ev/v2/eu/X/cells", "ev/v1/eu/X", "a/b/c/d/e")] == [None] * 4


def test_the_catalogue_is_consistent() -> None:
    assert len(SIGNALS) >= 40
    assert len(BY_NAME) == len(SIGNALS) == len({signal.vss for signal in SIGNALS})
    for signal in SIGNALS:
        assert signal.low < signal.high, signal
        assert abs(signal.scale * signal.resolution - 1) < 1e-9, "a resolution is one over a whole number"
        assert max(abs(signal.low), abs(signal.high)) * signal.scale < 2**53, "multiples are exact in a float"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    port: int = 1
    tls: bool = False
    regions: tuple[str, ...] = ()
    password: Secret = Secret("")


def test_settings_name_the_variable_that_is_wrong() -> None:
    good = load(Settings, {"X_HOST": "h", "X_PORT": "2", "X_TLS": "true", "X_REGIONS": "a, b", "X_PASSWORD": "p", "Y": "z"}, "X_")
    assert (good.host, good.port, good.tls, good.regions, good.password.reveal()) == ("h", 2, True, ("a", "b"), "p")
    assert "p" not in repr(good.password)
    for environ, said in (
        ({}, "X_HOST is missing"),
        ({"X_HOST": "h", "X_PROT": "1"}, "unknown setting X_PROT"),
        ({"X_HOST": "h", "X_PORT": "one"}, "X_PORT is malformed"),
    ):
        with pytest.raises(Terminal, match=said):
            load(Settings, environ, "X_")
