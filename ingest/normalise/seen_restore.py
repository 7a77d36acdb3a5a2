"""The duplicate filter after a restart, exactly as it was at the last commit: chunks, and the log's records after them.

Each watch is folded from its own chunk's offset on. Only new readings stand in the log, and only they change what is
known, so folding them through the same judge gives the same state. Whatever touches table `seen_run` keeps its watch's
state in that very transaction: behind it no folded reading needs the table.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Protocol

import numpy as np
import structlog

from ingest.log.contract import LogError
from ingest.normalise.boot_run import BootRun
from ingest.normalise.seen import Seen
from ingest.normalise.seen_chunks import ChunkRounds, unpacked
from ingest.normalise.seen_columns import fits_a_row, written
from ingest.normalise.seen_open import Arrived
from ingest.normalise.seen_table import RunTable
from ingest.reading import COLUMN, Readings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ingest.log.contract import Record
    from ingest.normalise.seen_kept import SeenChunk, SeenRefused, SeenRun, SeenValue

    Wants = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]
    """(watches, offsets) -> mask of those to be folded."""

log = structlog.get_logger(__name__)
FOLD_ROWS = 131_072
"""Folded at once: small records are judged together."""
READ_RECORDS = 4096


class SeenLog(RunTable, Protocol):
    """What the log keeps of the filter, and its records."""

    def seen_chunks(self) -> Sequence[SeenChunk]:
        """Every chunk, oldest first."""

    def seen_runs(self) -> Iterator[SeenRun]:
        """Every run of table `seen_run`."""

    def seen_values(self, since_ms: int) -> Iterator[SeenValue]:
        """Readings without seq."""

    def seen_refused(self, after: int) -> Sequence[tuple[int, SeenRefused]]:
        """(offset, element) of refused elements after an offset."""

    def start(self) -> int:
        """Offset of the oldest record."""

    def end(self) -> int:
        """Offset of the newest record."""

    def read(self, after: int, limit: int = 256) -> Sequence[Record]:
        """Records after an offset."""

    def keep_seen(
        self,
        chunks: Iterable[SeenChunk],
        runs: Iterable[SeenRun] = (),
        forgotten: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Keep state as of the newest record, in a transaction of its own."""


def restored(reading_log: SeenLog, values_since_ms: int) -> Seen:
    """As it was. LogDamagedError when a record that is needed cannot be read."""
    seen = Seen(reading_log)
    chunks = reading_log.seen_chunks()
    if not chunks:
        _take_over(reading_log, seen)
        chunks = reading_log.seen_chunks()
    known_from = np.zeros(max((chunk.first_watch + chunk.span for chunk in chunks), default=0), np.int64)
    damaged: list[SeenChunk] = []
    for chunk in chunks:
        if chunk.is_whole:
            seen.load(chunk.first_watch, *unpacked(chunk.body))
        else:
            damaged.append(chunk)
        known_from[chunk.first_watch : chunk.first_watch + chunk.span] = chunk.at_offset
    tail = _Tail(known_from)
    after = min((chunk.at_offset for chunk in chunks if chunk.span > 1), default=0)
    fold(reading_log, seen, after, tail.wants)
    for chunk in damaged:
        rebuild(reading_log, seen, chunk)
    records = reading_log.end() - after
    log.info("seen_restored", chunks=len(chunks), records=records, readings=tail.rows)
    whole = [chunk for chunk in chunks if chunk.span > 1]
    rounds = keep_all(reading_log, seen) if tail.rows else None
    seen.begin(reading_log.seen_values(values_since_ms), rounds or ChunkRounds(len(whole), records, tail.rows))
    return seen


def keep_all(reading_log: SeenLog, seen: Seen) -> ChunkRounds | None:
    """Keep the whole state, after a start and at an orderly close, so that the next start folds nothing.

    None: the log did not take it, which is told; the next start folds from the chunks that were kept before.
    """
    chunks = seen.all_chunks()
    try:
        reading_log.keep_seen(chunks)
    except LogError as error:
        log.warning("seen_state_not_kept", problem=str(error), remedy="see the disk; the next start takes longer")
        return None
    return ChunkRounds(len(chunks))


class _Tail:
    """Which rows of a record come after their watch's chunk, and how many were looked at."""

    def __init__(self, known_from: NDArray[np.int64]) -> None:
        self._known_from = known_from
        self.rows = 0

    def wants(self, watches: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Mask, of the shape of both."""
        self.rows += len(watches)
        if not len(self._known_from):
            return np.ones(len(watches), np.bool_)
        within = np.minimum(watches, len(self._known_from) - 1)
        wanted: NDArray[np.bool_] = (watches != within) | (offsets > self._known_from[within])
        return wanted


def fold(reading_log: SeenLog, seen: Seen, after: int, wants: Wants) -> None:
    """Let `seen` meet again what was committed after an offset, as far as `wants` says so."""
    by_offset = groupby(reading_log.seen_refused(after), key=lambda pair: pair[0])
    refused = {offset: [element for _, element in elements] for offset, elements in by_offset}
    waiting: list[Record] = []
    rows = 0
    while records := reading_log.read(after, READ_RECORDS):
        for record in records:
            waiting.append(record)
            rows += len(record.readings)
            if rows >= FOLD_ROWS or record.offset in refused:
                _fold_readings(waiting, seen, wants)
                _fold_refused(refused.get(record.offset, ()), record.offset, seen, wants)
                _commit(reading_log, seen)
                waiting, rows = [], 0
        after = records[-1].offset
    _fold_readings(waiting, seen, wants)
    _commit(reading_log, seen)


def _fold_readings(records: Sequence[Record], seen: Seen, wants: Wants) -> None:
    records = [record for record in records if len(record.readings)]
    if not records:
        return
    columns = {name: np.concatenate([record.readings[name] for record in records]) for name in Arrived._fields}
    offsets = np.repeat([record.offset for record in records], [len(record.readings) for record in records])
    chosen = np.flatnonzero((columns["boot"] >= 0) & (columns["seq"] > 0) & wants(columns["watch"], offsets))
    seen.judge(Readings({name: column[chosen].astype(COLUMN[name].dtype) for name, column in columns.items()}))


def _fold_refused(elements: Sequence[SeenRefused], offset: int, seen: Seen, wants: Wants) -> None:
    if not elements:
        return
    chosen = wants(np.array([one.watch for one in elements]), np.full(len(elements), offset))
    if wanted := [one for one, is_wanted in zip(elements, chosen.tolist(), strict=True) if is_wanted]:
        seen.mark_all_refused(wanted)


def _commit(reading_log: SeenLog, seen: Seen) -> None:
    """Nothing that is folded changes the table, unless less fits a row now than when it was committed."""
    runs, forgotten = seen.runs(), seen.forgotten()
    if (runs or forgotten) and not seen.is_in_memory:
        reading_log.keep_seen((), runs, forgotten)
    seen.commit()


def rebuild(reading_log: SeenLog, seen: Seen, chunk: SeenChunk) -> None:
    """The disk changed a chunk: know its watches again from the records that are kept, and say so.

    Exactly as before, but for a watch of more than 1,000 boots: which of them was forgotten went by commits, and many
    are folded at once.
    """
    first, stop = chunk.first_watch, chunk.first_watch + chunk.span
    begins = reading_log.start()
    log.error(
        "seen_state_damaged",
        watches=f"{first}..{stop - 1}",
        problem="the disk changed what the duplicate filter knew of them; it is read again from the records",
        records_from=begins,
        remedy="check the disk (smartctl)"
        if begins == 1
        else "check the disk (smartctl); a reading from before these records would be taken twice if a watch still "
        "sends it: restore the log from a backup if that must not be",
    )
    afresh = Seen()
    fold(reading_log, afresh, begins - 1, lambda watches, _: (watches >= first) & (watches < stop))
    rows, sides = afresh.rows_of(first, stop)
    seen.load(first, rows, sides)
    kept = list(reading_log.seen_runs())
    forgotten = {(run.watch, run.boot) for run in kept if first <= run.watch < stop}
    reading_log.keep_seen([seen.chunk_of(first, chunk.span)], afresh.runs_in_memory(), sorted(forgotten))


def _take_over(reading_log: SeenLog, seen: Seen) -> None:
    """A log of file version 1 has every run in its table: the newest boot of each watch moves to the state.

    The boot heard of last counts as the newest, begun no later than its newest reading.
    """
    runs = sorted(reading_log.seen_runs(), key=lambda run: (run.watch, run.boot, run.generation))
    forgotten = []
    for watch, of_watch in groupby(runs, key=lambda run: run.watch):
        boots = {boot: list(same) for boot, same in groupby(of_watch, key=lambda run: run.boot)}
        newest, began_ms = _newest_boot(boots)
        opened = [BootRun.of_kept(run) for run in boots[newest]]
        is_spilled = not fits_a_row(opened)
        row = written(newest, opened[0], began_ms, 0, len(boots) - 1, is_spilled=is_spilled)
        seen.load(watch, *row.alone())
        if not is_spilled:
            forgotten.append((watch, newest))
    if runs:
        reading_log.keep_seen(seen.all_chunks(), (), forgotten)


def _newest_boot(boots: dict[int, list[SeenRun]]) -> tuple[int, int | None]:
    heard = [(run.touched_ms, run.boot, BootRun.of_kept(run).top_time_ms) for runs in boots.values() for run in runs]
    told = [one for one in heard if one[2] is not None]
    _, boot, began_ms = max(told or heard, key=lambda one: one[:2])
    return boot, began_ms
