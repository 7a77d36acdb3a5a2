"""The next lines for InfluxDB out of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from ingest.influx.line_protocol import lines
from ingest.log.contract import LogDamagedError
from ingest.watches import Watch, Watches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.log.contract import LogReader, Record

READ_RECORDS = 256
GATHER_RECORDS = 20_000
REFRESH_MS = 60_000


@dataclass(frozen=True, slots=True)
class Gathered:
    """Lines of the records up to `last_offset`, whose log time is `log_time_ms`. `more`: there is more already."""

    lines: pa.Array
    last_offset: int
    log_time_ms: int
    more: bool

    def batches(self, size: int) -> Iterator[pa.Array]:
        """The lines, `size` at a time."""
        return (self.lines[start : start + size] for start in range(0, len(self.lines), size))


class Gatherer:
    """Reads records until their lines fill a batch, or there are no more."""

    def __init__(self, reader: LogReader, batch_lines: int, site: str) -> None:
        self._reader = reader
        self._batch_lines = batch_lines
        self._site = site
        self._registry = Registry(reader)

    def gather(self, after: int) -> Gathered:
        """What follows offset `after`. LogError when the log cannot be read."""
        parts: list[pa.Array] = []
        last, count, taken, log_time_ms = after, 0, 0, 0
        while count < self._batch_lines and taken < GATHER_RECORDS:
            records = self._reader.read(last, READ_RECORDS)
            if not records:
                break
            last, log_time_ms = records[-1].offset, records[-1].log_time_ms
            taken += len(records)
            parts += (self._lines(record) for record in records if len(record.readings))
            count = sum(map(len, parts))
        joined = pa.concat_arrays(parts) if parts else pa.array([], pa.string())
        return Gathered(joined, last, log_time_ms, more=count >= self._batch_lines or taken >= GATHER_RECORDS)

    def _lines(self, record: Record) -> pa.Array:
        self._registry.refresh(record.log_time_ms)
        return lines(record.readings, self._registry, self._site)


class Registry:
    """The log's watches by index; an unknown one is looked up, a changed site is met within a minute of log time."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._watches = Watches()
        self._refreshed_ms = 0

    def refresh(self, log_time_ms: int) -> None:
        """Read the whole registry again when the last time was a minute ago."""
        if abs(log_time_ms - self._refreshed_ms) >= REFRESH_MS:
            self._watches = Watches(self._reader.watches())
            self._refreshed_ms = log_time_ms

    def at(self, index: int) -> Watch:
        """The watch of this index. LogDamagedError when the log has readings of a watch that it does not know."""
        if index >= len(self._watches):
            for watch in self._reader.watches(len(self._watches) - 1):
                self._watches.put(watch)
        if not 0 <= index < len(self._watches):
            raise LogDamagedError(f"watch index {index}: the log's registry ends at {len(self._watches) - 1}")
        return self._watches.at(index)
