"""What is said back to a watch: these readings are kept, you may let them go (WIRE.md section 2).

A receipt speaks only of what is committed: `Receipts` is told of a batch after its commit, and reads the duplicate
filter's committed state when it writes. Publishing is QoS 0; a lost receipt costs one resend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ingest.formats.identity import STAND_IN, is_stand_in
from ingest.normalise.intervals import Intervals
from ingest.normalise.seen import Verdict
from ingest.normalise.seen_columns import RUN, SPILLED, UINT32_MAX, has
from ingest.normalise.seen_ordinary import Grouped, grouped
from ingest.reading import EMERGENCY_KINDS, Event, Kind
from ingest.receipts_owed import MOST_HELD, RANGE, Owed, Ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from ingest.normalise.boot_run import BootRun
    from ingest.normalise.seen import Judgement, Seen
    from ingest.reading import Readings
    from ingest.receipts_owed import Held

CALM_EVERY_MS = 10_000
DUPLICATES_EVERY_MS = 1_000
MOST_ALSO = 4096
"""Ranges of one receipt, the highest: a packet over the broker's limit would cost us the emergencies' session. What is
left out is sent again."""
NARROW_ROWS = 48
"""A batch of fewer rows is noted one by one sooner than columns of it are made."""
_ORDINARY = b'{"boot":%d,"through":%d,"also":[[%d,%d]],"until":%d}'
"""As msgspec writes a `Receipt` of one range."""


class Receipt(msgspec.Struct, frozen=True):
    """Every seq up to `through` and in the closed ranges of `also` is kept, if its watch time is not after `until`."""

    boot: int
    through: int
    also: list[tuple[int, int]]
    until: int


class Receipts:
    """When each watch gets its next receipt, and what it says.

    `watch_id`: registry index -> id. Emergencies and `online` are receipted at once, other new readings at most
    every 10 s a watch, duplicates at most once a second. A watch whose own id could not be used gets none: it does
    not hear the topic of the id that stands for it, and its own cannot be a topic of WIRE.md.
    """

    def __init__(self, seen: Seen, watch_id: Callable[[int], str]) -> None:
        self._seen = seen
        self._watch_id = watch_id
        self._owed = Owed()

    def note_committed(
        self,
        readings: Readings,
        judgement: Judgement,
        refused: Iterable[tuple[int, int, int]],
        now_ms: int,
    ) -> None:
        """After a commit: all readings that were judged (duplicates too), and quarantined (watch, boot, seq).

        Never call it for a batch whose commit failed.
        """
        rows = np.flatnonzero(judgement.generations >= 0)
        if len(rows) >= NARROW_ROWS:
            rows = self._hold_ranges(readings, judgement, rows, now_ms)
        due_ms = self._due_ms(readings, judgement, rows, now_ms)
        cells = (readings[name][rows].tolist() for name in ("watch", "boot", "seq"))
        generations = judgement.generations[rows].tolist()
        for watch, boot, seq, generation, due in zip(*cells, generations, due_ms.tolist(), strict=True):
            self._owed.hold(watch, boot, generation, seq, due)
        self._hold_refused(refused, now_ms)

    def _hold_refused(self, refused: Iterable[tuple[int, int, int]], now_ms: int) -> None:
        """Each boot is looked up once, and of a watch no more of them than can be owed."""
        by_watch: dict[int, dict[int, list[int]]] = {}
        for watch, boot, seq in refused:
            by_watch.setdefault(watch, {}).setdefault(boot, []).append(seq)
        if not by_watch:
            return
        watches = np.array(list(by_watch), np.int64)
        due_ms = _not_before(now_ms, self._owed.sent_ms(watches), CALM_EVERY_MS).tolist()
        known = self._seen.committed_rows(watches)
        in_row = np.where((known["bits"] & (RUN | SPILLED)) == RUN, known["boot"].astype(np.int64), -1).tolist()
        ranges: list[tuple[int, int, int, int, int]] = []
        for (watch, boots), due, newest in zip(by_watch.items(), due_ms, in_row, strict=True):
            for boot, seqs in list(boots.items())[-MOST_HELD:]:
                if boot == newest and len(boots) == 1 and seqs == list(range(max(seqs[0], 1), seqs[0] + len(seqs))):
                    ranges.append((watch, boot, seqs[0], min(seqs[-1], UINT32_MAX), due))
                else:
                    self._hold_each(watch, boot, seqs, due)
        if ranges:
            held = Ranges(*np.array(ranges, np.int64).T)
            for place in np.flatnonzero(self._owed.hold_ranges(held)).tolist():
                watch, boot, first, last, due = ranges[place]
                self._hold_each(watch, boot, range(first, last + 1), due)

    def _hold_each(self, watch: int, boot: int, seqs: Iterable[int], due_ms: int) -> None:
        generation = self._seen.newest_generation(watch, boot)
        for seq in seqs if generation is not None else ():
            if 0 < seq <= UINT32_MAX:
                self._owed.hold(watch, boot, generation or 0, seq, due_ms)

    def next_due_ms(self) -> int | None:
        """When `due` will next have something; None: nothing is owed."""
        return self._owed.next_due_ms()

    def due(self, now_ms: int) -> list[tuple[str, bytes]]:
        """(watch_id, payload) of every receipt whose time has come; publish each on `watch/{watch_id}/receipt`."""
        said = [one for due in self._owed.take_due(now_ms) for one in self._said(*due)]
        return [one for one in said if not (one[0].startswith(STAND_IN) and is_stand_in(one[0]))]

    def _hold_ranges(
        self, readings: Readings, judgement: Judgement, rows: NDArray[np.int64], now_ms: int
    ) -> NDArray[np.int64]:
        """Owe what is one closed range of a watch; returns the rows that are left, in order of arrival."""
        by_watch = grouped(readings["watch"][rows], rows)
        order = by_watch.order
        seq, boot = readings["seq"][order], readings["boot"][order]
        is_range = _is_range(seq, boot, by_watch) & (judgement.generations[order] == 0)
        chosen = np.logical_and.reduceat(is_range, by_watch.starts)
        due_ms = np.minimum.reduceat(self._due_ms(readings, judgement, order, now_ms), by_watch.starts)
        held = Ranges(by_watch.watches, boot[by_watch.starts], seq[by_watch.starts], seq[by_watch.ends], due_ms)
        fitting = np.flatnonzero(chosen)
        chosen[fitting] = ~self._owed.hold_ranges(Ranges(*(column[fitting] for column in held)))
        left: NDArray[np.int64] = order[~by_watch.spread(chosen)]
        left.sort()
        return left

    def _due_ms(
        self, readings: Readings, judgement: Judgement, rows: NDArray[np.int64], now_ms: int
    ) -> NDArray[np.int64]:
        """When each of these rows, shape (n,), asks for a receipt."""
        sent_ms = self._owed.sent_ms(readings["watch"][rows])
        verdicts, kind = judgement.verdicts[rows], readings["kind"][rows]
        at_once = (kind == Kind.STATUS) & (readings["event"][rows] == Event.ONLINE)
        for emergency in EMERGENCY_KINDS:
            at_once |= kind == emergency
        is_resent = (verdicts == Verdict.DUPLICATE) | (verdicts == Verdict.DUPLICATE_PENDING)
        calm_ms = np.where(at_once, now_ms, _not_before(now_ms, sent_ms, CALM_EVERY_MS))
        return np.where(is_resent, _not_before(now_ms, sent_ms, DUPLICATES_EVERY_MS), calm_ms)

    def _said(
        self, watches: NDArray[np.int64], rows: NDArray[Any], more: dict[int, Held]
    ) -> Iterable[tuple[str, bytes]]:
        known = self._seen.committed_rows(watches)
        in_row = (rows["form"] == RANGE) & has(known, RUN) & (known["boot"] == rows["boot"])
        numbers = (known["boot"], known["through"], rows["first"], rows["last"], np.maximum(known["newest_raw_ms"], 0))
        payloads = map(_ORDINARY.__mod__, zip(*(column.tolist() for column in numbers), strict=True))
        ordinary = zip(map(self._watch_id, watches.tolist()), payloads, strict=True)
        return ordinary if in_row.all() else self._said_each(ordinary, in_row, rows, watches, more)

    def _said_each(
        self,
        ordinary: Iterable[tuple[str, bytes]],
        in_row: NDArray[np.bool_],
        rows: NDArray[Any],
        watches: NDArray[np.int64],
        more: dict[int, Held],
    ) -> Iterator[tuple[str, bytes]]:
        """Where some hold more than one range, or one of a boot that is no longer the newest."""
        for (watch_id, payload), is_ordinary, row, watch in zip(
            ordinary, in_row.tolist(), rows, watches.tolist(), strict=True
        ):
            if is_ordinary:
                yield watch_id, payload
            else:
                held = more.get(watch) or {(int(row["boot"]), 0): Intervals([(int(row["first"]), int(row["last"]))])}
                yield from ((watch_id, payload) for payload in self._payloads(watch, held))

    def _payloads(self, watch: int, held: Held) -> Iterator[bytes]:
        known: dict[int, dict[int, BootRun]] = {}
        for (boot, generation), seqs in held.items():
            if boot not in known:
                known[boot] = {run.generation: run for run in self._seen.committed_runs(watch, boot)}
            run = known[boot].get(generation)
            if run is not None:
                yield msgspec.json.encode(_receipt(boot, run, seqs))


def _is_range(seq: NDArray[np.int64], boot: NDArray[np.int64], by_watch: Grouped) -> NDArray[np.bool_]:
    """Mask: the reading is the next seq after its watch's reading before it, or the same, in the same boot."""
    goes_on = np.ones(len(seq), np.bool_)
    step = seq[1:] - seq[:-1]
    goes_on[1:] = (step >= 0) & (step <= 1) & (boot[1:] == boot[:-1])
    goes_on[by_watch.starts] = True
    return goes_on


def _not_before(now_ms: int, sent_ms: NDArray[np.int64], every_ms: int) -> NDArray[np.int64]:
    """Now, or so long after the last receipt."""
    return np.where(sent_ms == 0, now_ms, np.maximum(now_ms, sent_ms + every_ms))


def _receipt(boot: int, run: BootRun, held: Intervals) -> Receipt:
    """A count that began again without a new boot is receipted by `also` only: its low seqs are taken twice."""
    through = run.through if run.generation == 0 else 0
    return Receipt(boot, through, list(held)[-MOST_ALSO:], max(run.newest_raw_ms, 0))
