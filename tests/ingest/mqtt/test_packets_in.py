"""Every packet that a broker may send, as two other people's codecs write or read it. What we send: test_packets."""

from __future__ import annotations

from typing import Any

import mqtt5
import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mqtt import Delivered, MqttOptions, MqttProtocolError, packets
from ingest.mqtt.scanner import Scanner
from ingest.mqtt.session import Session
from tests.ingest.mqtt.test_packets import PACKET_ID, PAIRS, PAYLOAD, TEXT, TOPIC, Wire, any_of, body_of

U16, U32 = st.integers(0, 2**16 - 1), st.integers(1, 2**32 - 1)
WORDS = st.none() | TEXT
CONNACK = {
    "session_expiry_interval": ("session_expiry_s", st.integers(0, 2**32 - 1)),
    "assigned_client_id": ("assigned_client_id", TEXT),
    "server_keep_alive": ("server_keep_alive_s", U16),
    "authentication_method": ("authentication_method", TEXT),
    "authentication_data": ("authentication", PAYLOAD),
    "response_info": ("response_information", TEXT),
    "server_reference": ("server_reference", TEXT),
    "reason_str": ("reason", TEXT),
    "receive_max": ("receive_maximum", st.integers(1, 2**16 - 2)),
    "topic_alias_max": ("topic_alias_maximum", st.integers(1, 2**16 - 1)),
    "max_packet_size": ("maximum_packet_bytes", U32),
}
PUBLISH = {
    "message_expiry_interval": ("message_expiry_s", U32),
    "content_type": ("content_type", TEXT),
    "response_topic": ("response_topic", TOPIC),
    "correlation_data": ("correlation", PAYLOAD),
}
UNAVAILABLE = {
    "retain_available": "retain_available",
    "wildcard_subscription_available": "wildcards_available",
    "subscription_id_available": "subscription_ids_available",
    "shared_subscription_available": "shared_available",
}


def some_of(known: dict[str, tuple[str, Any]]) -> st.SearchStrategy:
    return st.fixed_dictionaries({}, optional={name: values for name, (_, values) in known.items()})


def named(known: dict[str, tuple[str, Any]], fields: dict[str, Any]) -> dict[str, Any]:
    return {known[name][0]: value for name, value in fields.items()}


@given(some_of(CONNACK), st.sets(st.sampled_from(sorted(UNAVAILABLE))), PAIRS)
def test_every_property_of_a_connack_is_read(fields: dict[str, Any], missing: set[str], pairs: list) -> None:
    sent = mqtt5.ConnAckPacket(**fields, **dict.fromkeys(missing, False), user_properties=pairs)
    read = dict(packets.decode_connack(5, body_of(sent.write())).properties)
    assert read.pop("user", []) == pairs
    assert read == named(CONNACK, fields) | {UNAVAILABLE[name]: 0 for name in missing}


@given(some_of(PUBLISH), TOPIC, PAYLOAD, PAIRS)
def test_every_property_of_a_publish_is_read_and_the_hot_path_steps_over_it(
    fields: dict[str, Any], topic: str, payload: bytes, pairs: list
) -> None:
    sent = mqtt5.PublishPacket(
        topic, payload, qos=mqtt5.QoS(1), packet_id=7, payload_format_indicator=1, **fields, user_properties=pairs
    ).write()
    read = dict(packets.decode_publish(5, sent[0], body_of(sent)).properties)
    assert read.pop("user", []) == pairs
    assert read == named(PUBLISH, fields) | {"payload_format": 1}
    batch = Delivered(1)
    assert Scanner(5).feed(sent, batch) == []
    assert (batch.topics, batch.payloads, batch.packet_ids) == ([topic], [payload], [7])


@given(PACKET_ID, st.lists(any_of(mqtt5.SubAckReasonCode), min_size=1, max_size=9), WORDS, PAIRS)
def test_the_words_of_a_suback_are_read(packet_id: int, codes: list, words: str | None, pairs: list) -> None:
    sent = mqtt5.SubAckPacket(packet_id, codes, reason_str=words, user_properties=pairs).write()
    read = packets.decode_suback(5, body_of(sent))
    assert (read.properties.get("reason"), read.properties.get("user", [])) == (words, pairs)


@pytest.mark.parametrize("kind", ["PubAck", "PubRec", "PubRel", "PubComp"])
@given(data=st.data(), packet_id=PACKET_ID, words=WORDS, pairs=PAIRS)
def test_the_four_acknowledgements_of_mqtt_5_are_read(
    kind: str, data: st.DataObject, packet_id: int, words: str | None, pairs: list
) -> None:
    code = data.draw(any_of(getattr(mqtt5, f"{kind}ReasonCode")))
    sent = getattr(mqtt5, f"{kind}Packet")(packet_id, reason_code=code, reason_str=words, user_properties=pairs)
    read = packets.decode_ack(5, body_of(sent.write()))
    assert (read.packet_id, read.code) == (packet_id, int(code))
    assert (read.properties.get("reason"), read.properties.get("user", [])) == (words, pairs)


@pytest.mark.parametrize("kind", ["puback", "pubrec", "pubrel", "pubcomp"])
@given(packet_id=PACKET_ID)
def test_the_four_acknowledgements_of_3_1_1_are_read_as_paho_writes_them(kind: str, packet_id: int) -> None:
    wire = Wire()
    getattr(wire.client, f"_send_{kind}")(packet_id)
    sent = wire.sent()
    assert sent[0] == packets.FULL_HEADER[getattr(packets, kind.upper())]
    assert packets.decode_ack(4, body_of(sent)) == packets.Ack(packet_id)


@given(any_of(mqtt5.DisconnectReasonCode), WORDS, WORDS, PAIRS)
def test_every_property_of_a_disconnect_is_read(code: Any, words: str | None, other: str | None, pairs: list) -> None:
    sent = mqtt5.DisconnectPacket(reason_code=code, reason_str=words, server_reference=other, user_properties=pairs)
    read = packets.decode_disconnect(5, body_of(sent.write())).properties
    assert (read.get("reason"), read.get("server_reference"), read.get("user", [])) == (words, other, pairs)


@given(TOPIC, PAYLOAD, st.sampled_from([0, 1, 2]), st.booleans(), st.booleans(), PACKET_ID)
def test_publish_of_3_1_1_is_read_as_paho_writes_it(
    topic: str, payload: bytes, qos: int, retain: bool, duplicate: bool, packet_id: int
) -> None:
    wire = Wire()
    wire.client._send_publish(packet_id, topic.encode(), payload, qos, retain, duplicate)
    sent = wire.sent()
    packet_id = packet_id if qos else 0
    read = packets.decode_publish(4, sent[0], body_of(sent))
    assert read == packets.Publish(topic, payload, qos, retain, duplicate, packet_id)
    batch = Delivered(1)
    assert Scanner(4).feed(sent, batch) == []
    assert (batch.topics, batch.payloads, batch.retained, batch.packet_ids) == (
        [topic], [payload], [retain], [packet_id]
    )  # fmt: skip


class Reading:
    """A paho client that reads one packet from a broker."""

    def __init__(self, sent: bytes, version: int = paho.MQTTv311) -> None:
        self.told: list[Any] = []
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="c", protocol=version, clean_session=False)
        client.on_connect = lambda _c, _u, flags, code, _p: self.told.append((flags.session_present, code.value))
        client.on_subscribe = lambda _c, _u, mid, codes, _p: self.told.append((mid, [code.value for code in codes]))
        body = body_of(sent)
        client._in_packet |= {"command": sent[0], "packet": bytearray(body), "remaining_length": len(body)}
        client._packet_handle()


@given(st.booleans(), st.sampled_from([0, 3, 4, 5]))
def test_connack_of_3_1_1_says_to_us_what_it_says_to_paho(present: bool, code: int) -> None:
    sent = bytes((0x20, 2, present, code))
    ours = packets.decode_connack(4, body_of(sent))
    [(theirs_present, theirs_code)] = Reading(sent).told
    as_mqtt_5 = {0: 0, 3: 0x88, 4: 0x86, 5: 0x87}  # paho's second callback interface speaks MQTT 5's numbers
    assert (ours.session_present, as_mqtt_5[ours.code]) == (theirs_present, theirs_code)


@given(PACKET_ID, st.lists(st.sampled_from([0, 1, 2, 0x80]), min_size=1, max_size=9))
def test_suback_of_3_1_1_says_to_us_what_it_says_to_paho(packet_id: int, codes: list[int]) -> None:
    sent = packets.packet(0x90, packet_id.to_bytes(2, "big") + bytes(codes))
    ours = packets.decode_suback(4, body_of(sent))
    assert Reading(sent).told == [(ours.packet_id, list(ours.codes))]


def test_ping_and_goodbye_are_what_both_others_say() -> None:
    pinging, leaving = Wire(), Wire()
    pinging.client._send_pingreq()
    leaving.client._send_disconnect()
    assert (pinging.sent(), leaving.sent()) == (packets.PINGREQ_BYTES, packets.DISCONNECT_BYTES)
    assert mqtt5.PingRespPacket().write() == bytes((packets.FULL_HEADER[packets.PINGRESP], 0))


@pytest.mark.parametrize(
    "sent",
    [
        mqtt5.AuthPacket(authentication_method="x"),
        mqtt5.UnsubAckPacket(1, [mqtt5.UnsubAckReasonCode.SUCCESS]),
        mqtt5.PingReqPacket(),
        mqtt5.ConnectPacket("c"),
        mqtt5.SubscribePacket(1, [mqtt5.TopicFilter("a")]),
        mqtt5.UnsubscribePacket(1, ["a"]),
    ],
)
def test_a_packet_that_we_asked_nobody_for_is_a_protocol_error(sent: Any) -> None:
    session = Session(MqttOptions("c"), ["a"])
    session.receive(0x20, b"\x00\x00\x00")
    session.receive(0x90, b"\x00\x01\x00\x01")
    with pytest.raises(MqttProtocolError, match=r"does not send us|wrong flags"):
        session.receive(sent.write()[0], body_of(sent.write()))
