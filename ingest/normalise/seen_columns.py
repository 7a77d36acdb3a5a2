"""What is known of a million watches, in 64 bytes each: the newest boot of a watch is one row of an array.

The seqs that came are the interval [low, top], before it [1, under] if `under` > 0, and whatever `sides` names. So a
boot that was heard from its first reading on, one with a gap, and one that gave a gap up are a row and nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ingest.normalise.boot_run import BootRun
from ingest.normalise.intervals import Intervals
from ingest.normalise.seen_kept import NO_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.normalise.boot_run import Emergency

RUN, BEGAN, SIDE, SPILLED = 1, 2, 4, 8
"""Bits of a row: it holds a run; its boot is known to be the newest, begun at `began_ms`; more of it stands in `sides`;
its runs stand in table `seen_run` (the row then holds what a receipt needs of generation 0)."""
MOST_SIDE_RANGES = 16
UINT32_MAX = 2**32 - 1

STATE = np.dtype(
    [
        ("boot", "<u4"),
        ("under", "<u4"),
        ("low", "<u4"),
        ("top", "<u4"),
        ("through", "<u4"),
        ("lost", "<u4"),
        ("newest_raw_ms", "<i8"),
        ("touched_ms", "<i8"),
        ("top_time_ms", "<i8"),
        ("began_ms", "<i8"),
        ("older", "<u2"),
        ("bits", "u1"),
    ],
    align=True,
)
"""`older`: boots of the watch that stand in table `seen_run` beside this one. `lost`: readings it gave up. All zero:
nothing is known of the watch."""
ROW_WORDS = STATE.itemsize // 8


class Side(NamedTuple):
    """What does not fit a row: further ranges, in order, and the emergencies of the boot."""

    ranges: tuple[tuple[int, int], ...]
    emergencies: tuple[Emergency, ...]


class Written(NamedTuple):
    """A row and its side; `side` None: there is none."""

    row: tuple[int, ...]
    side: Side | None

    def alone(self) -> tuple[NDArray[Any], dict[int, Side]]:
        """As a chunk of one watch."""
        return np.array([self.row], STATE), {} if self.side is None else {0: self.side}


class WatchColumns:
    """Row i is watch i. Grows by an eighth; rows never touched cost no memory.

    `reached`: one more than the highest watch of which something was ever committed.
    """

    def __init__(self) -> None:
        self._words = np.zeros((0, ROW_WORDS), np.uint64)
        """The rows as whole words: they are copied many times as fast as field by field."""
        self.rows = self._words.view(STATE)[:, 0]
        self.sides: dict[int, Side] = {}
        self.reached = 0

    def make_room(self, watch: int) -> None:
        """Have a row for this watch."""
        if watch < len(self.rows):
            return
        words = np.zeros((watch + 1 + max(watch // 8, 1024), ROW_WORDS), np.uint64)
        words[: len(self.rows)] = self._words
        self._words, self.rows = words, words.view(STATE)[:, 0]

    def take(self, watches: NDArray[np.int64]) -> NDArray[Any]:
        """A copy of the rows of these watches, each of which has one."""
        return self._words.take(watches, axis=0).view(STATE)[:, 0]

    def put_all(self, watches: NDArray[np.int64], rows: NDArray[Any]) -> None:
        """Replace the rows of these watches; sides stay. `rows` as `take` gives them."""
        self._words[watches] = rows.view(np.uint64).reshape(len(rows), ROW_WORDS)

    def row(self, watch: int) -> Any:
        """The row of one watch as a tuple of ints, in the order of `STATE`."""
        return self.rows[watch].item() if watch < len(self.rows) else EMPTY

    def put(self, watch: int, written: Written) -> None:
        """Replace the row and the side of one watch."""
        self.rows[watch] = written.row
        if written.side is None:
            self.sides.pop(watch, None)
        else:
            self.sides[watch] = written.side


EMPTY: tuple[int, ...] = tuple(np.zeros(1, STATE)[0].item())
BOOT, UNDER, LOW, TOP, THROUGH, LOST, NEWEST_RAW, TOUCHED, TOP_TIME, BEGAN_AT, OLDER, BITS = range(len(EMPTY))


def run_of(row: Sequence[int], side: Side | None) -> BootRun:
    """The run that a row holds; generation 0."""
    ranges = side.ranges if side is not None else ()
    below = ((1, row[UNDER]),) if row[UNDER] else ()
    top = ((row[LOW], row[TOP]),) if row[TOP] else ()
    return BootRun(
        0,
        row[THROUGH],
        Intervals((*below, *ranges, *top)),
        row[NEWEST_RAW],
        row[TOUCHED],
        side.emergencies if side is not None else (),
        None if row[TOP_TIME] == NO_TIME_MS else row[TOP_TIME],
    )


def written(boot: int, run: BootRun, began_ms: int | None, lost: int, older: int, *, is_spilled: bool) -> Written:
    """A row that holds `run`, a boot begun at `began_ms`; a spilled one leaves the side to the table."""
    ranges = tuple(run.committed)
    low, top = ranges[-1] if ranges else (0, 0)
    rest = ranges[:-1]
    under = rest[0][1] if rest and rest[0][0] == 1 else 0
    side = Side(rest[1:] if under else rest, run.emergencies)
    has_side = not is_spilled and bool(side.ranges or side.emergencies)
    bits = RUN | (0 if began_ms is None else BEGAN) | has_side * SIDE | is_spilled * SPILLED
    top_time_ms = NO_TIME_MS if run.top_time_ms is None else run.top_time_ms
    through = run.through if run.generation == 0 else 0  # generation 0 was forgotten: no receipt may speak of it
    counts = (boot, under, low, top, through, min(lost, UINT32_MAX))
    times = (run.newest_raw_ms, run.touched_ms, top_time_ms, began_ms or 0)
    return Written((*counts, *times, older, bits), side if has_side else None)


def runless(boot: int, began_ms: int | None, lost: int, older: int) -> Written:
    """A row of a watch whose newest boot was forgotten in a boot storm: when it began is all that is known."""
    bits = 0 if began_ms is None else BEGAN
    return Written((boot, 0, 0, 0, 0, min(lost, UINT32_MAX), 0, 0, 0, began_ms or 0, older, bits), None)


def fits_a_row(runs: Sequence[BootRun]) -> bool:
    """One generation, and no more ranges than memory keeps of a watch."""
    return len(runs) == 1 and runs[0].generation == 0 and len(runs[0].committed) - 1 <= MOST_SIDE_RANGES


def has(rows: NDArray[Any], bit: int) -> NDArray[np.bool_]:
    """Mask of the rows with this bit."""
    found: NDArray[np.bool_] = (rows["bits"] & bit) != 0
    return found
