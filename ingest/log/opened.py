"""A row of the log, decoded: it gives the records that it was made of."""

from __future__ import annotations

from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.log.contract import Record, RecordKind
from ingest.log.parts import OFFSET, ROWS
from ingest.reading import COLUMN, Readings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ingest.reading import Column

_NONE = Readings.empty()
_KINDS = {int(kind): kind for kind in RecordKind}


class Opened:
    """`parts`: shape (records, 6); `readings`: of all of them, in order of arrival."""

    def __init__(self, parts: NDArray[np.int64], readings: Readings) -> None:
        self.parts = parts
        self.readings = readings
        self.first_offset = int(parts[0, OFFSET])
        self.last_offset = int(parts[-1, OFFSET])

    def records(self, after: int = 0, limit: int | None = None) -> list[Record]:
        """Those with offset > `after`, at most `limit`, in order; their arrays are views."""
        begin = max(after + 1 - self.first_offset, 0)
        chosen = self.parts[begin : None if limit is None else begin + limit]
        pieces = self._pieces(begin, len(chosen))
        return [
            Record(offset, _KINDS[kind], log_time_ms, bool(deaf), step_ms, readings)
            for (offset, kind, log_time_ms, deaf, step_ms, _), readings in zip(chosen.tolist(), pieces, strict=True)
        ]

    def carried(self, record: int) -> tuple[str, ...]:
        """The columns that some reading of a record carries; `record` counts from the row's first."""
        always, sometimes, carried = self._presence
        return (*always, *compress(sometimes, carried[record].tolist()))

    @cached_property
    def names(self) -> frozenset[str]:
        """The columns that some reading of the row carries."""
        return frozenset(self.readings.present)

    def _pieces(self, begin: int, count: int) -> Iterator[Readings]:
        if len(self.parts) == 1:
            yield from [self.readings][:count]
            return
        ends = self._ends[begin : begin + count]
        starts = ends - self.parts[begin : begin + count, ROWS]
        for record, (start, stop) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True), begin):
            yield _Piece(self, record, start, stop) if stop > start else _NONE

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Shape (records,): the row after each record's last."""
        return np.cumsum(self.parts[:, ROWS])

    @cached_property
    def _presence(self) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.bool_]]:
        """Columns that every reading carries; the others; and shape (records, others): whether some reading does."""
        cells = {name: _carries(COLUMN[name], self.readings[name]) for name in self.readings.present}
        always = tuple(name for name, cell in cells.items() if cell.all())
        others = tuple(name for name in cells if name not in always)
        carried = np.zeros((len(self.parts), len(others)), np.bool_)
        filled = np.flatnonzero(self.parts[:, ROWS])
        starts = (self._ends - self.parts[:, ROWS])[filled]
        for place, name in enumerate(others):
            carried[filled, place] = np.logical_or.reduceat(cells[name], starts)
        return always, others, carried


class _Piece(Readings):
    """The readings of one record of a row: a column is cut when it is asked for, since most consumers want few."""

    __slots__ = ("_cut", "_opened", "_record", "_start", "_stop")

    def __init__(self, opened: Opened, record: int, start: int, stop: int) -> None:
        self.rows = stop - start
        self._opened = opened
        self._record = record
        self._start = start
        self._stop = stop
        self._cut: dict[str, NDArray[Any]] | None = None

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name in self._opened.names:
            return self._opened.readings[name][self._start : self._stop]
        return Readings({}, self.rows)[name]

    @property
    def _columns(self) -> dict[str, NDArray[Any]]:  # type: ignore[override] # the base keeps what this one cuts
        if self._cut is None:
            whole = self._opened.readings
            self._cut = {name: whole[name][self._start : self._stop] for name in self._opened.carried(self._record)}
        return self._cut


def _carries(column: Column, values: NDArray[Any]) -> NDArray[np.bool_]:
    if column.required:
        return np.ones(len(values), np.bool_)
    carries: NDArray[np.bool_] = ~np.isnan(values) if np.isnan(column.absent) else values != column.absent
    return carries
