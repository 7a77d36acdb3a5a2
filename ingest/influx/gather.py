"""The next lines for InfluxDB out of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ingest.influx.line_protocol import lines, tags_of
from ingest.log.contract import LogDamagedError, LogError
from ingest.reading import Readings
from ingest.seams import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.log.contract import LogReader, Record
    from ingest.seams import Clock

FIRST_RECORDS = 8
MOST_RECORDS = 4_096
REFRESH_MS = 60_000
PAGE_WATCHES = 20_000


@dataclass(frozen=True, slots=True)
class Part:
    """Lines of one write, perhaps none. Once they are in InfluxDB all records up to `last_offset` are, whose log time
    is `log_time_ms`; a record that is larger than a write ends in a later part.
    """

    lines: pa.Array
    last_offset: int
    log_time_ms: int


@dataclass(frozen=True, slots=True)
class Gathered:
    """`more`: the log has more already, and there is no need to wait for company."""

    parts: Sequence[Part]
    more: bool


class Gatherer:
    """Reads records and makes them parts. Small records are put together before their lines are made.

    How many records are read at once follows from how many readings they had so far: about two writes of them.
    """

    def __init__(self, reader: LogReader, batch_lines: int, site: str, clock: Clock) -> None:
        self._reader = reader
        self._batch_lines = batch_lines
        self._registry = Registry(reader, site, clock)
        self._records = FIRST_RECORDS

    def gather(self, after: int) -> Gathered:
        """What follows offset `after`; no part when nothing does yet.

        Raises
        ------
        LogError
            The log cannot be read from there; what can be read before a fault comes first, without it.
        """
        records: list[Record] = []
        rows = 0
        more = True
        while more and rows < self._batch_lines and len(records) < MOST_RECORDS:
            some = self._read(records, after)
            records += some
            rows += sum(len(record.readings) for record in some)
            more = bool(some)
            if some:
                self._records = max(1, min(2 * self._batch_lines * len(records) // max(rows, 1), MOST_RECORDS))
        return Gathered(tuple(self._parts(records)), more)

    def _read(self, before: Sequence[Record], after: int) -> Sequence[Record]:
        try:
            return self._reader.read(before[-1].offset if before else after, self._records)
        except LogError:
            if before:
                return ()  # the fault is met again, after what was readable is on its way
            raise

    def _parts(self, records: Sequence[Record]) -> Iterator[Part]:
        """Of nearly equal size, none above `batch_lines`."""
        if not records:
            return
        readings = Readings.concatenate(record.readings for record in records)
        ends = np.cumsum([len(record.readings) for record in records])
        count = max(1, -(-len(readings) // self._batch_lines))
        for n in range(count):
            first, stop = len(readings) * n // count, len(readings) * (n + 1) // count
            whole = int(np.searchsorted(ends, stop, side="right"))  # records that end here or before
            last, log_time_ms = records[0].offset - 1, 0
            if whole:
                last, log_time_ms = records[whole - 1].offset, records[whole - 1].log_time_ms
            some = readings.take(np.arange(first, stop)) if count > 1 else readings
            yield Part(lines(some, self._registry.tags(some)), last, log_time_ms)


class Registry:
    """The tags of the log's watches by index; an unknown one is looked up, a changed site is met within a minute.

    Reading it takes about 1 us a watch: where there are more than 60,000, it is read again after 1 ms a watch.
    """

    def __init__(self, reader: LogReader, site: str, clock: Clock) -> None:
        self._reader = reader
        self._site = site
        self._clock = clock
        self._tags: pa.Array = tags_of(())
        self._read_ms = 0

    def tags(self, readings: Readings) -> pa.Array:
        """By index, with those of all `readings`. LogDamagedError where the log does not know one of their watches."""
        if not len(readings):
            return self._tags
        if abs(now_ms(self._clock) - self._read_ms) >= max(REFRESH_MS, len(self._tags)):
            self._tags = self._read(-1)
            self._read_ms = now_ms(self._clock)
        highest = int(readings["watch"].max())
        if highest >= len(self._tags):
            self._tags = pa.concat_arrays([self._tags, self._read(len(self._tags) - 1)])
        if highest >= len(self._tags) or readings["watch"].min() < 0:
            raise LogDamagedError(f"watch index {highest}: the log's registry ends at {len(self._tags) - 1}")
        return self._tags

    def _read(self, after_index: int) -> pa.Array:
        """The tags of the watches above `after_index`, a page at a time: a million at once would be 200 MB."""
        pages = [tags_of(())]
        while page := self._reader.watches(after_index, PAGE_WATCHES):
            pages.append(tags_of(page, self._site))
            after_index = page[-1].index
        return pa.concat_arrays(pages)
