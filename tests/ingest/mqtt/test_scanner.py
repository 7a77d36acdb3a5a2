"""The hot path against the full decoder and mqtt5, however the bytes are cut."""

from __future__ import annotations

from itertools import pairwise

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mqtt import Delivered, MqttProtocolError, packets
from ingest.mqtt.scanner import OVERSIZED_PAYLOAD_BYTES, Scanner

MESSAGE = st.tuples(
    st.sampled_from(["watch/a/sos", "watch/b/heart_rate", "表/三/跌倒"]),
    st.binary(max_size=200) | st.just(b"x" * 17_000),
    st.sampled_from([0, 1, 2]),
    st.integers(1, 65535),
    st.booleans(),
)
CUTS = st.lists(st.integers(0, 20_000), max_size=12)


def publish_3_1_1(topic: bytes, payload: bytes, qos: int = 1, packet_id: int = 1, retain: bool = False) -> bytes:
    head = len(topic).to_bytes(2, "big") + topic + (packet_id.to_bytes(2, "big") if qos else b"")
    return packets.packet(0x30 | qos << 1 | retain, head + payload)


def publish_5(topic: str, payload: bytes, qos: int = 1, packet_id: int = 1, retain: bool = False) -> bytes:
    return mqtt5.PublishPacket(
        topic,
        payload,
        qos=mqtt5.QoS(qos),
        packet_id=packet_id if qos else None,
        retain=retain,
        user_properties=[("k", "v" * 90)] * (packet_id % 3),
    ).write()


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(places)]


def scan(scanner: Scanner, parts: list[bytes]) -> tuple[Delivered, list[tuple[int, bytes]]]:
    batch, control = Delivered(1), []
    for part in parts:
        control += scanner.feed(part, batch)
    assert len({len(batch), len(batch.payloads), len(batch.retained), len(batch.packet_ids)}) == 1
    return batch, control


@pytest.mark.parametrize("version", [4, 5])
@given(messages=st.lists(MESSAGE, max_size=12), cuts=CUTS)
def test_messages_come_whole_and_in_order_however_the_stream_is_cut(
    version: int, messages: list[tuple[str, bytes, int, int, bool]], cuts: list[int]
) -> None:
    write = publish_5 if version == 5 else lambda topic, *rest: publish_3_1_1(topic.encode(), *rest)
    stream = b"\xd0\x00".join([b"", *(write(*message) for message in messages)])
    scanner = Scanner(version)
    batch, control = scan(scanner, pieces(stream, cuts))
    assert batch.topics == [one[0] for one in messages]
    assert batch.payloads == [one[1] for one in messages]
    assert batch.packet_ids == [one[3] if one[2] else 0 for one in messages]
    assert batch.retained == [one[4] for one in messages]
    assert control == [(0xD0, b"")] * len(messages)
    assert scanner.exactly_once == {one[3] for one in messages if one[2] == 2}


def test_a_topic_that_is_no_utf8_is_delivered_in_readable_form() -> None:
    batch, _ = scan(Scanner(4), [publish_3_1_1(b"watch/\xff\xfe/sos", b"help")])
    assert batch.topics == [r"watch/\xff\xfe/sos"]
    assert batch.payloads == [b"help"]
    batch.topics[0].encode()  # a file, a database and a terminal take it


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("step", [1_000_000, 4096, 997])
def test_an_oversized_message_flows_by_cut_and_flagged_and_its_neighbours_come(version: int, step: int) -> None:
    write = publish_5 if version == 5 else lambda topic, *rest: publish_3_1_1(topic.encode(), *rest)
    large = bytes(range(256)) * 1200
    stream = write("a", b"before", 1, 7) + write("big", large, 1, 8) + write("c", b"after", 1, 9)
    scanner = Scanner(version, max_packet_bytes=100_000)
    batch, _ = scan(scanner, [stream[at : at + step] for at in range(0, len(stream), step)])
    assert batch.topics == ["a", "big", "c"]
    assert batch.payloads == [b"before", large[:OVERSIZED_PAYLOAD_BYTES], b"after"]
    assert batch.packet_ids == [7, 8, 9]
    assert batch.oversized == {1: len(large)}


def test_an_oversized_message_is_never_held_whole() -> None:
    scanner, batch = Scanner(4, max_packet_bytes=2048), Delivered(1)
    stream = publish_3_1_1(b"t", bytes(50_000_000))
    for at in range(0, len(stream), 1 << 18):
        scanner.feed(stream[at : at + (1 << 18)], batch)
        held = len(scanner._tail) + (len(scanner._oversized.kept) if scanner._oversized else 0)
        assert held <= 3 * OVERSIZED_PAYLOAD_BYTES
    assert batch.oversized == {0: 50_000_000}


class Counting(Scanner):
    """Knows how often it looked through its bytes."""

    looks = 0

    def _scan(self, *arguments: object) -> int:
        self.looks += 1
        return super()._scan(*arguments)


def test_a_message_of_many_small_reads_is_joined_once() -> None:
    scanner, batch = Counting(4), Delivered(1)
    stream = publish_3_1_1(b"t", bytes(300_000))
    for at in range(len(stream)):
        scanner.feed(stream[at : at + 1], batch)
    assert [len(payload) for payload in batch.payloads] == [300_000]
    assert scanner.looks < 10


@pytest.mark.parametrize(
    ("version", "stream", "why"),
    [
        (4, b"\x36\x05\x00\x01a\x00\x01", "QoS 3"),
        (4, b"\x32\x05\x00\x01a\x00\x00", "packet id 0"),
        (4, b"\x32\x03\x00\x09abcdefghijk", "shorter than its own header"),
        (4, b"\x30\x01\x00", "within its own header"),
        (4, b"\x30\xff\xff\xff\xff\x01", "more than four bytes"),
        (4, b"\x90\xff\xff\xff\x7f", "packet 0x90 of 268435455 bytes"),
        (5, b"\x30\x04\x00\x00\x00x", "topic alias"),
        (5, b"\x30\x09\x00\x01a\xff\xff\xff\xff\x01x", "more than four bytes"),
        (5, b"\x30\x05\x00\x01a\x7fx", "shorter than its own header"),
    ],
)
def test_what_mqtt_does_not_allow_is_named_and_what_came_before_is_kept(version: int, stream: bytes, why: str) -> None:
    batch = Delivered(1)
    good = publish_5("a", b"good") if version == 5 else publish_3_1_1(b"a", b"good")
    with pytest.raises(MqttProtocolError, match=why):
        Scanner(version).feed(good + stream, batch)
    assert batch.payloads == [b"good"]
