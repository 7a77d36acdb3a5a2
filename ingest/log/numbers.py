"""Numbers as few bytes: int64 of shape (rows,) in; narrow ones, and how to come back, out."""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNSIGNED: tuple[np.dtype[Any], ...] = tuple(np.dtype(one) for one in (np.uint8, np.uint16, np.uint32, np.uint64))
_ALL_ONES = 0xFFFF_FFFF_FFFF_FFFF
_RADIX_BELOW = 1 << 16
_TRIAL = pa.Codec("zstd", 1)


class Way(IntEnum):
    """What stands for a number."""

    ROW = 0  # itself, in order of arrival
    ROW_STEP = 1  # its difference to the row before
    WATCH = 2  # itself, the rows of one watch beside each other
    WATCH_STEP = 3  # its difference to the row of the same watch before


BY_WATCH = frozenset({Way.WATCH, Way.WATCH_STEP})
STEPS = frozenset({Way.ROW_STEP, Way.WATCH_STEP})
WORTH = {Way.ROW: 0.0, Way.ROW_STEP: 0.1, Way.WATCH: 0.1, Way.WATCH_STEP: 0.3}
"""Bytes a row that a way must save before it is taken: reading it costs 2 to 8 ns a row more."""


class Narrow(msgspec.Struct, array_like=True, frozen=True):
    """How numbers are kept: unsigned, of `width` bytes, `low` below what they were. `leaps`: so many first steps, one
    a watch, stand before them as int64, because they are large.
    """

    way: Way
    low: int
    width: int
    leaps: int = 0

    def size(self, rows: int) -> int:
        """Bytes that they take."""
        return self.leaps * 8 + rows * self.width


class Groups:
    """Rows of one watch beside each other, in order of arrival within it, and the way back."""

    def __init__(self, watch: NDArray[np.int64]) -> None:
        self._watch = watch
        self.rows = len(watch)

    @cached_property
    def _small(self) -> NDArray[Any]:
        least = int(self._watch.min()) if len(self._watch) else 0
        if len(self._watch) and int(self._watch.max()) - least < _RADIX_BELOW:
            return (self._watch - least).astype(np.uint16)  # sorted by radix, ten times as fast
        return self._watch

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Shape (rows,): at each place, the row of arrival."""
        return np.argsort(self._small, kind="stable")

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """Shape (watches,): the places at which a watch's rows begin."""
        grouped = self._small[self.order]
        changes = np.flatnonzero(grouped[1:] != grouped[:-1]) + 1
        return np.concatenate((np.zeros(min(len(grouped), 1), np.intp), changes))

    def back(self, grouped: NDArray[Any]) -> NDArray[Any]:
        """In order of arrival again."""
        return grouped.take(self._places)

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        places = np.empty_like(self.order)
        places[self.order] = np.arange(len(places))
        return places


def narrow(numbers: NDArray[np.int64], way: Way, groups: Groups) -> tuple[Narrow, bytes]:
    """One way to keep them. Steps wrap around at 2**64, and so come back whole."""
    kept = numbers[groups.order] if way in BY_WATCH else numbers
    leaps = kept[:0]
    if way in STEPS:
        at = groups.starts if way is Way.WATCH_STEP else np.zeros(1, np.intp)
        kept = np.diff(kept, prepend=np.int64(0))
        leaps = kept[at]
        kept[at] = np.delete(kept, at)[:1] if len(at) < len(kept) else 0  # one that widens nothing
    low = int(kept.min())
    least = kept.view(np.uint64) - np.uint64(low & _ALL_ONES)
    most = int(least.max())
    width = next(one for one in _UNSIGNED if most <= np.iinfo(one).max)
    return Narrow(way, low, width.itemsize, len(leaps)), leaps.tobytes() + _planes(least.astype(width))


def narrowest(numbers: NDArray[np.int64], ways: tuple[Way, ...], groups: Groups) -> tuple[float, Narrow, bytes]:
    """The best of some ways: what it costs (bytes, and time to read as bytes), how, and the bytes."""
    tried = []
    for way in ways:
        told, kept = narrow(numbers, way, groups)
        tried.append((len(_TRIAL.compress(kept, asbytes=True)) + WORTH[way] * len(numbers), told, kept))
    return min(tried, key=lambda one: one[0])


def widen(told: Narrow, kept: memoryview, rows: int, groups: Groups) -> NDArray[np.int64]:
    """The inverse of `narrow`; `kept` begins at its bytes."""
    small = unsigned(told, kept, rows)
    numbers = np.add(small, np.uint64(told.low & _ALL_ONES), dtype=np.uint64).view(np.int64)
    if told.way in STEPS:
        leaps = np.frombuffer(kept, np.int64, told.leaps)
        numbers[groups.starts if told.way is Way.WATCH_STEP else slice(1)] = leaps
        np.cumsum(numbers, out=numbers)
    return groups.back(numbers) if told.way in BY_WATCH else numbers


def unsigned(told: Narrow, kept: memoryview, rows: int) -> NDArray[Any]:
    """The narrow numbers as they were kept."""
    planes = np.frombuffer(kept, np.uint8, rows * told.width, told.leaps * 8)
    if told.width == 1:
        return planes
    made = np.empty((rows, told.width), np.uint8)
    for weight in range(told.width):
        made[:, weight] = planes[weight * rows : (weight + 1) * rows]
    return made.view(f"<u{told.width}").reshape(rows)


def _planes(small: NDArray[Any]) -> bytes:
    """Bytes of one weight beside each other: the high ones are alike."""
    return small.view(np.uint8).reshape(len(small), -1).T.tobytes()
