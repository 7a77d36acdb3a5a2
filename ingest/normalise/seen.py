"""Which readings are committed already: the duplicate filter (WIRE.md section 2).

Start here: `Seen` holds what is known (seen_columns.py: a row a watch; seen_table.py: the rest), judges a batch by
columns where it is ordinary (seen_ordinary.py) and reading by reading where it is not (seen_open.py), and says what the
batch's transaction must keep (seen_kept.py). After a start seen_restore.py fills it from the log.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.normalise import seen_columns
from ingest.normalise.boot_run import BootRun
from ingest.normalise.seen_chunks import ChunkRounds, packed, sided, spans_of
from ingest.normalise.seen_columns import RUN, SPILLED, UINT32_MAX, WatchColumns, run_of
from ingest.normalise.seen_kept import SPAN, SeenChunk, SeenRefused, SeenRun, SeenValue
from ingest.normalise.seen_open import Arrived, Closed, Known, OpenWatch
from ingest.normalise.seen_ordinary import grouped, judge_ordinary
from ingest.normalise.seen_refusing import Refused, found_in, mark_ordinary, over
from ingest.normalise.seen_table import RunsInMemory
from ingest.normalise.seen_values import ValueMemory
from ingest.normalise.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ingest.normalise.seen_columns import Side
    from ingest.normalise.seen_table import RunTable
    from ingest.reading import Readings

__all__ = ["Judgement", "Seen", "SeenChunk", "SeenRefused", "SeenRun", "SeenValue", "Verdict"]

NARROW_ROWS = 6
"""A batch of fewer rows is judged one by one sooner than columns of it are made."""


class Seen:
    """The duplicate filter. One batch at a time: `judge` and `mark_refused`, then `commit` or `rollback`.

    `runs`, `forgotten`, `values`, `chunks` and `refused` say what the batch's transaction must keep. After a
    `rollback` the state is that of the last commit, so nothing is receipted that is not durable. `table`: the log's
    table of runs; without one they are kept in memory. What is asked of the committed state may be asked from another
    thread.
    """

    def __init__(self, table: RunTable | None = None) -> None:
        self._in_memory = RunsInMemory() if table is None else None
        self._table: RunTable = table if table is not None else self._in_memory  # type: ignore[assignment]
        self._columns = WatchColumns()
        self._changing = threading.Lock()
        self._begun_watches = np.empty(0, np.int64)
        self._begun: NDArray[Any] = self._columns.rows[:0]
        self._begun_lost = 0
        self._opened: dict[int, OpenWatch] = {}
        self._closed: dict[int, Closed] | None = None
        self._refused: list[SeenRefused] = []
        self._values = ValueMemory()
        self._rounds = ChunkRounds()
        self._new_rows = 0
        self.lost = 0
        """Readings that watches gave up before they came, since start; committed batches only."""

    def judge(self, readings: Readings) -> Judgement:
        """In order of arrival. `readings` are normalised: watch indices given out, clocks repaired."""
        verdicts = np.zeros(len(readings), np.int8)
        flags = np.zeros(len(readings), np.uint32)
        generations = np.full(len(readings), -1, np.int32)
        boot, seq = readings["boot"], readings["seq"]
        with_seq = (boot >= 0) & (boot <= UINT32_MAX) & (seq > 0) & (seq <= UINT32_MAX)
        rows = np.flatnonzero(with_seq)
        generations[rows] = 0
        if len(rows) >= NARROW_ROWS and not len(self._begun_watches) and not self._opened:
            rows = self._judge_ordinary(readings, rows, (verdicts, flags))
        self._judge_each(readings, rows, (verdicts, flags, generations))
        rows = np.flatnonzero(~with_seq)
        if len(rows):
            verdicts[rows] = self._values.judge(readings, rows)
        self._new_rows += int((verdicts == Verdict.NEW).sum())
        return Judgement(verdicts, flags, generations)

    def mark_refused(self, watch: int, boot: int, seq: int, arrival_ms: int) -> Verdict:
        """A quarantined element with a readable boot and seq: committed like any other, so receipted.

        `DUPLICATE` if it was committed before: then it need not stand in quarantine again. Else `NEW`, also where a
        reading of this batch has the seq already: an emergency of an unknown version is both a reading and refused.
        """
        return self.mark_all_refused([SeenRefused(watch, boot, seq, arrival_ms)])[0]

    def mark_all_refused(self, refused: Sequence[SeenRefused]) -> list[Verdict]:
        """`mark_refused` of each, in order, by columns where that is ordinary (seen_refusing.py)."""
        watches, *cells = (np.array(column, np.int64) for column in zip(*refused, strict=True))
        marks = Refused(*cells)
        verdicts = np.zeros(len(refused), np.int8)
        is_known = (marks.boot >= 0) & (marks.boot <= UINT32_MAX) & (marks.seq > 0) & (marks.seq <= UINT32_MAX)
        rest = np.flatnonzero(is_known)
        if len(rest) >= NARROW_ROWS:
            rest = self._mark_ordinary(watches, marks, rest, verdicts)
        for row in rest.tolist():
            one = refused[row]
            verdicts[row] = self._open(one.watch).mark_refused(one.boot, one.seq, one.arrival_ms)
        new = is_known & (verdicts == Verdict.NEW)
        self._refused += refused if new.all() else [refused[row] for row in np.flatnonzero(new).tolist()]
        return [Verdict.NEW] * len(refused) if new.all() else [Verdict(one) for one in verdicts.tolist()]

    def runs(self) -> list[SeenRun]:
        """Runs to be put into table `seen_run` in the batch's transaction: those that memory does not keep."""
        return [run for closed in self._close().values() for run in closed.runs]

    def forgotten(self) -> list[tuple[int, int]]:
        """(watch, boot) to be taken out of that table, before `runs` are put there."""
        return [(watch, boot) for watch, closed in self._close().items() for boot in closed.forgotten]

    def values(self) -> list[SeenValue]:
        """What is to be kept of readings without seq."""
        return [SeenValue(*value) for value in self._values.pending()]

    def refused(self) -> list[SeenRefused]:
        """Refused elements to be kept beside the batch's record."""
        return self._refused

    def chunks(self) -> list[SeenChunk]:
        """State to be kept: a chunk whose turn it is, and each watch of which more than its row changed."""
        alone = [
            SeenChunk(watch, 1, packed(*closed.written.alone()), behind=0)
            for watch, closed in self._close().items()
            if closed.beside
        ]
        return [*(self.chunk_of(span * SPAN, SPAN, 1) for span in self._rounds.due(self._reached())), *alone]

    def all_chunks(self) -> list[SeenChunk]:
        """The whole state as of the last commit, for an orderly close. No batch may be under way."""
        return [self.chunk_of(span * SPAN, SPAN) for span in range(spans_of(self._columns.reached))]

    def chunk_of(self, first_watch: int, span: int, behind: int = 0) -> SeenChunk:
        """The state of these watches as of the last commit."""
        rows, sides = self.rows_of(first_watch, first_watch + span)
        return SeenChunk(first_watch, span, packed(rows, sides), behind)

    def commit(self) -> None:
        """The batch is durable."""
        closed = self._close()
        with self._changing:
            self._columns.reached = self._reached()
            self._columns.make_room(self._columns.reached - 1)
            if len(self._begun_watches):
                self._columns.put_all(self._begun_watches, self._begun)
                self.lost += self._begun_lost
            for watch, what in closed.items():
                self._columns.put(watch, what.written)
                self.lost += what.lost
        if self._in_memory is not None:
            self._in_memory.keep(self.runs(), self.forgotten())
        self._values.commit()
        if self._new_rows or self._refused:  # else there was nothing to commit, and no chunk went with it
            self._rounds.committed(self._new_rows, self._columns.reached)
        self._forget_batch()

    def rollback(self) -> None:
        """The batch is not durable: as if it had never been judged."""
        self._values.rollback()
        self._forget_batch()

    def lost_by_watch(self) -> NDArray[np.int64]:
        """Readings that each watch gave up before they came, ever; shape (watches heard of,)."""
        with self._changing:
            return self._columns.rows["lost"][: self._columns.reached].astype(np.int64)

    def committed_run(self, watch: int, boot: int, generation: int) -> BootRun | None:
        """What is durable of one count of a boot; None: nothing, or forgotten in a boot storm."""
        return next((run for run in self.committed_runs(watch, boot) if run.generation == generation), None)

    def committed_runs(self, watch: int, boot: int) -> Sequence[BootRun]:
        """Every count of one boot that is durable, by generation; empty: nothing, or forgotten in a boot storm."""
        with self._changing:
            row, side = self._columns.row(watch), self._columns.sides.get(watch)
        bits = row[seen_columns.BITS]
        if bits & RUN and row[seen_columns.BOOT] == boot and not bits & SPILLED:
            return [run_of(row, side)]
        if bits & SPILLED or row[seen_columns.OLDER]:
            return [BootRun.of_kept(run) for run in self._table.seen_runs_of(watch, boot)]
        return ()

    def newest_generation(self, watch: int, boot: int) -> int | None:
        """Of the committed counts of one boot; None: nothing is committed of it."""
        runs = self.committed_runs(watch, boot)
        return runs[-1].generation if runs else None

    def committed_rows(self, watches: NDArray[np.int64]) -> NDArray[Any]:
        """The rows (`seen_columns.STATE`) of these watches, as of the last commit; for receipts."""
        with self._changing:
            self._columns.make_room(int(watches.max(initial=-1)))
            return self._columns.take(watches)

    def load(self, first_watch: int, rows: NDArray[Any], sides: dict[int, Side]) -> None:
        """State as a chunk kept it; for the restart."""
        with self._changing:
            self._columns.make_room(first_watch + len(rows) - 1)
            self._columns.reached = max(self._columns.reached, first_watch + len(rows))
            for place in sided(self._columns.rows[first_watch : first_watch + len(rows)]):
                del self._columns.sides[first_watch + place]
            self._columns.rows[first_watch : first_watch + len(rows)] = rows
            self._columns.sides.update({first_watch + place: side for place, side in sides.items()})

    def begin(self, values: Iterable[SeenValue], rounds: ChunkRounds) -> None:
        """The restart is done: these values are known, and chunks are kept on from there."""
        self._values.restore((value.watch, value.hash, value.time_ms) for value in values)
        self._rounds = rounds
        self.lost = 0

    def rows_of(self, first: int, stop: int) -> tuple[NDArray[Any], dict[int, Side]]:
        """The inverse of `load`: state of watches `first` to `stop` - 1, as of the last commit."""
        rows = self._columns.rows[first : min(stop, self._columns.reached)].copy()
        return rows, {place: self._columns.sides[first + place] for place in sided(rows)}

    @property
    def is_in_memory(self) -> bool:
        """Without a log, what does not fit a row is kept beside the rows."""
        return self._in_memory is not None

    def runs_in_memory(self) -> list[SeenRun]:
        """Every run that a filter without a log keeps beside its rows."""
        return [] if self._in_memory is None else self._in_memory.all()

    def _judge_ordinary(
        self, readings: Readings, rows: NDArray[np.int64], found: tuple[NDArray[np.int8], NDArray[np.uint32]]
    ) -> NDArray[np.int64]:
        """By columns; returns the rows that are left."""
        by_watch = grouped(readings["watch"][rows], rows)
        with self._changing:
            self._columns.make_room(int(by_watch.watches[-1]))
            states = self._columns.take(by_watch.watches)
        rest, self._begun_watches, self._begun, self._begun_lost = judge_ordinary(readings, by_watch, states, found)
        return rest

    def _mark_ordinary(
        self, watches: NDArray[np.int64], marks: Refused, rows: NDArray[np.int64], verdicts: NDArray[np.int8]
    ) -> NDArray[np.int64]:
        """By columns; returns the rows that are left."""
        is_open = np.isin(watches[rows], list(self._opened))
        if is_open.all():
            return rows
        by_watch = grouped(watches[rows[~is_open]], rows[~is_open])
        committed = self.committed_rows(by_watch.watches)
        states = found_in(self._begun_watches, self._begun, by_watch.watches, committed)
        rest, changed, now = mark_ordinary(marks, by_watch, states, committed, verdicts)
        self._begun_watches, self._begun = over(self._begun_watches, self._begun, changed, now)
        return np.union1d(rest, rows[is_open])

    def _judge_each(
        self,
        readings: Readings,
        rows: NDArray[np.int64],
        found: tuple[NDArray[np.int8], NDArray[np.uint32], NDArray[np.int32]],
    ) -> None:
        verdicts, flags, generations = found
        columns = [readings[name][rows].tolist() for name in Arrived._fields]
        for row, *cells in zip(rows.tolist(), *columns, strict=True):
            reading = Arrived(*cells)
            verdicts[row], flags[row], generations[row] = self._open(reading.watch).judge(reading)

    def _open(self, watch: int) -> OpenWatch:
        """The watch, free to change until commit or rollback."""
        self._closed = None
        opened = self._opened.get(watch)
        if opened is None:
            with self._changing:
                known = Known(self._columns.row(watch), self._columns.sides.get(watch))
            opened = self._opened[watch] = OpenWatch(watch, known, self._begun_of(watch, known), self._table)
        return opened

    def _begun_of(self, watch: int, known: Known) -> Known | None:
        place = int(np.searchsorted(self._begun_watches, watch))
        if place < len(self._begun_watches) and self._begun_watches[place] == watch:
            return Known(self._begun[place].item(), known.side)
        return None

    def _close(self) -> dict[int, Closed]:
        if self._closed is None:
            closed = ((watch, opened.close()) for watch, opened in self._opened.items())
            self._closed = {watch: what for watch, what in closed if what is not None}
        return self._closed

    def _reached(self) -> int:
        """One more than the highest watch that has state, this batch's included."""
        begun = int(self._begun_watches[-1]) + 1 if len(self._begun_watches) else 0
        return max(self._columns.reached, begun, *(watch + 1 for watch in self._opened), 0)

    def _forget_batch(self) -> None:
        self._begun_watches = self._begun_watches[:0]
        self._begun, self._begun_lost = self._begun[:0], 0
        self._opened, self._closed, self._refused, self._new_rows = {}, None, [], 0
