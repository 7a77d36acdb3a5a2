"""Messages as watches send them: mixed kinds, several fields, seq rising per watch; and bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE_MS = 1_780_000_000_000
"""Watch time of the first reading."""
EVERY_MS = 60_000
FILTERS = tuple(f"watch/+/{kind}" for kind in ("heart_rate", "location", "status", "backlog"))
EMERGENCY_FILTERS = ("watch/+/sos", "watch/+/fall")


def watch_id(watch: int) -> str:
    """As registered and as on the topic."""
    return f"w{watch:06d}"


def messages(count: int, watches: int) -> Iterator[tuple[bytes, bytes]]:
    """`count` readings, one a message, the watches in turns: of ten seven heart rates, two positions, one status."""
    for number in range(count):
        seq, watch = number // watches + 1, number % watches
        yield reading(watch, seq, number)


def reading(watch: int, seq: int, number: int) -> tuple[bytes, bytes]:
    """Topic and payload of one reading."""
    place = number * 7 % 10
    boot = 1_000_000_007 + watch * 2_017 % 3_000_000_000
    head = b'{"v":1,"boot":%d,"seq":%d,"oldest":%d,"time":%d,"battery":%d' % (
        boot,
        seq,
        max(1, seq - 20),
        BASE_MS + seq * EVERY_MS + watch * 37 % EVERY_MS,
        20 + number % 80,
    )
    if place < 7:
        body = b',"bpm":%d,"quality":0.%02d,"steps":%d,"spo2":%d.5,"worn":true}' % (
            50 + number % 60,
            50 + number % 50,
            number % 40,
            90 + number % 9,
        )
        return b"watch/w%06d/heart_rate" % watch, head + body
    if place < 9:
        body = b',"lat":22.5%05d,"lon":114.0%05d,"accuracy_m":%d,"speed_kmh":%d.%d,"source":"gps"}' % (
            number % 100_000,
            number * 3 % 100_000,
            5 + number % 40,
            number % 6,
            number % 10,
        )
        return b"watch/w%06d/location" % watch, head + body
    return b"watch/w%06d/status" % watch, head + b',"event":"worn","worn":true,"charging":false}'


BAD = (
    b"this is no JSON at all, whatever the topic says",
    b'{"v":1,"boot":12345,"seq":17,"time":1780000000000,"bpm":7',
    b'{"v":1,"boot":12345,"time":1780000000000,"bpm":72,"name":"\xff\xfe\xfd"}',
    b"[" * 2_000 + b"]" * 2_000,
    b'{"v":1,"boot":12345,"bpm":72}',
    b'{"v":1,"boot":12345,"time":"yesterday at noon","bpm":72}',
    b'{"v":9,"boot":12345,"time":1780000000000,"bpm":72}',
    b'["an array", "of words", 3, null]',
    b"null",
    b"72",
)
"""Payloads that cannot be a reading, each for a reason of its own."""


def bad_messages(count: int, watches: int) -> Iterator[tuple[bytes, bytes]]:
    """`count` that cannot be readings, of every sort in turns."""
    for number in range(count):
        yield b"watch/w%06d/heart_rate" % (number % watches), BAD[number % len(BAD)]
