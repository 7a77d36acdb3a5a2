"""Watches that are heard for the first time, and those whose count skips some: the first reading after it, by columns.

Such a watch is made one that has counted up to just before that reading, so that all others are judged alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ingest.normalise.boot_run import SEQ_JUMP
from ingest.normalise.seen_columns import BEGAN, RUN, SIDE, SPILLED, STATE, UINT32_MAX
from ingest.normalise.seen_kept import NO_TIME_MS
from ingest.reading import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.reading import Readings


@dataclass(frozen=True, slots=True)
class Columns:
    """What is looked at of each reading, by watch and in order of arrival, shape (n,)."""

    boot: NDArray[np.int64]
    seq: NDArray[np.int64]
    oldest: NDArray[np.int64]
    kind: NDArray[np.int8]
    raw_time_ms: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    arrival_ms: NDArray[np.int64]

    @staticmethod
    def of(readings: Readings, order: NDArray[np.int64]) -> Columns:
        """In that order."""
        return Columns(*(readings[name][order] for name in Columns.__slots__))


class Opening(NamedTuple):
    """Watches of a batch whose count or gap it opens, shape (o,).

    `groups`: their numbers. `places`: of the reading that does. `flags`: that it earns. `lost`: given up by it.
    `is_closed`: nothing of the gap is waited for.
    """

    groups: NDArray[np.int64]
    places: NDArray[np.int64]
    flags: NDArray[np.uint32]
    lost: NDArray[np.int64]
    is_closed: NDArray[np.bool_]


def open_counts(
    states: NDArray[Any], starts: NDArray[np.int64], columns: Columns, top_of_row: NDArray[np.int64]
) -> Opening:
    """Find them, and make their rows of `states`, shape (g,), what they were just before that reading.

    A gap opens so only in a count that came whole from its first seq on: a row has no room for a second one.
    """
    bits = states["bits"]
    is_fresh = ((bits & (RUN | BEGAN)) == 0) & (states["older"] == 0)
    is_whole = ((bits & (RUN | BEGAN | SPILLED | SIDE)) == RUN | BEGAN) & (states["through"] == states["top"])
    is_whole &= states["low"] == 1
    first_new = starts
    if len(starts) < len(top_of_row):
        none = len(top_of_row)
        first_new = np.minimum.reduceat(np.where(columns.seq > top_of_row, np.arange(none), none), starts)
        is_whole &= first_new < none
        first_new = np.minimum(first_new, none - 1)
    skips = is_whole & (columns.seq[first_new] > top_of_row[first_new] + 1)
    groups = np.flatnonzero(is_fresh | skips)
    fresh = is_fresh[groups]
    places = np.where(fresh, starts[groups], first_new[groups])
    before = np.where(fresh, 0, states["top"][groups].astype(np.int64))
    seq, oldest = columns.seq[places], columns.oldest[places]
    reached = before + (seq == before + 1)
    gives_up = (oldest <= seq) & (oldest - 1 > reached)
    jumped = gives_up & (oldest - reached > SEQ_JUMP)
    through = np.where(gives_up, np.where(oldest == seq, seq, oldest - 1), reached)
    lost = np.where(gives_up & ~jumped, oldest - 1 - reached, 0)
    _begin(states, groups[fresh], columns.boot[places[fresh]], columns.time_ms[places[fresh]])
    opened = states.take(groups)
    opened["under"], opened["low"], opened["top"], opened["through"] = before, seq, seq - 1, through
    opened["lost"] = np.minimum(opened["lost"] + lost, UINT32_MAX)
    states[groups] = opened
    flags = np.where(jumped | (seq - before > SEQ_JUMP), np.uint32(Flag.SEQ_JUMP), np.uint32(0))
    return Opening(groups, places, flags, lost, through == seq)


def _begin(
    states: NDArray[Any], groups: NDArray[np.int64], boot: NDArray[np.int64], time_ms: NDArray[np.int64]
) -> None:
    """Let watches of which nothing is known have a newest boot that begins then."""
    begun = np.zeros(len(groups), STATE)
    begun["boot"], begun["began_ms"] = boot, time_ms
    begun["newest_raw_ms"], begun["top_time_ms"], begun["bits"] = -1, NO_TIME_MS, RUN | BEGAN
    begun["lost"] = states["lost"][groups]
    states[groups] = begun
