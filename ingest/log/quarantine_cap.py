"""How much the quarantine may take: 10 MB a watch a day, and a bound for all of it.

A watch that sends nonsense without end must not fill the disk. What is beyond is counted and said, not kept; the
reading side of an undecodable emergency alerts all the same, for it does not come from here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import apsw

    from ingest.log.contract import Quarantined

log = structlog.get_logger(__name__)

MB = 1 << 20
DAY_MS = 86_400_000
WATCH_DAY_BYTES = 10 * MB
TOTAL_BYTES = 1024 * MB
ENTRY_BYTES, SEQ_BYTES = 200, 80
"""Of an entry beside its texts and payload, and of each boot and seq in it, with their indices, about."""
_TEXTS = f"length(payload) + length(topic) + length(detail) + {ENTRY_BYTES}"
_HELD = f"""SELECT coalesce(sum({_TEXTS}), 0) + {SEQ_BYTES} * (SELECT count(*) FROM quarantine_seq)
  FROM quarantine"""  # noqa: S608 - constants
_HELD_SINCE = f"""SELECT coalesce(watch_id, ''),
  sum({_TEXTS} + {SEQ_BYTES} * (SELECT count(*) FROM quarantine_seq WHERE entry = id))
  FROM quarantine WHERE arrival_ms >= ? GROUP BY 1"""  # noqa: S608 - constants


def size_of(entry: Quarantined) -> int:
    """What an entry takes in the file, about, in bytes: a payload of 64 KB may tell 40,000 seqs."""
    texts = len(entry.payload) + len(entry.topic) + len(entry.detail)
    return texts + ENTRY_BYTES + SEQ_BYTES * len(entry.seqs)


class QuarantineCap:
    """What has been kept of each watch on the day that is going on, by arrival in UTC. `over`: entries not kept."""

    def __init__(self, total_bytes: int = TOTAL_BYTES, watch_day_bytes: int = WATCH_DAY_BYTES) -> None:
        self.over = 0
        self._total_bytes = total_bytes
        self._watch_day_bytes = watch_day_bytes
        self._day = -1
        self._held = 0
        self._by_watch: Counter[str] = Counter()
        self._said: set[str] = set()

    def count(self, connection: apsw.Connection, time_ms: int) -> None:
        """Begin from what the file holds: at a start, and after pruning."""
        self._day = time_ms // DAY_MS
        self._held = next(connection.execute(_HELD))[0]
        self._by_watch = Counter(dict(connection.execute(_HELD_SINCE, (self._day * DAY_MS,))))

    def admit(self, entries: Sequence[Quarantined]) -> Sequence[Quarantined]:
        """Those that find room beside what `keep` was told of."""
        size = sum(map(size_of, entries))
        most = max(self._by_watch.values(), default=0)  # of a day that may be over: too much by that, never too little
        if most + size <= self._watch_day_bytes and self._held + size <= self._total_bytes:
            return entries
        fresh: dict[str, int] = {}
        total, admitted = self._held, []
        for one in entries:
            watch, size = one.watch_id or "", size_of(one)
            held = fresh.get(watch)
            held = (self._held_of(watch, one.arrival_ms) if held is None else held) + size
            if held <= self._watch_day_bytes and total + size <= self._total_bytes:
                fresh[watch] = held
                total += size
                admitted.append(one)
        return admitted

    def keep(self, entries: Sequence[Quarantined], admitted: Sequence[Quarantined]) -> None:
        """Of these the admitted ones were committed."""
        for one in admitted:
            if (day := one.arrival_ms // DAY_MS) > self._day:
                self._day, self._by_watch, self._said = day, Counter(), set()
            size = size_of(one)
            self._by_watch[one.watch_id or ""] += size
            self._held += size
        if len(admitted) < len(entries):
            self._say(entries, admitted)

    def _held_of(self, watch: str, arrival_ms: int) -> int:
        return 0 if arrival_ms // DAY_MS > self._day else self._by_watch[watch]

    def _say(self, entries: Sequence[Quarantined], admitted: Iterable[Quarantined]) -> None:
        kept = {id(one) for one in admitted}
        over = [one for one in entries if id(one) not in kept]
        self.over += len(over)
        for watch in {one.watch_id or "" for one in over} - self._said:
            self._said.add(watch)
            remedy = "see `carewatch quarantine list`; what comes beyond is counted, and not kept today"
            log.warning("quarantine_full", watch=watch, held_bytes=self._by_watch[watch], remedy=remedy)
