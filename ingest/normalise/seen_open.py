"""One watch of a batch, judged reading by reading: every rule of WIRE.md section 2 on duplicates."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from ingest.normalise import seen_columns as columns
from ingest.normalise.boot_run import BootRun
from ingest.normalise.seen_columns import fits_a_row, run_of, runless, written
from ingest.normalise.senders import NewestBoot
from ingest.normalise.verdict import Verdict
from ingest.reading import EMERGENCY_KINDS, Flag

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ingest.normalise.boot_run import Emergency
    from ingest.normalise.seen_columns import Side, Written
    from ingest.normalise.seen_kept import SeenRun
    from ingest.normalise.seen_table import RunTable

MOST_BOOTS = 1000
"""Boots remembered of one watch; beyond, the one unheard of for longest is forgotten."""
MOST_GENERATIONS = 1000
"""Counts remembered of one boot; beyond, the older half is forgotten, so that a watch that resets its count with every
reading costs no more than one of a thousand counts."""

ASK_ONCE_FROM = 32
"""Boots in one batch, from which on it is quicker to know which of them the table has."""


class Arrived(NamedTuple):
    """What the filter looks at in a reading with seq."""

    watch: int
    boot: int
    seq: int
    oldest: int
    kind: int
    raw_time_ms: int
    time_ms: int
    arrival_ms: int


class Known(NamedTuple):
    """A watch's row and side."""

    row: Sequence[int]
    side: Side | None


class Closed(NamedTuple):
    """What a batch made of a watch.

    `forgotten`: boots to take out of the table, before `runs` are put there. `lost`: given up, as far as it was judged
    reading by reading. `beside`: something beside the row changed, so that the row alone does not tell how.
    """

    written: Written
    runs: list[SeenRun]
    forgotten: list[int]
    lost: int
    beside: bool


class OpenWatch:
    """`committed`: as of the last commit. `begun`: what this batch made of the watch already, by columns."""

    def __init__(self, watch: int, committed: Known, begun: Known | None, table: RunTable) -> None:
        self._watch = watch
        self._was = committed.row
        self._committed = committed
        self._table = table
        self._before: dict[int, list[BootRun] | None] = {}
        self._kept_boots: Collection[int] | None = None
        self._touched: set[tuple[int, int]] = set()
        self._thinned: set[int] = set()
        """Boots whose older counts were forgotten: they are put into the table anew."""
        row = self._was if begun is None else begun.row
        self._lost = row[columns.LOST]
        began_ms = row[columns.BEGAN_AT] if row[columns.BITS] & columns.BEGAN else None
        self._newest = NewestBoot(row[columns.BOOT], began_ms)
        self._runs: dict[int, list[BootRun]] = {}
        """Boots opened by this batch, in that order."""
        if begun is not None:
            self._runs[row[columns.BOOT]] = [run_of(*begun)]
            self._touched.add((row[columns.BOOT], 0))

    def judge(self, reading: Arrived) -> tuple[int, int, int]:
        """Verdict, flags to be added, generation."""
        boot = reading.boot
        first_heard = boot not in self._runs and self._known(boot) is None
        runs = self._open(boot)
        is_emergency = reading.kind in EMERGENCY_KINDS
        emergency = (reading.kind, reading.seq, reading.raw_time_ms)
        run = _run_of(runs, reading.raw_time_ms)
        flags = 0
        if is_emergency:
            known = next((r for r in runs if emergency in r.emergencies), None)
            if known is not None:
                return self._kind_of_duplicate(boot, known.generation, emergency), 0, known.generation
        elif reading.seq in run.committed and reading.raw_time_ms <= run.newest_raw_ms:
            return self._kind_of_duplicate(boot, run.generation, reading.seq), 0, run.generation
        if reading.seq in run.committed and reading.raw_time_ms > run.newest_raw_ms:
            flags |= Flag.SEQ_RESET | self._make_room_for_a_count(boot, runs)
            run = BootRun(runs[-1].generation + 1)
            runs.append(run)
        flags |= self._storm_flag(boot) | self._newest.flag(boot, reading.time_ms, first_heard=first_heard)
        flags |= run.take(reading.seq, reading.oldest, reading.raw_time_ms, reading.time_ms, reading.arrival_ms)
        if is_emergency:
            run.remember(emergency)
        self._touched.add((boot, run.generation))
        return Verdict.NEW, flags, run.generation

    def mark_refused(self, boot: int, seq: int, arrival_ms: int) -> Verdict:
        """As `Seen.mark_refused`."""
        run = self._open(boot)[-1]
        if seq not in run.committed:
            run.mark(seq, arrival_ms)
            self._touched.add((boot, run.generation))
            return Verdict.NEW
        known = self._kind_of_duplicate(boot, run.generation, seq)
        return Verdict.DUPLICATE if known is Verdict.DUPLICATE else Verdict.NEW

    def close(self) -> Closed | None:
        """What is to be kept; None: everything was there before. The watch may be opened further after it."""
        if not self._touched:
            return None
        evicted = self._evicted()
        newest, column_boot = self._newest, self._column_boot()
        runs = None if column_boot in evicted else self._runs.get(column_boot) or self._known(column_boot)
        spilled = runs is not None and not fits_a_row(runs)
        kept, forgotten = self._for_the_table(column_boot, evicted, spilled=spilled)
        given_up = sum(run.lost for opened in self._runs.values() for run in opened)
        boots = self._boots_before() + self._first_heard() - len(evicted)
        older = boots - (runs is not None)
        began_ms, lost = newest.began_ms, self._lost + given_up
        row = (
            runless(column_boot, began_ms, lost, older)
            if runs is None
            else written(column_boot, runs[0], began_ms, lost, older, is_spilled=spilled)
        )
        return Closed(row, kept, forgotten, given_up, bool(kept or forgotten or evicted))

    def _open(self, boot: int) -> list[BootRun]:
        runs = self._runs.get(boot)
        if runs is None:
            known = self._known(boot)
            runs = self._runs[boot] = [BootRun(0)] if known is None else [run.copy() for run in known]
        return runs

    def _known(self, boot: int) -> list[BootRun] | None:
        """The boot's runs as of the last commit. A watch that never had another boot costs no look into the table."""
        if boot not in self._before:
            self._before[boot] = self._looked_up(boot)
        return self._before[boot]

    def _looked_up(self, boot: int) -> list[BootRun] | None:
        bits = self._was[columns.BITS]
        if bits & columns.RUN and boot == self._was[columns.BOOT] and not bits & columns.SPILLED:
            return [run_of(*self._committed)]
        if (self._was[columns.OLDER] or bits & columns.SPILLED) and self._may_be_kept(boot):
            return [BootRun.of_kept(kept) for kept in self._table.seen_runs_of(self._watch, boot)] or None
        return None

    def _may_be_kept(self, boot: int) -> bool:
        """A watch that makes boots up by the thousand is asked about once, not for each."""
        if self._kept_boots is None and len(self._before) >= ASK_ONCE_FROM:
            self._kept_boots = self._table.seen_boots_of(self._watch).keys()
        return self._kept_boots is None or boot in self._kept_boots

    def _kind_of_duplicate(self, boot: int, generation: int, what: int | Emergency) -> Verdict:
        """By whether the commit before this batch knew it."""
        run = next((run for run in self._known(boot) or () if run.generation == generation), None)
        if run is None:
            return Verdict.DUPLICATE_PENDING
        known = what in run.committed if isinstance(what, int) else what in run.emergencies
        return Verdict.DUPLICATE if known else Verdict.DUPLICATE_PENDING

    def _make_room_for_a_count(self, boot: int, runs: list[BootRun]) -> int:
        if len(runs) < MOST_GENERATIONS:
            return 0
        del runs[: len(runs) // 2]
        self._thinned.add(boot)
        return int(Flag.BOOT_STORM)

    def _storm_flag(self, boot: int) -> int:
        return int(Flag.BOOT_STORM) if self._boots_before() >= MOST_BOOTS and self._known(boot) is None else 0

    def _boots_before(self) -> int:
        return self._was[columns.OLDER] + bool(self._was[columns.BITS] & columns.RUN)

    def _first_heard(self) -> int:
        return sum(self._known(boot) is None for boot in self._runs)

    def _column_boot(self) -> int:
        """Which boot stands in the row: the newest; before any reading came, the first that was marked."""
        if self._newest.began_ms is not None:
            return self._newest.boot
        has_run = self._was[columns.BITS] & columns.RUN
        return self._was[columns.BOOT] if has_run else next(iter(self._runs))

    def _evicted(self) -> set[int]:
        """Boots that leave, as the ones of this batch are added one after the other."""
        if self._boots_before() + self._first_heard() <= MOST_BOOTS:
            return set()
        touched = self._table.seen_boots_of(self._watch)
        if self._was[columns.BITS] & columns.RUN:
            touched.setdefault(self._was[columns.BOOT], self._was[columns.TOUCHED])
        before = set(touched)
        longest_unheard = [(touched_ms, boot) for boot, touched_ms in touched.items()]
        heapify(longest_unheard)
        for boot, runs in self._runs.items():
            touched[boot] = runs[-1].touched_ms
            heappush(longest_unheard, (touched[boot], boot))
            while len(touched) > MOST_BOOTS:
                touched_ms, oldest = heappop(longest_unheard)
                if touched.get(oldest) == touched_ms:  # else it was heard of again
                    del touched[oldest]
        return (before | set(self._runs)) - set(touched)

    def _for_the_table(self, column_boot: int, evicted: set[int], *, spilled: bool) -> tuple[list[SeenRun], list[int]]:
        """Runs to be put into table `seen_run`, and boots to be taken out of it first."""
        was_boot, bits = self._was[columns.BOOT], self._was[columns.BITS]
        in_row = was_boot if bits & columns.RUN and not bits & columns.SPILLED else None
        """The boot that stood in the row alone: it moves to the table whole."""
        kept: list[SeenRun] = []
        forgotten = [boot for boot in evicted if boot != in_row and self._known(boot) is not None]
        if column_boot not in evicted and not spilled and column_boot != in_row and self._known(column_boot):
            forgotten.append(column_boot)
        forgotten += [boot for boot in self._thinned - evicted if boot not in forgotten and boot != in_row]
        moving = [in_row] if in_row is not None and in_row not in self._runs else []
        for boot in (*self._runs, *moving):
            if boot in evicted or (boot == column_boot and not spilled):
                continue
            runs = self._runs.get(boot) or self._known(boot) or []
            is_unkept = boot == in_row or boot in self._thinned or self._known(boot) is None
            changed = (run for run in runs if is_unkept or (boot, run.generation) in self._touched)
            kept += [run.kept(self._watch, boot) for run in changed]
        return kept, forgotten


def _run_of(runs: list[BootRun], raw_time_ms: int) -> BootRun:
    """Which count a reading belongs to: a time not after an earlier count's newest is of that one."""
    if raw_time_ms >= 0:
        for run in runs[:-1]:
            if raw_time_ms <= run.newest_raw_ms:
                return run
    return runs[-1]
