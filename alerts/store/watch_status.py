"""The newest that is known of each watch, for the board and the protection count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from alerts.engine.last_where import heads_of
from alerts.engine.said_by_event import SAID_BY_EVENT, completed
from alerts.store.tables import watch_status
from alerts.store.upsert import put
from ingest.reading import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy import Connection, Row

    from ingest.reading import Readings
    from ingest.watches import Watches

CARRIED = {
    "worn": "worn",
    "charging": "charging",
    "battery": "battery",
    "bpm": "bpm",
    "lat": "latitude",
    "lon": "longitude",
    "accuracy_m": "accuracy_m",
}
"""Column of a reading -> column of the table."""
POSITION = ("latitude", "longitude", "accuracy_m")


def statuses(connection: Connection) -> dict[str, Row[Any]]:
    """Watch id -> its row."""
    return {row.watch_id: row for row in connection.execute(select(watch_status))}


class NewestKnown:
    """In memory, by watch id; `meet` takes readings in, `changed_rows` gives what the table lacks.

    Each column goes by its own event time: a position of a minute ago is news after a heart rate of this second, and a
    late one is none. When the clock was set back (`Flag.CLOCK_SET`) the times of that watch start again, as its lanes
    do. Not stored are the times of single columns: after a restart a column that is known is as new as the watch's
    newest event, a position as its own time, so that at worst a value waits for the next reading.
    """

    def __init__(self, rows: dict[str, Row[Any]]) -> None:
        names = watch_status.columns.keys()
        self._known = {watch_id: {name: getattr(row, name) for name in names} for watch_id, row in rows.items()}
        self._times_ms: dict[str, dict[str, int]] = {}  # watch id -> column -> event time
        self._changed: set[str] = set()

    def meet(self, readings: Readings, watches: Watches) -> None:
        """Take in a batch. A time after its arrival counts as the arrival."""
        if not len(readings):
            return
        time_ms = np.minimum(readings["time_ms"], readings["arrival_ms"])
        order = np.argsort(readings["watch"], kind="stable")  # within a watch the order of the log
        watch, time_ms, spoken_ms = readings["watch"][order], time_ms[order], _spoken_ms(readings, time_ms)[order]
        clock_set = (readings["flags"][order] & np.uint32(Flag.CLOCK_SET)) != 0
        columns = {name: values[order] for name, values in _known_columns(readings).items()}
        heads = np.flatnonzero(heads_of(watch) | clock_set)
        for start, end in zip(heads, [*heads[1:], len(watch)], strict=True):
            known = self._row(watches.at(int(watch[start])).watch_id, starts_again=bool(clock_set[start]))
            known["last_event_ms"] = max(known["last_event_ms"], int(time_ms[start:end].max()))
            known["last_arrival_ms"] = max(known["last_arrival_ms"], int(spoken_ms[start:end].max()))
            for name, values in columns.items():
                self._carry(known, CARRIED[name], values[start:end], time_ms[start:end])

    def changed_rows(self) -> list[dict[str, Any]]:
        """Rows to put into the table; call `kept` once they are committed."""
        return [self._known[watch_id] for watch_id in sorted(self._changed)]

    def kept(self) -> None:
        """The changed rows are in the table."""
        self._changed.clear()

    def _row(self, watch_id: str, *, starts_again: bool) -> dict[str, Any]:
        self._changed.add(watch_id)
        known = self._known.setdefault(watch_id, _blank(watch_id))
        if starts_again:
            self._times_ms[watch_id] = {}
            known["last_event_ms"] = -1
        elif watch_id not in self._times_ms:
            self._times_ms[watch_id] = _times_of_stored(known)
        return known

    def _carry(self, known: dict[str, Any], column: str, values: NDArray[Any], time_ms: NDArray[np.int64]) -> None:
        times_ms = self._times_ms[known["watch_id"]]
        present = np.flatnonzero((values >= 0) if values.dtype == np.int8 else ~np.isnan(values))
        present = present[_are_newest(time_ms[present], times_ms.get(column, -1))]
        if not present.size:
            return
        value, at_ms = values[present[-1]].item(), int(time_ms[present[-1]])
        times_ms[column] = at_ms
        if column == "worn":
            since = _first_of_last_run(values[present], is_going_on=known["worn"] == value)
            known["worn_since_ms"] = known["worn_since_ms"] if since is None else int(time_ms[present[since]])
        if column == "latitude":
            known["position_ms"] = at_ms
        known[column] = value


def _spoken_ms(readings: Readings, time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """When the watch spoke: on arrival, whatever its clock says; but what the broker had retained it said long ago."""
    is_retained = (readings["flags"] & np.uint32(Flag.RETAINED)) != 0
    return np.where(is_retained, time_ms, readings["arrival_ms"])


def _are_newest(time_ms: NDArray[np.int64], known_ms: int) -> NDArray[np.bool_]:
    """True for each, shape (n,), that is at or after `known_ms` and all before it."""
    return np.asarray(time_ms >= np.maximum(np.maximum.accumulate(time_ms), known_ms), np.bool_)


def _times_of_stored(known: dict[str, Any]) -> dict[str, int]:
    """The most that the event time of each known column can be."""
    newest_ms, blank = known["last_event_ms"], _blank(known["watch_id"])
    times_ms = {column: newest_ms for column in CARRIED.values() if known[column] != blank[column]}
    if known["position_ms"] is not None:
        # One after the newest event is of the time before the clock was set back.
        times_ms |= dict.fromkeys(POSITION, min(known["position_ms"], newest_ms))
    return times_ms


def _known_columns(readings: Readings) -> dict[str, NDArray[Any]]:
    """The columns that are carried and that some reading, or its event, may know."""
    by_event = SAID_BY_EVENT if "event" in readings.present else {}
    names = [name for name in CARRIED if name in readings.present or name in by_event]
    return {
        name: completed(name, readings[name], readings["event"]) if name in by_event else readings[name]
        for name in names
    }


def _first_of_last_run(values: NDArray[Any], *, is_going_on: bool) -> int | None:
    """Where the newest value began; None if it goes on from before."""
    others = np.flatnonzero(values != values[-1])
    if others.size:
        return int(others[-1]) + 1
    return None if is_going_on else 0


def _blank(watch_id: str) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(watch_status.columns.keys())
    return {**empty, "watch_id": watch_id, "last_event_ms": -1, "last_arrival_ms": -1, "worn": -1, "charging": -1}


def put_statuses(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert or replace."""
    put(connection, watch_status, rows)
