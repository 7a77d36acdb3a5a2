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
        return [
            Record(offset, _KINDS[kind], log_time_ms, bool(deaf), step_ms, readings)
            for (offset, kind, log_time_ms, deaf, step_ms, _), readings in zip(
                chosen.tolist(), self._pieces(begin, len(chosen)), strict=True
            )
        ]

    def _pieces(self, begin: int, count: int) -> Iterator[Readings]:
        if len(self.parts) == 1:
            yield from [self.readings][:count]
            return
        chosen = slice(begin, begin + count)
        starts = self._ends[chosen] - self.parts[chosen, ROWS]
        always, sometimes, carried = self._presence
        names: dict[bytes, tuple[str, ...]] = {}
        for start, stop, these in zip(starts.tolist(), self._ends[chosen].tolist(), carried[chosen], strict=True):
            if start == stop:
                yield _NONE
                continue
            key = these.tobytes()
            if key not in names:
                names[key] = (*always, *compress(sometimes, these.tolist()))
            yield self.readings.piece(start, stop, names[key])

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


def _carries(column: Column, values: NDArray[Any]) -> NDArray[np.bool_]:
    if column.required:
        return np.ones(len(values), np.bool_)
    carries: NDArray[np.bool_] = ~np.isnan(values) if np.isnan(column.absent) else values != column.absent
    return carries
