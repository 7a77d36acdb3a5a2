"""Readings of one kind by columns: which of them are regular, and how sheets become one batch of readings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ingest.formats.contract import Decoded, Reason, Refusal
from ingest.formats.native_forms import HEAD
from ingest.formats.native_reading import VERSION, other_version
from ingest.formats.rows import shown
from ingest.formats.times import LATEST_MS
from ingest.normalise.ranges import in_range
from ingest.reading import COLUMN, EMERGENCY_KINDS, UINT32_MAX, Flag, Kind, Readings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.formats.contract import Messages
    from ingest.formats.native_forms import Form, Packed

_COUNTS = ("boot", "seq", "oldest")
_NO_TIME = (Reason.NO_TIME, "time: absent")
_EXACT = float(1 << 53)
"""Below it every whole number stands in a float as it was written."""
_MOST_ELEMENTS = 1 << 24
"""More than a payload can hold: rows are ordered by message * this + element."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """`messages`: the number of each reading's message. `elements`: its place in an array, -1 for a bare object; None
    where all are bare.
    """

    form: Form
    messages: NDArray[np.int64]
    elements: NDArray[np.int64] | None
    packed: Packed

    def is_regular(self) -> NDArray[np.bool_]:
        """Mask of the readings of which nothing has to be said that only the careful way can say."""
        numbers = self.packed.numbers
        time_ms = numbers.get("time")
        if time_ms is None:
            return np.zeros(len(self.messages), np.bool_)
        regular = (time_ms >= 0) & (time_ms <= LATEST_MS)
        if "v" in numbers:
            regular &= np.isnan(numbers["v"]) | (numbers["v"] == 1)
        for name in _COUNTS:
            if name in numbers:
                regular &= np.isnan(numbers[name]) | _is_count(numbers[name])
        return regular

    def is_bare(self) -> NDArray[np.bool_]:
        """Mask of the readings that are a message each, in no array."""
        return np.ones(len(self.messages), np.bool_) if self.elements is None else self.elements < 0

    def refusals(self, asked: NDArray[np.bool_]) -> tuple[NDArray[np.int64], list[Refusal]]:
        """Rows of bare objects among the asked ones that are refused for their version or for want of a time, and why.

        An emergency never is, and of what the broker may say for a watch the careful way knows more.
        """
        numbers = self.packed.numbers
        kind, absent = self.form.kind, np.full(len(self.messages), np.nan)
        if kind in EMERGENCY_KINDS:
            return np.empty(0, np.int64), []
        version = numbers.get("v", absent)
        is_other = ~np.isnan(version) & (version != VERSION) & (np.abs(version) < _EXACT)
        lacks_time = np.isnan(numbers.get("time", absent)) & (np.isnan(version) | (version == VERSION))
        rows = np.flatnonzero(asked & (is_other | lacks_time) if kind is not Kind.STATUS else asked & is_other)
        if not len(rows):
            return rows, []
        boots, seqs = (_counts(numbers.get(name, absent)[rows]) for name in ("boot", "seq"))
        cells = zip(self.messages[rows].tolist(), version[rows].tolist(), boots, seqs, strict=True)
        return rows, [
            Refusal(message, *(_NO_TIME if lacks else other_version(v)), None, None, boot, seq)
            for (message, v, boot, seq), lacks in zip(cells, lacks_time[rows].tolist(), strict=True)
        ]

    def kept(self, keep: NDArray[np.bool_]) -> Sheet:
        """The readings that the mask names."""
        if keep.all():
            return self
        elements = None if self.elements is None else self.elements[keep]
        return Sheet(self.form, self.messages[keep], elements, self.packed.kept(keep))

    def element(self, row: int) -> int | None:
        """As a refusal names it."""
        element = -1 if self.elements is None else int(self.elements[row])
        return element if element >= 0 else None


def decoded(sheets: Sequence[Sheet], messages: Messages, flags: NDArray[np.uint32], refusals: list[Refusal]) -> Decoded:
    """The readings of all sheets in the order of arrival. `flags`: of each message. `refusals` grow by fields."""
    sheets = [sheet for sheet in sheets if len(sheet.messages)]
    if not sheets:
        return Decoded(Readings.empty(), refusals=refusals)
    parts = [_columns(sheet, messages.arrival_ms, flags, refusals) for sheet in sheets]
    owners = np.concatenate([sheet.messages for sheet in sheets])
    if len(owners) == len(messages) and all(sheet.elements is None for sheet in sheets):
        every = cast("Sequence[str]", messages.watch_ids)  # a message that names no watch is irregular
        return Decoded(_interleaved(parts, owners), every, range(len(owners)), refusals)
    elements = [np.full(len(s.messages), -1) if s.elements is None else s.elements for s in sheets]
    order = np.argsort(owners * _MOST_ELEMENTS + np.concatenate(elements), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    places, watch_ids = owners[order].tolist(), messages.watch_ids
    return Decoded(_interleaved(parts, rank), [watch_ids[place] for place in places], places, refusals)


def _interleaved(parts: Sequence[Readings], rank: NDArray[np.int64]) -> Readings:
    """Each row at its place. `rank`: the places of all rows, shape (rows of all parts,)."""
    if len(parts) == 1:
        return parts[0].take(np.argsort(rank)) if (rank[1:] < rank[:-1]).any() else parts[0]
    whole: dict[str, NDArray[Any]] = {}
    first = 0
    for part in parts:
        places = rank[first : first + len(part)]
        for name in part.present:
            if name not in whole:
                whole[name] = np.full(len(rank), COLUMN[name].absent, COLUMN[name].dtype)
            whole[name][places] = part[name]
        first += len(part)
    return Readings(whole, len(rank))


def _columns(sheet: Sheet, arrival_ms: int, flags: NDArray[np.uint32], refusals: list[Refusal]) -> Readings:
    rows = len(sheet.messages)
    numbers, codes = dict(sheet.packed.numbers), dict(sheet.packed.codes)
    of_rows = flags[sheet.messages]
    _read_zeros(numbers, codes, of_rows)
    time_ms = numbers["time"].astype(np.int64)
    columns: dict[str, NDArray[Any]] = {
        "watch": np.full(rows, -1, np.int64),
        "kind": np.full(rows, sheet.form.kind, np.int8),
        "time_ms": time_ms,
        "raw_time_ms": time_ms,
        "arrival_ms": np.full(rows, arrival_ms, np.int64),
    }
    for name in _COUNTS:
        if name in numbers:
            counts = numbers[name]
            has_all = counts.min() >= 0  # a NaN is the least of all
            columns[name] = (counts if has_all else np.where(np.isnan(counts), -1, counts)).astype(np.int64)
    for name in numbers.keys() - set(HEAD):
        columns[name] = _in_range(sheet, name, numbers[name], of_rows, refusals)
    return Readings({**columns, **codes, "flags": of_rows}, rows)


def _read_zeros(
    numbers: dict[str, NDArray[np.float64]], codes: dict[str, NDArray[np.int8]], flags: NDArray[np.uint32]
) -> None:
    """`bpm` 0 says: not on a wrist (WIRE.md section 1)."""
    bpm = numbers.get("bpm")
    if bpm is None or not (zero := bpm == 0).any():
        return
    numbers["bpm"] = np.where(zero, np.nan, bpm)
    codes["worn"] = np.where(zero, np.int8(0), codes.get("worn", np.int8(-1)))
    flags[zero] |= np.uint32(Flag.NOT_WORN_BY_ZERO)


def _in_range(
    sheet: Sheet, name: str, values: NDArray[np.float64], flags: NDArray[np.uint32], refusals: list[Refusal]
) -> NDArray[Any]:
    """The column in its type; what cannot be is emptied, flagged, and told."""
    column = COLUMN[name]
    if column.low is not None and column.high is not None and column.low <= values.min() <= values.max() <= column.high:
        return values.astype(column.dtype)
    good = in_range(column, values)
    bad = np.flatnonzero(~good & ~np.isnan(values))
    if not len(bad):
        return values.astype(column.dtype)
    flags[bad] |= np.uint32(Flag.OUT_OF_RANGE)
    owners = sheet.messages[bad].tolist()
    for row, owner, value in zip(bad.tolist(), owners, values[bad].tolist(), strict=True):
        detail = f"{name}: {shown(value)}"
        refusals.append(Refusal(owner, Reason.OUT_OF_RANGE, detail, sheet.element(row), name))
    return np.where(good, values, np.nan).astype(column.dtype)


def _counts(values: NDArray[np.float64]) -> list[int | None]:
    """Where they are some."""
    if (good := _is_count(values)).all():
        counts: list[int | None] = values.astype(np.int64).tolist()
        return counts
    return [int(value) if is_count else None for value, is_count in zip(values.tolist(), good.tolist(), strict=True)]


def _is_count(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    counts: NDArray[np.bool_] = (values >= 0) & (values <= UINT32_MAX) & (values == np.floor(values))
    return counts
