"""What a watch said lately, out of the log: for the plot of heart rate and the map."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.log.contract import RecordKind
from ingest.reading import Kind, Readings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.log.contract import LogReader

TRACK_MS = 2 * 3_600_000
HEART_MS = 3_600_000
REMEMBERED_WATCHES = 64
RECORDS_A_READ = 512
MOST_RECORDS = 100_000


@dataclass(frozen=True, slots=True)
class Recent:
    """Parallel columns, oldest first: heart rate (ms, /min) of the last hour, positions (ms, degrees, m) of two."""

    heart_ms: NDArray[np.int64]
    bpm: NDArray[np.float32]
    track_ms: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    accuracy_m: NDArray[np.float32]


@dataclass(slots=True)
class _Known:
    offset: int
    readings: Readings


class RecentReadings:
    """Reads of the log only what it has not read for a watch before. Thread-safe; blocks on the disk."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    def of(self, watch: int, now_ms: int) -> Recent:
        """What the watch of registry index `watch` said in the two hours before `now_ms`.

        Raises
        ------
        ingest.log.contract.LogError
            The log can't be read.
        """
        with self._one_at_a_time:
            known = self._known.get(watch)
            if known is None:
                known = _Known(self._reader.offset_before(now_ms - TRACK_MS), Readings.empty())
                self._known[watch] = known
                if len(self._known) > REMEMBERED_WATCHES:
                    self._known.popitem(last=False)
            self._known.move_to_end(watch)
            self._catch_up(known, watch, now_ms)
            return _recent(known.readings, now_ms)

    def _catch_up(self, known: _Known, watch: int, now_ms: int) -> None:
        parts = [known.readings]
        for _ in range(MOST_RECORDS // RECORDS_A_READ):
            records = self._reader.read(known.offset, RECORDS_A_READ)
            if not records:
                break
            known.offset = records[-1].offset
            parts += [
                record.readings.take(record.readings["watch"] == watch)
                for record in records
                if record.kind is RecordKind.READINGS
            ]
        every = Readings.concatenate(parts)
        known.readings = every.take(every["time_ms"] > now_ms - TRACK_MS)


def nothing() -> Recent:
    """Where there is no log to read, or the watch is unknown to it."""
    return _recent(Readings.empty(), 0)


def _recent(readings: Readings, now_ms: int) -> Recent:
    ordered = readings.take(np.argsort(readings["time_ms"], kind="stable"))
    time_ms, kind = ordered["time_ms"], ordered["kind"]
    heart = ordered.take((kind == Kind.HEART_RATE) & (time_ms > now_ms - HEART_MS) & ~np.isnan(ordered["bpm"]))
    track = ordered.take((kind == Kind.LOCATION) & ~np.isnan(ordered["lat"]) & ~np.isnan(ordered["lon"]))
    columns: dict[str, NDArray[Any]] = {name: track[name] for name in ("lat", "lon", "accuracy_m")}
    return Recent(heart["time_ms"], heart["bpm"], track["time_ms"], **columns)
