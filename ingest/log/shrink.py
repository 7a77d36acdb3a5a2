"""Columns of a merged row as few bytes: which way serves each is found here, and `ingest.log.columns` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from ingest.log.columns import HEAD, Stored, Told, bits
from ingest.log.numbers import Groups, Narrow, Way, narrow, narrowest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

WORDS_MAX = 256
SAMPLE = 4096
"""Rows looked at first: a column of more than `WORDS_MAX` values among them has no words."""
SCALES = (1, 10, 100, 1_000_000, 10_000_000)
"""Decimal places in which makers write: bpm 72, 36.6 C, quality 0.97, degrees of 6 or 7 places."""
EXACT_BELOW = 2.0**52
ALIKE = {"time_ms": "arrival_ms", "raw_time_ms": "time_ms", "oldest": "seq"}
"""Columns that are nearly another one."""
FIRST = ("watch", "arrival_ms", "time_ms", "seq")
"""Written before what is written by or against them."""
_BY_ROW = (Way.ROW, Way.ROW_STEP)
_NOTHING = Narrow(Way.ROW, 0, 0)
_ZSTD = pa.Codec("zstd", 3)  # 9 saves a twentieth more, and takes four times as long


def encode(columns: Mapping[str, NDArray[Any]]) -> bytes:
    """Columns of equal length, at least one row, `watch` (int64) among them."""
    work = _Encoding(columns["watch"])
    for name in (*(name for name in FIRST if name in columns), *(name for name in columns if name not in FIRST)):
        work.add(name, columns[name])
    return work.as_bytes()


class _Encoding:
    def __init__(self, watch: NDArray[np.int64]) -> None:
        self._watch = watch
        self._groups = Groups(watch)
        self._whole: dict[str, NDArray[np.int64]] = {}
        self._stored: list[Stored] = []
        self._kept: list[bytes] = []
        self._masks: dict[bytes, tuple[int, Groups]] = {}
        self._told_masks: list[Narrow] = []
        self._kept_masks: list[bytes] = []

    def add(self, name: str, values: NDArray[Any]) -> None:
        """The next column."""
        whole, like = bits(values), ALIKE.get(name, "")
        ways_to_count = {"": whole}
        if like in self._whole:
            ways_to_count[like] = whole - self._whole[like]
        if values.dtype.kind != "f":
            self._whole[name] = whole
        for against, numbers in ways_to_count.items():
            if (found := _words(numbers)) is not None:
                self._add_words(Stored(name, values.dtype.str, _NOTHING, against=against), *found)
                return
        if values.dtype.kind == "f":
            self._add_real(name, values, whole)
        else:
            self._add_whole(name, values.dtype, ways_to_count)

    def _add_words(self, stored: Stored, words: tuple[int, ...], places: NDArray[np.int64]) -> None:
        how, kept = _NOTHING, b""
        if len(words) > 1:
            grouped = stored.name != "watch" and 2 * _changes(places[self._groups.order]) < _changes(places)
            how, kept = narrow(places, Way.WATCH if grouped else Way.ROW, self._groups)
        self._put(msgspec.structs.replace(stored, words=words, numbers=how), kept)

    def _add_whole(self, name: str, dtype: np.dtype[Any], ways_to_count: Mapping[str, NDArray[np.int64]]) -> None:
        ways = _BY_ROW if name == "watch" else tuple(Way)
        tried = {against: narrowest(numbers, ways, self._groups) for against, numbers in ways_to_count.items()}
        against = min(tried, key=lambda one: tried[one][0])
        _, how, kept = tried[against]
        self._put(Stored(name, dtype.str, how, against=against), kept)

    def _add_real(self, name: str, values: NDArray[Any], whole: NDArray[np.int64]) -> None:
        present = whole != bits(np.full(1, np.nan, values.dtype))
        mask, groups = -1, self._groups
        if not present.all():
            mask, groups = self._mask(present)
            values, whole = values[present], whole[present]
        scale, numbers = _counted(values, whole)
        _, how, kept = narrowest(numbers, tuple(Way), groups)
        self._put(Stored(name, values.dtype.str, how, scale=scale, mask=mask), kept)

    def _mask(self, present: NDArray[np.bool_]) -> tuple[int, Groups]:
        key = present.tobytes()
        if key not in self._masks:
            cells = present.astype(np.int64)
            _, how, kept = narrowest(cells, (Way.ROW, Way.WATCH), self._groups)
            self._masks[key] = len(self._masks), Groups(self._watch[present])
            self._told_masks.append(how)
            self._kept_masks.append(kept)
        return self._masks[key]

    def _put(self, stored: Stored, kept: bytes) -> None:
        self._stored.append(stored)
        self._kept.append(kept)

    def as_bytes(self) -> bytes:
        told = msgspec.msgpack.encode(Told(tuple(self._told_masks), tuple(self._stored)))
        plain = b"".join((told, *self._kept_masks, *self._kept))
        head = HEAD.pack(len(told), len(plain), len(self._watch))
        return head + bytes(_ZSTD.compress(plain, asbytes=True))


def _words(numbers: NDArray[np.int64]) -> tuple[tuple[int, ...], NDArray[np.int64]] | None:
    """The different numbers and each row's place among them; None when they are many."""
    if len(numbers) > SAMPLE and len(pa.array(numbers[:SAMPLE]).unique()) > WORDS_MAX:
        return None
    found = pa.array(numbers).dictionary_encode()
    if len(found.dictionary) > WORDS_MAX:
        return None
    return tuple(found.dictionary.to_pylist()), found.indices.to_numpy().astype(np.int64)


def _changes(places: NDArray[np.int64]) -> int:
    return int(np.count_nonzero(places[1:] != places[:-1]))


def _counted(values: NDArray[Any], whole: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """Reals as multiples of a decimal place, where each comes back bit for bit; their bits (scale 0) where not."""
    for scale in SCALES:
        with np.errstate(over="ignore", invalid="ignore"):  # infinities, and NaNs of other bits
            counted = np.rint(values.astype(np.float64) * scale)
            if not (np.abs(counted) < EXACT_BELOW).all():
                continue
            back = (counted / scale).astype(values.dtype)
        if np.array_equal(bits(back), whole):
            return scale, counted.astype(np.int64)
    return 0, whole
