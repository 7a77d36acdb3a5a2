"""Columns of a merged row from few bytes: every value as it was, bit for bit, in order of arrival.

A column of few different values is a list of them, and one byte a row. Any other is whole numbers (reals that are
decimals of few places are counted in them), made small: what a watch says differs little from what it said before.
One zstd frame holds them all. `ingest.log.shrink` finds which way serves a column when rows are merged, and writes it
beside the bytes; reading only follows.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from ingest.log.numbers import BY_WATCH, Groups, Narrow, unsigned, widen

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEAD = struct.Struct("<QQQ")
"""Before the frame: bytes of `Told` in it, bytes of all in it, rows."""


class Stored(msgspec.Struct, array_like=True, frozen=True):
    """How one column is kept.

    `words`: the different values, as `bits`; then `numbers` are places in it, none where there is one word. Without
    words `scale` says what the numbers count: 0 the value's bits, 1 ones, 100 hundredths. `against`: the column that
    they differ from. `mask`: the place among the masks of that which tells the rows that hold a number, -1: all do.
    """

    name: str
    dtype: str
    numbers: Narrow
    words: tuple[int, ...] = ()
    scale: int = 1
    against: str = ""
    mask: int = -1


class Told(msgspec.Struct, array_like=True, frozen=True):
    """What stands before the bytes: first those of masks, then those of columns."""

    masks: tuple[Narrow, ...]
    columns: tuple[Stored, ...]


def bits(values: NDArray[Any]) -> NDArray[np.int64]:
    """Values as whole numbers, reals by their IEEE 754 bits."""
    if values.dtype.kind == "f":
        return values.view(f"<i{values.dtype.itemsize}").astype(np.int64)
    return values.astype(np.int64)


def of_bits(numbers: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The inverse of `bits`."""
    if dtype.kind == "f":
        return numbers.astype(f"<i{dtype.itemsize}").view(dtype)
    return numbers.astype(dtype, copy=False)


def decode(body: bytes | memoryview | pa.Buffer, rows: int) -> dict[str, NDArray[Any]]:
    """The columns as they were given to `ingest.log.shrink.encode`; the arrays are read-only.

    Raises
    ------
    ValueError, OSError, struct.error, msgspec.DecodeError
        The bytes are not what it made of so many rows.
    """
    kept = memoryview(body)
    told_bytes, length, count = HEAD.unpack_from(kept)
    if count != rows:
        raise ValueError(f"{count} readings in the body")
    plain = memoryview(pa.decompress(kept[HEAD.size :], length, codec="zstd"))
    told = msgspec.msgpack.decode(plain[:told_bytes], type=Told)
    return _Decoding(told, plain[told_bytes:], rows).columns()


class _Decoding:
    def __init__(self, told: Told, kept: memoryview, rows: int) -> None:
        self._told = told
        self._rows = rows
        ends = np.cumsum([0, *(mask.size(rows) for mask in told.masks)]).tolist()
        self._kept_masks = [kept[at:] for at in ends[:-1]]
        self._kept = kept[ends[-1] :]
        self._masks: dict[int, tuple[NDArray[np.bool_], Groups]] = {}
        self._whole: dict[str, NDArray[Any]] = {}
        self._groups = Groups(np.zeros(0, np.int64))

    def columns(self) -> dict[str, NDArray[Any]]:
        for stored in self._told.columns:
            values = self._worded(stored) if stored.words else self._counted(stored)
            values.flags.writeable = False
            self._whole[stored.name] = values
            if stored.name == "watch":
                self._groups = Groups(values)
        return self._whole

    def _take(self, told: Narrow, rows: int) -> memoryview:
        """The bytes of the next numbers."""
        kept, size = self._kept, told.size(rows)
        self._kept = kept[size:]
        return kept[:size]

    def _worded(self, stored: Stored) -> NDArray[Any]:
        words = np.array(stored.words, np.int64)
        other = self._whole[stored.against] if stored.against else None
        if stored.words == (0,) and other is not None:
            return other  # no copy: nobody writes to it
        if other is None:
            words = of_bits(words, np.dtype(stored.dtype))
        if len(words) == 1:
            values = np.full(self._rows, words[0])
        else:
            places = unsigned(stored.numbers, self._take(stored.numbers, self._rows), self._rows)
            values = words.take(self._groups.back(places) if stored.numbers.way in BY_WATCH else places)
        return values if other is None else values + other

    def _counted(self, stored: Stored) -> NDArray[Any]:
        dtype = np.dtype(stored.dtype)
        if stored.mask < 0:
            return self._numbers(stored, dtype, self._rows, self._groups)
        mask, groups = self._mask(stored.mask)
        values = np.full(self._rows, np.nan, dtype)
        values[mask] = self._numbers(stored, dtype, groups.rows, groups)
        return values

    def _numbers(self, stored: Stored, dtype: np.dtype[Any], rows: int, groups: Groups) -> NDArray[Any]:
        numbers = widen(stored.numbers, self._take(stored.numbers, rows), rows, groups)
        if stored.against:
            numbers += self._whole[stored.against]
        if stored.scale == 0:
            return of_bits(numbers, dtype)
        return numbers.astype(dtype, copy=False) if stored.scale == 1 else (numbers / stored.scale).astype(dtype)

    def _mask(self, place: int) -> tuple[NDArray[np.bool_], Groups]:
        if place not in self._masks:
            told = self._told.masks[place]
            cells = unsigned(told, self._kept_masks[place], self._rows)
            mask = (self._groups.back(cells) if told.way in BY_WATCH else cells).view(np.bool_)
            self._masks[place] = mask, Groups(self._whole["watch"][mask])
        return self._masks[place]
