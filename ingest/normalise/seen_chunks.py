"""The state of the duplicate filter as bytes, a chunk of watches at a time, and whose turn it is to be kept.

A restart reads every chunk and folds the log's records after it, so chunks are kept in turn, one beside this commit,
one beside that: each is kept again before the records after it cost a second to fold.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ingest.normalise.seen_columns import SIDE, STATE, Side, has
from ingest.normalise.seen_kept import SPAN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MOST_RECORDS, MOST_READINGS = 8_000, 2_000_000
"""After the oldest chunk; whichever comes first, in shares. Measured: 0.1 ms to read a record, 0.3 us to fold a
reading."""
FORM = 1
_HEAD = struct.Struct("<BBII")  # form, 1 if compressed, watches, bytes of what follows before it was compressed
_COMPRESS_FROM = 64
"""Watches; fewer are hardly smaller for it."""


class UnknownFormError(ValueError):
    """A chunk written by a newer carewatch, or no chunk at all."""


def packed(rows: NDArray[Any], sides: Mapping[int, Side]) -> bytes:
    """`sides`: by place in `rows`, shape (n,) of `seen_columns.STATE`; every row with the bit `SIDE` has one."""
    columns = [np.ascontiguousarray(rows[name]).tobytes() for name in STATE.names or ()]
    body = b"".join([*columns, *(_packed_side(place, sides[place]) for place in sided(rows))])
    is_compressed = len(rows) >= _COMPRESS_FROM
    head = _HEAD.pack(FORM, is_compressed, len(rows), len(body))
    return head + (pa.Codec("zstd", 1).compress(body, asbytes=True) if is_compressed else body)


def unpacked(chunk: bytes) -> tuple[NDArray[Any], dict[int, Side]]:
    """The inverse of `packed`. UnknownFormError when it was made by another form than this carewatch knows."""
    form, is_compressed, count, size = _HEAD.unpack_from(chunk)
    if form != FORM:
        raise UnknownFormError(f"state of form {form}; this carewatch knows {FORM}")
    body = chunk[_HEAD.size :]
    if is_compressed:
        body = pa.Codec("zstd").decompress(body, size, asbytes=True)
    rows = np.zeros(count, STATE)
    at = 0
    for name in STATE.names or ():
        rows[name] = np.frombuffer(body, STATE[name], count, at)
        at += STATE[name].itemsize * count
    return rows, _sides(np.frombuffer(body, "<i8", offset=at).tolist())


def sided(rows: NDArray[Any]) -> list[int]:
    """Places of the rows that have a side."""
    places: list[int] = np.flatnonzero(has(rows, SIDE)).tolist()
    return places


def _packed_side(place: int, side: Side) -> bytes:
    numbers = [place, len(side.ranges), len(side.emergencies)]
    numbers += [number for pair in side.ranges for number in pair]
    numbers += [number for emergency in side.emergencies for number in emergency]
    return np.array(numbers, "<i8").tobytes()


def _sides(numbers: list[int]) -> dict[int, Side]:
    sides, at = {}, 0
    while at < len(numbers):
        place, ranges, emergencies = numbers[at : at + 3]
        first = at + 3
        middle, at = first + 2 * ranges, first + 2 * ranges + 3 * emergencies
        sides[place] = Side(
            tuple((numbers[n], numbers[n + 1]) for n in range(first, middle, 2)),
            tuple((numbers[n], numbers[n + 1], numbers[n + 2]) for n in range(middle, at, 3)),
        )
    return sides


def spans_of(reached: int) -> int:
    """How many spans hold watches 0 to `reached` - 1; one at least."""
    return max(1, -(-reached // SPAN))


class ChunkRounds:
    """Whose turn it is. `begun`: spans of watches that have a chunk in the log.

    `records`, `readings`: that came after the oldest.
    """

    def __init__(self, begun: int = 0, records: int = 0, readings: int = 0) -> None:
        self.begun = begun
        self._next = 0
        self._debt = self._cost(records, readings)
        self._planned: list[int] = []

    def due(self, reached: int) -> list[int]:
        """Spans to be kept with the next commit, whose state reaches to watch `reached` - 1.

        A new span is kept at once, empty: else a restart would look for its watches in the whole log. There is one
        even where no watch counts its readings.
        """
        spans = spans_of(reached)
        in_turn = min(int(self._debt), self.begun)
        self._planned = [(self._next + turn) % self.begun for turn in range(in_turn)] if in_turn else []
        return [*self._planned, *range(self.begun, spans)]

    def committed(self, readings: int, reached: int) -> None:
        """A record of so many readings is kept, and with it what was due."""
        if self._planned:
            self._next = (self._planned[-1] + 1) % self.begun
            self._debt -= len(self._planned)
            self._planned = []
        self.begun = max(self.begun, spans_of(reached))
        self._debt += self._cost(1, readings)

    def _cost(self, records: int, readings: int) -> float:
        """Chunks to be kept for so much more to fold."""
        return self.begun * (records / MOST_RECORDS + readings / MOST_READINGS)
