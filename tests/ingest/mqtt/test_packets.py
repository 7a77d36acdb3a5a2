"""Every packet, against two other people's codecs: mqtt5 (MQTT 5) and paho-mqtt (3.1.1)."""

from __future__ import annotations

import mqtt5
import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mqtt import MqttOptions, MqttProtocolError, Will, packets

FILTERS = st.lists(st.sampled_from(["watch/+/+", "$share/edge/watch/#", "3g/+/up", "表/#"]), min_size=1, max_size=5)
PACKET_ID = st.integers(1, 65535)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
PAYLOAD = st.binary(max_size=300)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=3)
TOPIC = TEXT.filter(lambda text: text and not set("+#") & set(text))
WILL = st.none() | st.builds(Will, topic=TOPIC, payload=PAYLOAD, qos=st.sampled_from([0, 1]), retain=st.booleans())


def any_of(codes: type) -> st.SearchStrategy:
    return st.sampled_from([getattr(codes, name) for name in dir(codes) if name.isupper()])


def options(version: int, **fields: object) -> MqttOptions:
    return MqttOptions(**{"client_id": "carewatch", "version": version, **fields})


CONNECT_FIELDS = st.fixed_dictionaries(
    {
        "client_id": TEXT.filter(bool),
        "username": TEXT.filter(bool),
        "password": st.none() | TEXT.filter(bool),
        "will": WILL,
        "keep_alive_s": st.integers(1, 65535),
        "session_expiry_s": st.integers(0, 2**32 - 1),
    }
)


@given(CONNECT_FIELDS)
def test_mqtt5_reads_our_connect(fields: dict[str, object]) -> None:
    asked = options(5, **fields)
    sent = packets.encode_connect(asked)
    read, size = mqtt5.read(memoryview(sent))
    assert size == len(sent)
    assert (read.client_id, read.username, read.keep_alive) == (asked.client_id, asked.username, asked.keep_alive_s)
    assert read.password == (None if asked.password is None else asked.password.encode())
    assert (read.clean_start, read.session_expiry_interval) == (asked.session_expiry_s == 0, asked.session_expiry_s)
    assert (read.will is None) == (asked.will is None)
    if asked.will is not None:
        will = asked.will
        assert (read.will.topic, read.will.payload or b"") == (will.topic, will.payload)
        assert (int(read.will.qos), read.will.retain) == (will.qos, will.retain)


class Wire:
    """A paho client that writes into a list."""

    def __init__(self, client_id: str = "carewatch", **keywords: object) -> None:
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv311, **keywords
        )
        self.client._sock = object()
        self.client._thread = object()

    def sent(self) -> bytes:
        self.client._sock = None
        return b"".join(bytes(one["packet"]) for one in self.client._out_packet)


@given(CONNECT_FIELDS)
def test_our_connect_of_3_1_1_is_the_one_paho_writes(fields: dict[str, object]) -> None:
    asked = options(4, **fields)
    wire = Wire(asked.client_id, clean_session=asked.session_expiry_s == 0)
    wire.client.username_pw_set(asked.username, asked.password)
    if asked.will is not None:
        wire.client.will_set(asked.will.topic, asked.will.payload, asked.will.qos, asked.will.retain)
    wire.client._send_connect(asked.keep_alive_s)
    assert packets.encode_connect(asked) == wire.sent()


@given(PACKET_ID, FILTERS)
def test_mqtt5_reads_our_subscribe(packet_id: int, filters: list[str]) -> None:
    read, _ = mqtt5.read(memoryview(packets.encode_subscribe(5, packet_id, filters)))
    assert read.packet_id == packet_id
    assert [one.pattern for one in read.topic_filters] == filters
    assert {int(one.max_qos) for one in read.topic_filters} == {1}
    assert {int(one.retain_handling) for one in read.topic_filters} == {1}
    # A shared subscription with No Local is a protocol error (5.0 section 3.8.3.1); elsewhere it spares us receipts.
    assert [one.no_local for one in read.topic_filters] == [not one.startswith("$share/") for one in filters]


@given(FILTERS)
def test_our_subscribe_of_3_1_1_is_the_one_paho_writes(filters: list[str]) -> None:
    wire = Wire()
    wire.client._send_subscribe(False, [(one.encode(), 1) for one in filters])
    assert packets.encode_subscribe(4, 1, filters) == wire.sent()


@given(TOPIC, PAYLOAD, st.booleans())
def test_our_publish_is_read_by_mqtt5_and_written_by_paho(topic: str, payload: bytes, retain: bool) -> None:
    read, _ = mqtt5.read(memoryview(packets.encode_publish(5, topic, payload, retain=retain)))
    assert (read.topic, read.payload, read.retain, int(read.qos)) == (topic, payload, retain, 0)
    wire = Wire()
    wire.client._send_publish(0, topic.encode(), payload, 0, retain)
    assert packets.encode_publish(4, topic, payload, retain=retain) == wire.sent()


@given(st.lists(PACKET_ID, min_size=1, max_size=50))
def test_a_run_of_pubacks_is_what_both_others_write(ids: list[int]) -> None:
    wire = Wire()
    for packet_id in ids:
        wire.client._send_puback(packet_id)
    ours = packets.encode_acks(packets.PUBACK, ids)
    assert ours == wire.sent() == b"".join(mqtt5.PubAckPacket(packet_id).write() for packet_id in ids)
    assert packets.encode_acks(packets.PUBREC, ids) == b"".join(mqtt5.PubRecPacket(one).write() for one in ids)
    assert packets.encode_acks(packets.PUBCOMP, ids) == b"".join(mqtt5.PubCompPacket(one).write() for one in ids)


def test_ping_and_disconnect_are_the_bytes_of_the_standard() -> None:
    assert mqtt5.PingReqPacket().write() == packets.PINGREQ_BYTES
    assert isinstance(mqtt5.read(memoryview(packets.DISCONNECT_BYTES))[0], mqtt5.DisconnectPacket)


def body_of(packet: bytes) -> bytes:
    at = 1
    while packet[at] > 127:
        at += 1
    return packet[at + 1 :]


@given(st.booleans(), any_of(mqtt5.ConnAckReasonCode), TEXT, PAIRS, st.integers(0, 65535))
def test_connack_of_mqtt5_is_read(
    present: bool, code: mqtt5.ConnAckReasonCode, words: str, pairs: list[tuple[str, str]], keep_alive_s: int
) -> None:
    sent = mqtt5.ConnAckPacket(
        session_present=present,
        reason_code=code,
        reason_str=words,
        user_properties=pairs,
        server_keep_alive=keep_alive_s,
        max_packet_size=70_000,
    )
    read = packets.decode_connack(5, body_of(sent.write()))
    assert (read.session_present, read.code) == (present, int(code))
    assert read.properties["reason"] == words
    assert read.properties["server_keep_alive_s"] == keep_alive_s
    assert read.properties["maximum_packet_bytes"] == 70_000
    assert read.properties.get("user", []) == pairs


@given(PACKET_ID, st.lists(any_of(mqtt5.SubAckReasonCode), min_size=1, max_size=9), PAIRS)
def test_suback_of_mqtt5_is_read(
    packet_id: int, codes: list[mqtt5.SubAckReasonCode], pairs: list[tuple[str, str]]
) -> None:
    read = packets.decode_suback(5, body_of(mqtt5.SubAckPacket(packet_id, codes, user_properties=pairs).write()))
    assert (read.packet_id, list(read.codes)) == (packet_id, [int(code) for code in codes])


@given(PACKET_ID, any_of(mqtt5.PubAckReasonCode), st.none() | TEXT)
def test_puback_of_mqtt5_is_read(packet_id: int, code: mqtt5.PubAckReasonCode, words: str | None) -> None:
    sent = mqtt5.PubAckPacket(packet_id, reason_code=code, reason_str=words).write()
    read = packets.decode_ack(5, body_of(sent))
    assert (read.packet_id, read.code, read.properties.get("reason")) == (packet_id, int(code), words)


@given(any_of(mqtt5.DisconnectReasonCode), st.none() | TEXT)
def test_disconnect_of_mqtt5_is_read(code: mqtt5.DisconnectReasonCode, words: str | None) -> None:
    read = packets.decode_disconnect(5, body_of(mqtt5.DisconnectPacket(reason_code=code, reason_str=words).write()))
    assert (read.code, read.properties.get("reason")) == (int(code), words)


@given(
    TOPIC,
    PAYLOAD,
    st.sampled_from([0, 1, 2]),
    PACKET_ID,
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(1, 268_435_455), max_size=3),
)
def test_publish_of_mqtt5_is_read(
    topic: str,
    payload: bytes,
    qos: int,
    packet_id: int,
    retain: bool,
    duplicate: bool,
    subscriptions: list[int],
) -> None:
    sent = mqtt5.PublishPacket(
        topic,
        payload,
        qos=mqtt5.QoS(qos),
        retain=retain,
        duplicate=duplicate and qos > 0,
        packet_id=packet_id if qos else None,
        subscription_ids=subscriptions,
        correlation_data=payload,
    ).write()
    read = packets.decode_publish(5, sent[0], body_of(sent))
    assert (read.topic, read.payload, read.qos, read.retained) == (topic, payload, qos, retain)
    assert (read.packet_id, read.duplicate) == (packet_id if qos else 0, duplicate and qos > 0)
    assert read.properties.get("subscription_ids", []) == subscriptions
    assert read.properties["correlation"] == payload


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (lambda: packets.decode_connack(4, b"\x02\x00"), "flags 0x02"),
        (lambda: packets.decode_connack(4, b"\x00\x00\x00"), "1 bytes too many"),
        (lambda: packets.decode_suback(4, b"\x00\x01"), "codes"),
        (lambda: packets.decode_suback(4, b"\x00\x01\x03"), "codes"),
        (lambda: packets.decode_ack(4, b"\x00\x00"), "packet id 0"),
        (lambda: packets.decode_ack(4, b"\x00"), "needs 2 bytes"),
        (lambda: packets.decode_disconnect(4, b""), "3.1.1 does not have"),
        (lambda: packets.decode_disconnect(5, b"\x00\x02\x55\x00"), "unknown property 0x55"),
        (lambda: packets.decode_disconnect(5, b"\x00\x0c\x1f\x00\x01a\x1f\x00\x01b"), "properties of 12 bytes"),
        (lambda: packets.decode_disconnect(5, b"\x00\x08\x1f\x00\x01a\x1f\x00\x01b"), "stands twice"),
        (lambda: packets.decode_publish(5, 0x36, b"\x00\x01a\x00\x01\x00"), "QoS 3"),
    ],
)
def test_what_mqtt_does_not_allow_is_named(read: object, why: str) -> None:
    with pytest.raises(MqttProtocolError, match=why):
        read()
