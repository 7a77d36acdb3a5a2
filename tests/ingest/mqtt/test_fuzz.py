"""A broker that sends rubbish: nothing but `MqttProtocolError` may come of it.

`make test` tries 20,000 damaged streams a version. A million:
`CAREWATCH_FUZZ=1000000 python -m pytest tests/ingest/mqtt/test_fuzz.py --timeout 3600`
"""

from __future__ import annotations

import os
from random import Random

import mqtt5
import pytest

from ingest.mqtt import Delivered, MqttOptions, MqttProtocolError, packets
from ingest.mqtt.scanner import Scanner
from ingest.mqtt.session import Session

STREAMS = int(os.environ.get("CAREWATCH_FUZZ", "20000"))
FILTERS = ["watch/+/+", "3g/+/up"]


def good_stream(version: int) -> list[bytes]:
    """What an orderly broker sends, one packet of every kind."""
    if version == 5:
        many = [("k", "v")] * 3
        return [
            mqtt5.ConnAckPacket(session_present=True, reason_str="welcome", server_keep_alive=20).write(),
            mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * 2, user_properties=many).write(),
            mqtt5.PublishPacket("watch/a/sos", b"{}", qos=mqtt5.QoS(1), packet_id=5, user_properties=many).write(),
            mqtt5.PublishPacket("watch/a/sos", b"x" * 300, qos=mqtt5.QoS(2), packet_id=6).write(),
            mqtt5.PubRelPacket(6).write(),
            mqtt5.PubAckPacket(9, reason_str="why").write(),
            b"\xd0\x00",
            mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SERVER_BUSY, reason_str="later").write(),
        ]
    return [
        b"\x20\x02\x01\x00",
        b"\x90\x04\x00\x01\x01\x01",
        packets.packet(0x32, b"\x00\x0bwatch/a/sos\x00\x05{}"),
        packets.packet(0x34, b"\x00\x0bwatch/a/sos\x00\x06" + b"x" * 300),
        b"\x62\x02\x00\x06",
        b"\x40\x02\x00\x09",
        b"\xd0\x00",
        packets.packet(0x30, b"\x00\x01a" + b"y" * 400),
    ]


def damaged(rng: Random, stream: list[bytes]) -> bytes:
    """Some packets dropped, doubled or swapped, some bytes changed, inserted or lost."""
    chosen = [stream[0], *rng.choices(stream, k=rng.randrange(8))] if rng.random() < 0.8 else rng.choices(stream, k=4)
    data = bytearray(b"".join(chosen))
    for _ in range(rng.choice((0, 1, 1, 2, 8))):
        at = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                data[at] ^= 1 << rng.randrange(8)
            case 2:
                data[at:at] = rng.randbytes(rng.randrange(1, 4))
            case _:
                del data[at : at + rng.randrange(1, 4)]
        if not data:
            return b"\x00"
    return bytes(data)


@pytest.mark.parametrize("version", [4, 5])
def test_rubbish_from_the_broker_is_a_protocol_error_and_nothing_else(version: int) -> None:
    rng, stream, refused = Random(version), good_stream(version), 0  # noqa: S311 - seeded on purpose
    for _ in range(STREAMS):
        data, step = damaged(rng, stream), rng.choice((1, 3, 64, 10_000))
        scanner, batch = Scanner(version, max_packet_bytes=rng.choice((200, 1 << 20))), Delivered(1)
        session = Session(MqttOptions("carewatch", version=version), FILTERS)
        try:
            for at in range(0, len(data), step):
                for first_byte, body in scanner.feed(data[at : at + step], batch):
                    session.receive(first_byte, body)
        except MqttProtocolError:
            refused += 1
        assert len(batch) == len(batch.payloads) == len(batch.retained) == len(batch.packet_ids)
        assert all(isinstance(topic, str) and topic.encode() is not None for topic in batch.topics)
        assert all(position < len(batch) for position in batch.oversized)
    assert STREAMS / 20 < refused < STREAMS  # the damage reaches the checks, and not every damage is an error
