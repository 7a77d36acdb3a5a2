"""Which readings are committed already: the duplicate filter (WIRE.md section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ingest.normalise.boot_run import BootRun, Emergency
from ingest.normalise.seen_values import ValueMemory, value_hashes
from ingest.normalise.senders import NewestBoot
from ingest.reading import EMERGENCY_KINDS, Flag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ingest.reading import Readings

MOST_BOOTS = 1000
"""Boots remembered of one watch; beyond, the one unheard of for longest is forgotten."""


@dataclass(frozen=True, slots=True)
class SeenRun:
    """What is committed of one boot of one watch; replaces the run kept before under (watch, boot, generation).

    `generation` counts resets of seq within one boot (0 at first). Every seq <= `through` and every closed range of
    `ranges` is committed or given up by the watch. Ranges that begin with (0, 0) name everything that really came,
    below `through` too: the gaps between them were given up, and a late copy from there is new. `newest_raw_ms`: the
    newest committed raw time of the run. `emergencies`: (kind, seq, raw_time_ms) of the newest 32 emergencies.
    `touched_ms`: arrival of the last change.
    """

    watch: int
    boot: int
    generation: int
    through: int
    ranges: tuple[tuple[int, int], ...]
    newest_raw_ms: int
    touched_ms: int
    emergencies: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SeenValue:
    """A committed reading without seq, known by the hash of (kind, time, values); kept 24 h of watch time."""

    watch: int
    hash: int
    time_ms: int


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


class Verdict(IntEnum):
    """What the filter says of one reading. Only `NEW` ones are used."""

    NEW = 0
    DUPLICATE = 1
    """Committed before: receipted again."""
    DUPLICATE_PENDING = 2
    """Met already in this batch: its receipt waits for the commit, as the first one's does."""
    DUPLICATE_VALUE = 3
    """Without seq; the same kind, time and values are known."""


class Judgement(NamedTuple):
    """One entry a row of the readings judged, shape (rows,).

    `flags`: to be added to the readings' own. `generations`: which count of its boot the reading belongs to, for
    its receipt; -1 without seq.
    """

    verdicts: NDArray[np.int8]
    flags: NDArray[np.uint32]
    generations: NDArray[np.int32]

    @property
    def is_new(self) -> NDArray[np.bool_]:
        """Mask of the readings to use."""
        return np.equal(self.verdicts, Verdict.NEW)


class Seen:
    """The duplicate filter. One batch at a time: `judge` and `mark_refused`, then `commit` or `rollback`.

    `runs` and `values` say what the batch's transaction must keep. After a `rollback` the state is that of the last
    commit, so nothing is receipted that is not durable.
    """

    def __init__(self) -> None:
        self._committed: dict[int, dict[int, list[BootRun]]] = {}
        self._pending: dict[tuple[int, int], list[BootRun]] = {}
        self._touched: set[tuple[int, int, int]] = set()
        self._senders = NewestBoot()
        self._values = ValueMemory()
        self.lost = 0
        """Readings that watches gave up before they came, since start; committed batches only."""

    def judge(self, readings: Readings) -> Judgement:
        """In order of arrival. `readings` are normalised: watch indices given out, clocks repaired."""
        verdicts = np.zeros(len(readings), np.int8)
        flags = np.zeros(len(readings), np.uint32)
        generations = np.full(len(readings), -1, np.int32)
        with_seq = (readings["boot"] >= 0) & (readings["seq"] > 0)
        names = ("watch", "boot", "seq", "oldest", "kind", "raw_time_ms", "time_ms", "arrival_ms")
        rows = np.flatnonzero(with_seq)
        columns = [readings[name][rows].tolist() for name in names]
        for row, *cells in zip(rows.tolist(), *columns, strict=True):
            verdicts[row], flags[row], generations[row] = self._judge_one(Arrived(*cells))
        rows = np.flatnonzero(~with_seq)
        if len(rows):
            verdicts[rows] = self._judge_values(readings, rows)
        return Judgement(verdicts, flags, generations)

    def mark_refused(self, watch: int, boot: int, seq: int, arrival_ms: int) -> Verdict:
        """A quarantined element with a readable boot and seq: committed like any other, so receipted.

        `DUPLICATE` if it was committed before: then it need not stand in quarantine again. Else `NEW`, also where a
        reading of this batch has the seq already: an emergency of an unknown version is both a reading and refused.
        """
        if seq <= 0:
            return Verdict.NEW
        run = self._open(watch, boot)[-1]
        if seq not in run.committed:
            run.mark(seq, arrival_ms)
            self._touched.add((watch, boot, run.generation))
            return Verdict.NEW
        known = self._kind_of_duplicate(watch, boot, run.generation, seq)
        return Verdict.DUPLICATE if known is Verdict.DUPLICATE else Verdict.NEW

    def runs(self) -> list[SeenRun]:
        """What the batch changed, to be kept in its transaction."""
        return [_kept(watch, boot, self._pending[watch, boot][g]) for watch, boot, g in sorted(self._touched)]

    def values(self) -> list[SeenValue]:
        """The same for readings without seq."""
        return [SeenValue(*value) for value in self._values.pending()]

    def commit(self) -> None:
        """The batch is durable."""
        for (watch, boot), runs in self._pending.items():
            boots = self._committed.setdefault(watch, {})
            self.lost += sum(run.lost for run in runs)
            for run in runs:
                run.lost = 0
            boots[boot] = runs
            if len(boots) > MOST_BOOTS:
                del boots[min(boots, key=lambda known: boots[known][-1].touched_ms)]
        self._senders.commit()
        self._values.commit()
        self._forget_batch()

    def rollback(self) -> None:
        """The batch is not durable: as if it had never been judged."""
        self._senders.rollback()
        self._values.rollback()
        self._forget_batch()

    def restore(self, runs: Iterable[SeenRun], values: Iterable[SeenValue]) -> None:
        """What the log knew at its last commit. Call once, before the first `judge`."""
        for kept in sorted(runs, key=lambda run: run.generation):
            run = BootRun.of_kept(kept)
            same_boot = self._committed.setdefault(kept.watch, {}).setdefault(kept.boot, [])
            same_boot.append(run)
            self._senders.restore(kept.watch, kept.boot, kept.touched_ms, run.top_time_ms)
        self._values.restore((value.watch, value.hash, value.time_ms) for value in values)

    def committed_run(self, watch: int, boot: int, generation: int) -> BootRun | None:
        """What is durable of one boot; for receipts. None: nothing, or forgotten in a boot storm."""
        runs = self._committed.get(watch, {}).get(boot, ())
        return runs[generation] if 0 <= generation < len(runs) else None

    def newest_generation(self, watch: int, boot: int) -> int | None:
        """Of the committed counts of one boot; None: nothing is committed of it."""
        runs = self._committed.get(watch, {}).get(boot)
        return len(runs) - 1 if runs else None

    def _forget_batch(self) -> None:
        self._pending.clear()
        self._touched.clear()

    def _open(self, watch: int, boot: int) -> list[BootRun]:
        """The boot's runs, free to change until commit or rollback."""
        runs = self._pending.get((watch, boot))
        if runs is None:
            known = self._committed.get(watch, {}).get(boot)
            runs = [BootRun(0)] if known is None else [run.copy() for run in known]
            self._pending[watch, boot] = runs
        return runs

    def _judge_one(self, reading: Arrived) -> tuple[int, int, int]:
        watch, boot = reading.watch, reading.boot
        first_heard = (watch, boot) not in self._pending and boot not in self._committed.get(watch, ())
        runs = self._open(watch, boot)
        is_emergency = reading.kind in EMERGENCY_KINDS
        emergency = (reading.kind, reading.seq, reading.raw_time_ms)
        run = _run_of(runs, reading.raw_time_ms)
        flags = 0
        if is_emergency:
            known = next((r for r in runs if emergency in r.emergencies), None)
            if known is not None:
                return self._kind_of_duplicate(watch, boot, known.generation, emergency), 0, known.generation
        elif reading.seq in run.committed and reading.raw_time_ms <= run.newest_raw_ms:
            return self._kind_of_duplicate(watch, boot, run.generation, reading.seq), 0, run.generation
        if reading.seq in run.committed and reading.raw_time_ms > run.newest_raw_ms:
            run = BootRun(len(runs))
            runs.append(run)
            flags |= Flag.SEQ_RESET
        flags |= self._storm_flag(watch, boot) | self._senders.flag(
            watch, boot, reading.time_ms, first_heard=first_heard
        )
        flags |= run.take(reading.seq, reading.oldest, reading.raw_time_ms, reading.time_ms, reading.arrival_ms)
        if is_emergency:
            run.remember(emergency)
        self._touched.add((watch, boot, run.generation))
        return Verdict.NEW, flags, run.generation

    def _kind_of_duplicate(self, watch: int, boot: int, generation: int, what: int | Emergency) -> Verdict:
        """By whether the commit before this batch knew it."""
        run = self.committed_run(watch, boot, generation)
        if run is None:
            return Verdict.DUPLICATE_PENDING
        known = what in run.committed if isinstance(what, int) else what in run.emergencies
        return Verdict.DUPLICATE if known else Verdict.DUPLICATE_PENDING

    def _storm_flag(self, watch: int, boot: int) -> int:
        boots = self._committed.get(watch, {})
        return int(Flag.BOOT_STORM) if len(boots) >= MOST_BOOTS and boot not in boots else 0

    def _judge_values(self, readings: Readings, rows: NDArray[np.int64]) -> NDArray[np.int8]:
        verdicts = np.zeros(len(rows), np.int8)
        watches, times = readings["watch"][rows].tolist(), readings["time_ms"][rows].tolist()
        for place, value_hash in enumerate(value_hashes(readings, rows)):
            watch = watches[place]
            if self._values.is_committed(watch, value_hash) or self._values.is_pending(watch, value_hash):
                verdicts[place] = Verdict.DUPLICATE_VALUE
            else:
                self._values.take(watch, value_hash, times[place])
        return verdicts


def _run_of(runs: list[BootRun], raw_time_ms: int) -> BootRun:
    """Which count a reading belongs to: a time not after an earlier count's newest is of that one."""
    if raw_time_ms >= 0:
        for run in runs[:-1]:
            if raw_time_ms <= run.newest_raw_ms:
                return run
    return runs[-1]


def _kept(watch: int, boot: int, run: BootRun) -> SeenRun:
    return SeenRun(
        watch,
        boot,
        run.generation,
        run.through,
        run.kept_ranges(),
        run.newest_raw_ms,
        run.touched_ms,
        run.emergencies,
    )
