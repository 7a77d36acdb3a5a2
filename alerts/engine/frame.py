"""A batch in the order in which rules see it: by watch, then by log; lane times and lateness known of every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alerts.engine.last_where import NONE, Mask, Whole, heads_of, running_maximum, starts_of
from alerts.engine.said_by_event import SAID_BY_EVENT, completed
from ingest.reading import ALL_KINDS, Flag, Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alerts.engine.columns import Columns
    from ingest.reading import Readings

CLAMP_MS = 10_000
"""A reading at most so far behind its lane is taken as of the lane's time; further behind it is late."""

MOST_ROWS = 1 << 16
LAST_TIME_MS = (1 << 43) - 1


class Frame:
    """Columns of one batch, shape (rows,) each.

    `event`: event time, a time after its arrival counted as the arrival. `time`: lane time of a row on time, event
    time of a late one. `start`: row at which the row's stretch begins: its watch, or its watch since the clock was set
    back; `fresh`: nothing is carried into that stretch. `tail`: last row of its watch.
    """

    def __init__(self, readings: Readings, log: Whole, counted: Whole, state: Columns) -> None:
        self._readings = readings
        self._present = frozenset(readings.present)
        self._state = state
        self._cache: dict[str, NDArray[Any]] = {}
        watch = readings["watch"]
        rows = len(watch)
        # One sort of packed integers: by watch, and by log within it.
        self.order: Whole = np.sort((watch << 20) | np.arange(rows)) & ((1 << 20) - 1)
        self.watch: Whole = watch[self.order]
        self.kind = readings["kind"][self.order]
        self.arrival: Whole = readings["arrival_ms"][self.order]
        self.event: Whole = np.clip(np.minimum(readings["time_ms"][self.order], self.arrival), 0, LAST_TIME_MS)
        self.log, self.counted = log[self.order], counted[self.order]
        self.clock_set: Mask = (readings["flags"][self.order] & np.uint32(Flag.CLOCK_SET)) != 0
        watch_head = heads_of(self.watch)
        self.start: Whole = starts_of(watch_head | self.clock_set)
        self.fresh: Mask = self.clock_set[self.start]
        self.watch_start: Whole = starts_of(watch_head)
        self.tail: Mask = np.append(watch_head[1:], True)
        self.time = self.event.copy()
        self.late: Mask = np.zeros(rows, np.bool_)
        self._lane_writes: list[tuple[NDArray[Any], Whole, Whole]] = []
        for kind in ALL_KINDS:
            self._lane(kind, np.flatnonzero(self.kind == kind))
        self.on_time: Mask = ~self.late

    def __len__(self) -> int:
        return len(self.order)

    def _lane(self, kind: Kind, rows: Whole) -> None:
        if not len(rows):
            return
        lane = self._state.get(f"lane.{kind.topic}", np.int64, NONE)
        event, watch = self.event[rows], self.watch[rows]
        head = heads_of(self.start[rows])
        carried = np.where(head & ~self.fresh[rows], lane[watch], NONE)
        lane_time = running_maximum(np.maximum(event, carried), head)
        late = lane_time - event > CLAMP_MS
        self.late[rows] = late
        self.time[rows] = np.where(late, event, lane_time)
        self._lane_writes.append((lane, watch, lane_time))

    def commit(self) -> None:
        """Write the lanes' times back."""
        for lane, watch, lane_time in self._lane_writes:
            lane[watch] = lane_time  # of rows of one watch the last is kept, and it has the greatest time
        # A clock set back starts every lane of its watch again, also those that have not spoken since.
        again = np.unique(self.watch[self.fresh])
        if len(again):
            self._restart(again)

    def _restart(self, watches: Whole) -> None:
        for kind in ALL_KINDS:
            lane = self._state.get(f"lane.{kind.topic}", np.int64, NONE)
            for watch in watches.tolist():
                newest = self.start[np.flatnonzero(self.watch == watch)[-1]]
                here = (self.watch == watch) & (self.kind == kind) & (np.arange(len(self)) >= newest)
                if not here.any():
                    lane[watch] = NONE

    def column(self, name: str) -> NDArray[Any]:
        """A column of the readings in this order; flags completed by what a status event says."""
        found = self._cache.get(name)
        if found is None:
            found = self._readings[name][self.order] if name in self._present else self._readings[name]
            if name in SAID_BY_EVENT and "event" in self._present:
                found = completed(name, found, self.column("event"))
            self._cache[name] = found
        return found

    def is_present(self, name: str) -> bool:
        """Whether some row may know the column."""
        return name in self._present or (name in SAID_BY_EVENT and "event" in self._present)

    def of_kinds(self, kinds: tuple[Kind, ...]) -> Mask:
        """Rows of these kinds."""
        if len(kinds) == len(ALL_KINDS):
            return np.ones(len(self), np.bool_)
        mask = np.zeros(len(self), np.bool_)
        for kind in kinds:
            mask |= self.kind == kind
        return mask

    def carried(self, column: NDArray[Any], none: float) -> NDArray[Any]:
        """A state column at each row's watch, `none` where the clock was set back in between."""
        found = column[self.watch]
        return np.where(self.fresh, column.dtype.type(none), found) if self.fresh.any() else found
