"""A run of plain packets is cut by columns; in small pieces, the same bytes go the scanner's other way."""

import random

import pytest

from ingest.mqtt.delivered import Delivered
from ingest.mqtt.fields import MqttProtocolError
from ingest.mqtt.packets import packet
from ingest.mqtt.plain_run import WORTH_COLUMNS, scan_plain
from ingest.mqtt.scanner import Scanner

TOPICS = [b"watch/w1/heart_rate", b"", b"a", "uhr/ä/ort".encode(), b"watch/\xff\xfe/sos", b"x" * 300]


def publish(rng: random.Random, version: int, number: int) -> bytes:
    odd = rng.random() < 0.02
    first = rng.choice([0x30, 0x31, 0x33, 0x34, 0x3C]) if odd else rng.choice([0x32, 0x32, 0x3A])
    topic = TOPICS[0] if rng.random() < 0.9 else rng.choice(TOPICS[1 + (version == 5) :])
    body = len(topic).to_bytes(2, "big") + topic
    if first & 6:
        body += (number % 65_535 + 1).to_bytes(2, "big")
    if version == 5:
        size = 0 if rng.random() < 0.9 else rng.choice([5, 130])
        body += b"\0" if size == 0 else bytes((size,)) + bytes(size) if size < 128 else b"\x82\x01" + bytes(size)
    return packet(first, body + rng.randbytes(rng.choice([0, 3, 80, 140, 300])))


def scanned(version: int, data: bytes, piece: int) -> tuple[Delivered, list[tuple[int, bytes]], str]:
    scanner, into, control, problem = Scanner(version), Delivered(1), [], ""
    try:
        for at in range(0, len(data), piece):
            control += scanner.feed(data[at : at + piece], into)
    except MqttProtocolError as error:
        problem = str(error)
    return into, control, problem


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("seed", range(40))
def test_whole_or_in_pieces_the_same_packets_are_found(version, seed):
    rng = random.Random(seed)  # noqa: S311 - a test stream
    stream = [publish(rng, version, number) for number in range(3 * WORTH_COLUMNS)]
    if seed % 4 == 1:
        stream.insert(rng.randrange(len(stream)), b"\xd0\x00")
    data = bytearray(b"".join(stream))
    if seed % 4 > 1:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    assert scanned(version, bytes(data), len(data)) == scanned(version, bytes(data), 256)


def test_a_long_run_is_cut_by_columns_up_to_what_is_odd():
    rng = random.Random(1)  # noqa: S311 - a test stream
    plain = b"".join(packet(0x32, b"\0\1a\0\7" + rng.randbytes(90)) for _ in range(WORTH_COLUMNS))
    into = Delivered(1)
    assert scan_plain(plain + b"\xd0\x00", 0, into, v5=False, limit=1 << 20) == len(plain)
    assert into.topics == ["a"] * WORTH_COLUMNS
    assert scan_plain(plain[:-95], 0, into, v5=False, limit=1 << 20) == 0


@pytest.mark.parametrize(
    "odd",
    [
        packet(0x32, b"\0\1a\0\0"),  # packet id 0
        packet(0x32, b"\0\1a\0"),  # no room for a packet id
        packet(0x32, b"\0\x09a\0\7"),  # its topic goes on in the next packet
        packet(0x32, b"\0"),
        packet(0x32, b""),
    ],
)
def test_a_run_with_a_packet_that_mqtt_forbids_is_left_to_the_loop_that_says_so(odd):
    plain = packet(0x32, b"\0\1a\0\7{}") * WORTH_COLUMNS
    into = Delivered(1)
    with pytest.raises(MqttProtocolError):
        Scanner(4).feed(plain + odd + plain, into)
    assert into.topics == ["a"] * WORTH_COLUMNS
