import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from simulators import mqtt_packets as mqtt


def properties(kind, **values):
    found = Properties(kind)
    for name, value in values.items():
        setattr(found, name, value)
    return found.pack()


@given(st.integers(0, 268_435_455))
def test_a_variable_byte_integer_is_what_another_implementation_reads(number):
    from paho.mqtt.properties import VariableByteIntegers

    assert mqtt.varint(number) == VariableByteIntegers.encode(number)


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 40))
def test_packets_are_found_however_the_stream_is_cut(payloads, width):
    topic, identity = mqtt.text("ev/v1/eu/A/telemetry"), mqtt.user_property(b"id", b"0123abcd/7")
    packets = [mqtt.publish(topic, at + 1, identity, payload) for at, payload in enumerate(payloads)]
    stream, rest, found = b"".join(packets), b"", []
    for at in range(0, len(stream), width):
        some, rest = mqtt.split(rest + stream[at : at + width])
        found += some
    assert rest == b""
    assert len(found) == len(payloads)
    for (first, body), payload, packet in zip(found, payloads, packets, strict=True):
        assert first == 0x32
        assert packet.endswith(body)
        assert body.endswith(payload)


@pytest.mark.parametrize("size", [0, 100, 127, 128, 16_383, 16_384, 2_000_000])
def test_a_publish_of_any_size_has_the_right_length(size):
    packet = mqtt.publish(b"\x00\x01t", 5, mqtt.NO_PROPERTIES, b"x" * size, retain=True)
    assert packet[0] == 0x33
    assert mqtt.split(packet) == ([(0x33, b"\x00\x01t\x00\x05\x00" + b"x" * size)], b"")


def test_the_user_property_is_what_another_implementation_packs():
    assert mqtt.user_property(b"id", b"0123abcd/42") == properties(PacketTypes.PUBLISH, UserProperty=("id", "0123abcd/42"))


def test_the_limits_of_the_broker_are_read_from_its_connack():
    packed = properties(
        PacketTypes.CONNACK,
        ReceiveMaximum=20,
        ServerKeepAlive=30,
        MaximumPacketSize=70_000,
        AssignedClientIdentifier="somebody",
        TopicAliasMaximum=10,
        RetainAvailable=1,
        SessionExpiryInterval=5,
        UserProperty=("a", "b"),
    )
    assert mqtt.read_connack(b"\x00\x00" + packed) == mqtt.Welcome(0, 20, 30)
    assert mqtt.read_connack(b"\x00\x87\x00").reason == 0x87


@given(st.binary(max_size=40))
def test_any_bytes_are_packets_or_a_protocol_error(data):
    try:
        packets, _ = mqtt.split(data)
        for first, body in packets:
            mqtt.read_publish(first, body)
            mqtt.read_connack(body)
    except mqtt.ProtocolError:
        pass


def test_a_message_that_comes_in_is_read_past_its_properties():
    packed = properties(PacketTypes.PUBLISH, UserProperty=("id", "x"), MessageExpiryInterval=9)
    body = mqtt.text("ev/v1/eu/A/ack") + packed + b"{}"
    assert mqtt.read_publish(0x30, body) == mqtt.Incoming("ev/v1/eu/A/ack", b"{}")
