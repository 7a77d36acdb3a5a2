"""What has come of one boot of one watch, in one generation of its count (WIRE.md section 2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.normalise.intervals import Intervals
from ingest.normalise.seen_kept import NO_TIME_MS, SeenRun
from ingest.reading import Flag

MOST_RANGES = 4096
MOST_EMERGENCIES = 32
SEQ_JUMP = 1_000_000
CLOCK_SET_MS = 10_000
"""A higher seq with a time earlier by more than this is the clock, set back. Less is what a lane clamps (RULES 3)."""

Emergency = tuple[int, int, int]
"""(kind, seq, raw_time_ms)"""


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
    emergencies: tuple[Emergency, ...] = ()
    top_time_ms: int | None = None
    lost: int = 0

    @staticmethod
    def of_kept(kept: SeenRun) -> BootRun:
        """As the log kept it."""
        explicit = kept.ranges[:1] == ((0, 0),)
        below = () if explicit or kept.through == 0 else ((1, kept.through),)
        return BootRun(
            kept.generation,
            kept.through,
            Intervals((*below, *(kept.ranges[1:] if explicit else kept.ranges))),
            kept.newest_raw_ms,
            kept.touched_ms,
            kept.emergencies,
            _top_time_ms(kept),
        )

    def kept(self, watch: int, boot: int) -> SeenRun:
        """For table `seen_run`."""
        top_time_ms = NO_TIME_MS if self.top_time_ms is None else self.top_time_ms
        times = (self.newest_raw_ms, self.touched_ms, self.emergencies, top_time_ms)
        return SeenRun(watch, boot, self.generation, self.through, self.kept_ranges(), *times)

    def kept_ranges(self) -> tuple[tuple[int, int], ...]:
        """For `SeenRun.ranges`: a gap below `through` is told by an explicit list that begins with (0, 0)."""
        ranges = tuple(self.committed)
        if ranges[:1] == ((1, self.through),):
            return ranges[1:]
        return ((0, 0), *ranges) if self.through > 0 else ranges

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

    def remember(self, emergency: Emergency) -> None:
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


def _top_time_ms(kept: SeenRun) -> int | None:
    if kept.top_time_ms is not None:
        return None if kept.top_time_ms == NO_TIME_MS else kept.top_time_ms
    return min(kept.newest_raw_ms, kept.touched_ms) if kept.newest_raw_ms >= 0 else None
