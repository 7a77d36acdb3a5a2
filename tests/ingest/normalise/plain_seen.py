"""The duplicate filter of WIRE.md section 2 written plainly, row by row: what the fast one is compared with.

It shares no code with ingest/normalise but the words of ingest/reading.py, so that a fault there is not copied here.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from ingest.reading import EMERGENCY_KINDS, Flag

MOST_BOOTS = 1000
MOST_GENERATIONS = 1000
MOST_RANGES = 4096
MOST_EMERGENCIES = 32
SEQ_JUMP = 1_000_000
CLOCK_SET_MS = 10_000
TOLERANCE_MS = 60_000
NEW, DUPLICATE, PENDING = 0, 1, 2


class Intervals:
    """Sorted, disjoint, never adjacent. Mostly one interval, so plain lists and bisection do."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, pairs=()):
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in pairs:
            self._firsts.append(first)
            self._lasts.append(last)

    def __iter__(self):
        return zip(self._firsts, self._lasts, strict=True)

    def __len__(self) -> int:
        return len(self._firsts)

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._firsts, number) - 1
        return place >= 0 and number <= self._lasts[place]

    def copy(self) -> Intervals:
        """One that changes apart from this."""
        other = Intervals()
        other._firsts = self._firsts.copy()
        other._lasts = self._lasts.copy()
        return other

    def add(self, number: int) -> None:
        """Put one number in, joining what touches it."""
        firsts, lasts = self._firsts, self._lasts
        place = bisect_right(firsts, number)
        touches_left = place > 0 and number <= lasts[place - 1] + 1
        touches_right = place < len(firsts) and number == firsts[place] - 1
        if touches_left and touches_right:
            lasts[place - 1] = lasts[place]
            del firsts[place], lasts[place]
        elif touches_left:
            lasts[place - 1] = max(lasts[place - 1], number)
        elif touches_right:
            firsts[place] = number
        else:
            firsts.insert(place, number)
            lasts.insert(place, number)

    def remove_lowest(self) -> None:
        """Forget the lowest interval."""
        del self._firsts[0], self._lasts[0]

    def discard_single(self, number: int) -> None:
        """Forget `number`, which must be an interval of its own."""
        place = bisect_right(self._firsts, number) - 1
        del self._firsts[place], self._lasts[place]

    def lowest_last(self) -> int:
        """The last number of the lowest interval."""
        return self._lasts[0]

    def highest(self) -> int:
        """The highest number; 0 when empty."""
        return self._lasts[-1] if self._lasts else 0

    def reach(self, number: int) -> int:
        """The last number that is in without a gap from `number` + 1 on; `number` itself if the next is out."""
        place = bisect_right(self._firsts, number + 1) - 1
        return max(number, self._lasts[place]) if place >= 0 else number

    def count(self, first: int, last: int) -> int:
        """How many numbers of the closed range [first, last] are in."""
        place = max(bisect_right(self._firsts, first) - 1, 0)
        total = 0
        while place < len(self._firsts) and self._firsts[place] <= last:
            total += max(0, min(last, self._lasts[place]) - max(first, self._firsts[place]) + 1)
            place += 1
        return total


@dataclass(slots=True)
class BootRun:
    """`committed`: every seq that came. `through`: every seq up to it came or was given up by the watch.

    `top_time_ms`: repaired time of the highest seq, None while unknown. `lost`: seqs given up that never came.
    """

    generation: int
    through: int = 0
    committed: Intervals = field(default_factory=Intervals)
    newest_raw_ms: int = -1
    touched_ms: int = 0
    emergencies: tuple[tuple[int, int, int], ...] = ()
    top_time_ms: int | None = None
    lost: int = 0

    def copy(self) -> BootRun:
        """One that changes apart from this."""
        return BootRun(
            self.generation,
            self.through,
            self.committed.copy(),
            self.newest_raw_ms,
            self.touched_ms,
            self.emergencies,
            self.top_time_ms,
            self.lost,
        )

    def take(self, seq: int, oldest: int, raw_time_ms: int, time_ms: int, arrival_ms: int) -> int:
        """One more seq came. Returns the flags that its reading earns."""
        flags = self._clock_flag(seq, time_ms) | self._jump_flag(seq)
        flags |= self.mark(seq, arrival_ms)
        if 0 < oldest <= seq:  # one above its own seq is ignored
            flags |= self._give_up_below(oldest)
        self.newest_raw_ms = max(self.newest_raw_ms, raw_time_ms)
        return flags

    def mark(self, seq: int, arrival_ms: int) -> int:
        """The seq is dealt with, whatever it was. Returns `BOOT_STORM` if there are too many gaps to remember."""
        self.committed.add(seq)
        self.touched_ms = max(self.touched_ms, arrival_ms)
        storm = len(self.committed) > MOST_RANGES
        if storm and self.committed.lowest_last() <= self.through:
            self.committed.remove_lowest()  # the watch gave up its neighbours: nothing from there comes again
        elif storm:
            self.committed.discard_single(seq)
        self.through = self.committed.reach(self.through)
        return int(Flag.BOOT_STORM) if storm else 0

    def remember(self, emergency: tuple[int, int, int]) -> None:
        """Of the newest 32, the oldest leaves."""
        self.emergencies = (*self.emergencies, emergency)[-MOST_EMERGENCIES:]

    def _clock_flag(self, seq: int, time_ms: int) -> int:
        if seq <= self.committed.highest():
            return 0
        set_back = self.top_time_ms is not None and time_ms < self.top_time_ms - CLOCK_SET_MS
        self.top_time_ms = time_ms
        return int(Flag.CLOCK_SET) if set_back else 0

    def _jump_flag(self, seq: int) -> int:
        return int(Flag.SEQ_JUMP) if seq - self.committed.highest() > SEQ_JUMP else 0

    def _give_up_below(self, oldest: int) -> int:
        if oldest - 1 <= self.through:
            return 0
        jumped = oldest - self.through > SEQ_JUMP
        given_up = oldest - 1 - self.through - self.committed.count(self.through + 1, oldest - 1)
        self.through = self.committed.reach(oldest - 1)
        if jumped:
            return int(Flag.SEQ_JUMP)
        self.lost += given_up
        return 0


class NewestBoot:
    """For each watch its newest boot and when that began, pending apart from committed."""

    def __init__(self) -> None:
        self._committed: dict[int, tuple[int, int]] = {}
        self._pending: dict[int, tuple[int, int]] = {}

    def flag(self, watch: int, boot: int, time_ms: int, *, first_heard: bool) -> int:
        """`TWO_SENDERS` if this new reading of an older boot happened after the newest boot began; else 0.

        `first_heard`: nothing of the boot was known before, so that it may be the newest.
        """
        newest = self._pending.get(watch) or self._committed.get(watch)
        if newest is None or (first_heard and time_ms >= newest[1]):
            self._pending[watch] = (boot, time_ms)
            return 0
        newest_boot, began_ms = newest
        return int(Flag.TWO_SENDERS) if boot != newest_boot and time_ms > began_ms + TOLERANCE_MS else 0

    def commit(self) -> None:
        """The batch is durable."""
        self._committed.update(self._pending)
        self._pending.clear()

    def rollback(self) -> None:
        """Forget the batch."""
        self._pending.clear()


class PlainSeen:
    """`judge` takes (watch, boot, seq, oldest, kind, raw_time_ms, time_ms, arrival_ms), one at a time."""

    def __init__(self):
        self.committed, self.pending, self.senders, self.lost = {}, {}, NewestBoot(), {}

    def judge(self, row):
        watch, boot, seq, oldest, kind, raw, time, arrival = row
        first_heard = (watch, boot) not in self.pending and boot not in self.committed.get(watch, ())
        runs = self._open(watch, boot)
        emergency = (kind, seq, raw)
        run = next((r for r in runs[:-1] if raw <= r.newest_raw_ms), runs[-1]) if raw >= 0 else runs[-1]
        flags = 0
        if kind in EMERGENCY_KINDS:
            known = next((r for r in runs if emergency in r.emergencies), None)
            if known is not None:
                return self._duplicate(watch, boot, known.generation, emergency), 0, known.generation
        elif seq in run.committed and raw <= run.newest_raw_ms:
            return self._duplicate(watch, boot, run.generation, seq), 0, run.generation
        if seq in run.committed and raw > run.newest_raw_ms:
            if len(runs) >= MOST_GENERATIONS:
                del runs[: len(runs) // 2]
                flags |= Flag.BOOT_STORM
            run = BootRun(runs[-1].generation + 1)
            runs.append(run)
            flags |= Flag.SEQ_RESET
        boots = self.committed.get(watch, {})
        flags |= Flag.BOOT_STORM if len(boots) >= MOST_BOOTS and boot not in boots else 0
        flags |= self.senders.flag(watch, boot, time, first_heard=first_heard)
        flags |= run.take(seq, oldest, raw, time, arrival)
        if kind in EMERGENCY_KINDS:
            run.remember(emergency)
        return NEW, int(flags), run.generation

    def mark_refused(self, watch, boot, seq, arrival):
        if seq <= 0:
            return NEW
        run = self._open(watch, boot)[-1]
        if seq not in run.committed:
            run.mark(seq, arrival)
            return NEW
        return DUPLICATE if self._duplicate(watch, boot, run.generation, seq) == DUPLICATE else NEW

    def commit(self):
        for (watch, boot), runs in self.pending.items():
            boots = self.committed.setdefault(watch, {})
            for run in runs:
                self.lost[watch] = self.lost.get(watch, 0) + run.lost
                run.lost = 0
            boots[boot] = runs
            if len(boots) > MOST_BOOTS:  # of those heard of at one time, the lowest number goes
                del boots[min(boots, key=lambda known: (boots[known][-1].touched_ms, known))]
        self.senders.commit()
        self.pending.clear()

    def rollback(self):
        self.senders.rollback()
        self.pending.clear()

    def _open(self, watch, boot):
        runs = self.pending.get((watch, boot))
        if runs is None:
            known = self.committed.get(watch, {}).get(boot)
            runs = self.pending[watch, boot] = [BootRun(0)] if known is None else [run.copy() for run in known]
        return runs

    def _duplicate(self, watch, boot, generation, what):
        runs = self.committed.get(watch, {}).get(boot, ())
        run = next((run for run in runs if run.generation == generation), None)
        if run is None:
            return PENDING
        return DUPLICATE if what in (run.committed if isinstance(what, int) else run.emergencies) else PENDING
