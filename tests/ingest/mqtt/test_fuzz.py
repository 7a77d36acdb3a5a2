"""A broker that sends rubbish: nothing but `MqttProtocolError` may come of it.

`make test` tries 50,000 damaged streams, of a fixed seed. A million:
`TESTS_EFFORT_PCT=2000 python -m pytest tests/ingest/mqtt/test_fuzz.py`
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import mqtt5
import pytest

from ingest.mqtt import MqttOptions, Trouble, packets
from ingest.mqtt.connection import Connection
from ingest.mqtt.inbox import Inbox
from tests.effort import examples

STREAMS = examples(50_000)
FILTERS = ["watch/+/+", "3g/+/up"]


def good_stream(version: int, long_bytes: int) -> list[bytes]:
    """What an orderly broker sends, one packet of every kind."""
    if version == 5:
        many = [("k", "v")] * 3
        return [
            mqtt5.ConnAckPacket(session_present=True, reason_str="welcome", server_keep_alive=20).write(),
            mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * 2, user_properties=many).write(),
            mqtt5.PublishPacket("watch/a/sos", b"{}", qos=mqtt5.QoS(1), packet_id=5, user_properties=many).write(),
            mqtt5.PublishPacket("watch/a/sos", b"x" * long_bytes, qos=mqtt5.QoS(2), packet_id=6).write(),
            mqtt5.PubRelPacket(6).write(),
            mqtt5.PubAckPacket(9, reason_str="why").write(),
            b"\xd0\x00",
            mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SERVER_BUSY, reason_str="later").write(),
        ]
    return [
        b"\x20\x02\x01\x00",
        b"\x90\x04\x00\x01\x01\x01",
        packets.packet(0x32, b"\x00\x0bwatch/a/sos\x00\x05{}"),
        packets.packet(0x34, b"\x00\x0bwatch/a/sos\x00\x06" + b"x" * long_bytes),
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


class Pipe(asyncio.Transport):
    """Takes everything; `closed` once we gave up."""

    closed = False

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


def end_of(options: MqttOptions, parts: list[bytes]) -> Trouble | None:
    """Let one connection hear these; why we ended it, or None if it still stands."""
    inbox, pipe = Inbox(options), Pipe()
    connection = Connection(1, options, FILTERS, inbox, lambda _: None)
    connection.connection_made(pipe)
    for part in parts:
        if not pipe.closed:
            connection.data_received(part)
    for batch in inbox._batches:
        assert len(batch) == len(batch.payloads) == len(batch.retained) == len(batch.packet_ids)
        assert all(isinstance(topic, str) and topic.encode() is not None for topic in batch.topics)
        assert all(position < len(batch) for position in batch.oversized)
        connection.acknowledge(batch.packet_ids)
    connection.connection_lost(None)
    return connection.ended.result().trouble if pipe.closed else None


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("version", [4, 5])
async def test_rubbish_from_the_broker_is_a_protocol_error_and_nothing_else(version: int) -> None:
    rng, ends = Random(version), Counter()  # noqa: S311 - seeded on purpose
    streams = [good_stream(version, long_bytes) for long_bytes in [30] * 9 + [1500]]
    small, large = (MqttOptions("c", version=version, max_packet_bytes=size) for size in (1024, 1 << 20))
    for _ in range(STREAMS // 2):
        data = damaged(rng, rng.choice(streams))
        step = rng.choice((1 if len(data) < 500 else 7, 40, 10_000, 10_000))
        parts = [data[at : at + step] for at in range(0, len(data), step)]
        ends[end_of(rng.choice((small, large)), parts)] += 1
    # The damage reaches the checks, and not every damage is an error.
    assert STREAMS / 40 < ends[Trouble.PROTOCOL] < STREAMS / 2
    assert ends[None] > STREAMS / 40
