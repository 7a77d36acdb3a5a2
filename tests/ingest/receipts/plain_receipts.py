"""Receipts written plainly, reading by reading: what the fast ones are compared with."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import msgspec

from ingest.normalise.intervals import Intervals
from ingest.normalise.seen import Verdict
from ingest.reading import EMERGENCY_KINDS, Event, Kind

CALM_EVERY_MS = 10_000
DUPLICATES_EVERY_MS = 1_000


@dataclass(slots=True)
class _Owed:
    """Seqs that messages of one watch held since its last receipt, by (boot, generation)."""

    due_ms: int
    held: dict[tuple[int, int], Intervals] = field(default_factory=dict)


class PlainReceipts:
    """When each watch gets its next receipt, and what it says.

    `watch_id`: registry index -> id. Emergencies and `online` are receipted at once, other new readings at most
    every 10 s a watch, duplicates at most once a second.
    """

    def __init__(self, seen, watch_id):
        self._seen = seen
        self._watch_id = watch_id
        self._owed: dict[int, _Owed] = {}
        self._queue: list[tuple[int, int]] = []  # heap of (due_ms, watch); an entry that is no longer right is skipped
        self._sent_ms: dict[int, int] = {}

    def note_committed(
        self,
        readings,
        judgement,
        refused,
        now_ms,
    ) -> None:
        """After a commit: all readings that were judged (duplicates too), and quarantined (watch, boot, seq).

        Never call it for a batch whose commit failed.
        """
        columns = ("watch", "boot", "seq", "kind", "event")
        cells = zip(*(readings[name].tolist() for name in columns), strict=True)
        judged = zip(judgement.verdicts.tolist(), judgement.generations.tolist(), strict=True)
        for (watch, boot, seq, kind, event), (verdict, generation) in zip(cells, judged, strict=True):
            if generation >= 0:
                self._hold(watch, boot, generation, seq, self._due_ms(watch, verdict, kind, event, now_ms))
        for watch, boot, seq in refused:
            generation = self._seen.newest_generation(watch, boot)
            if generation is not None and seq > 0:
                self._hold(watch, boot, generation, seq, max(now_ms, self._last_ms(watch) + CALM_EVERY_MS))

    def next_due_ms(self) -> int | None:
        """When `due` will next have something; None: nothing is owed."""
        self._skip_stale()
        return self._queue[0][0] if self._queue else None

    def due(self, now_ms: int) -> list[tuple[str, bytes]]:
        """(watch_id, payload) of every receipt whose time has come; publish each on `watch/{watch_id}/receipt`."""
        ready: list[tuple[str, bytes]] = []
        self._skip_stale()
        while self._queue and self._queue[0][0] <= now_ms:
            _, watch = heapq.heappop(self._queue)
            owed = self._owed.pop(watch)
            self._sent_ms[watch] = now_ms
            ready += [(self._watch_id(watch), payload) for payload in self._payloads(watch, owed)]
            self._skip_stale()
        return ready

    def _skip_stale(self) -> None:
        while self._queue:
            due_ms, watch = self._queue[0]
            owed = self._owed.get(watch)
            if owed is not None and owed.due_ms == due_ms:
                return
            heapq.heappop(self._queue)

    def _last_ms(self, watch: int) -> int:
        return self._sent_ms.get(watch, -CALM_EVERY_MS)

    def _due_ms(self, watch: int, verdict: int, kind: int, event: int, now_ms: int) -> int:
        if verdict in (Verdict.DUPLICATE, Verdict.DUPLICATE_PENDING):
            return max(now_ms, self._last_ms(watch) + DUPLICATES_EVERY_MS)
        if kind in EMERGENCY_KINDS or (kind == Kind.STATUS and event == Event.ONLINE):
            return now_ms
        return max(now_ms, self._last_ms(watch) + CALM_EVERY_MS)

    def _hold(self, watch: int, boot: int, generation: int, seq: int, due_ms: int) -> None:
        owed = self._owed.get(watch)
        if owed is None or due_ms < owed.due_ms:
            if owed is None:
                owed = self._owed[watch] = _Owed(due_ms)
            owed.due_ms = due_ms
            heapq.heappush(self._queue, (due_ms, watch))
        owed.held.setdefault((boot, generation), Intervals()).add(seq)

    def _payloads(self, watch: int, owed: _Owed) -> list[bytes]:
        payloads = []
        for (boot, generation), held in owed.held.items():
            run = self._seen.committed_run(watch, boot, generation)
            if run is not None:
                payloads.append(msgspec.json.encode(_receipt(boot, run, held)))
        return payloads


def _receipt(boot, run, held):
    """A count that began again without a new boot is receipted by `also` only: its low seqs are taken twice."""
    through = run.through if run.generation == 0 else 0
    return {"boot": boot, "through": through, "also": list(held), "until": max(run.newest_raw_ms, 0)}
