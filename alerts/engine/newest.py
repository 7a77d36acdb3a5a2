"""What is newest of each watch, for the board and for people: kept beside what the rules remember."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.last_where import NONE, Whole
from ingest.reading import ALL_KINDS, COLUMN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alerts.engine.columns import Columns
    from alerts.engine.frame import Frame

KEPT = ("worn", "charging", "battery", "bpm", "lat", "lon", "accuracy_m")


def note(frame: Frame, state: Columns) -> None:
    """Write the newest known values of a batch's rows on time; of counted and event time the greatest."""
    for kind in ALL_KINDS:
        rows = frame.kind == kind
        if rows.any():
            state.get(f"heard.{kind.topic}", np.int64, NONE)[frame.watch[rows]] = frame.counted[rows]
    tails = np.flatnonzero(frame.tail)
    event_ms = state.get("newest.event_ms", np.int64, NONE)
    event_ms[frame.watch[frame.fresh]] = NONE  # what came before the clock was set lies on another scale
    here = frame.start >= np.where(frame.fresh[_tail_of(frame)], frame.start[_tail_of(frame)], 0)
    np.maximum.at(event_ms, frame.watch[here], frame.event[here])
    state.get("newest.arrival_ms", np.int64, NONE)[frame.watch[tails]] = frame.arrival[tails]
    for name in KEPT:
        if frame.is_present(name):
            _note_column(frame, state, name)


def _tail_of(frame: Frame) -> Whole:
    """The last row of each row's watch."""
    tails = np.flatnonzero(frame.tail)
    return tails[np.searchsorted(tails, np.arange(len(frame)))]


def _note_column(frame: Frame, state: Columns, name: str) -> None:
    values, column = frame.column(name), COLUMN[name]
    known = frame.on_time & ((values >= 0) if values.dtype == np.int8 else ~np.isnan(values))
    watch = frame.watch[known]
    kept: NDArray[np.generic] = state.get(f"newest.{name}", column.dtype.type, column.absent)
    kept[watch] = values[known]  # of rows of one watch the last is kept
    state.get(f"newest.{name}.ms", np.int64, NONE)[watch] = frame.time[known]
