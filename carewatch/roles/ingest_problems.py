"""What is wrong with ingest, as /healthz shows it: what, since when, and the remedy."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from carewatch.consumers import FarBehind, standing_still
from carewatch.status import Problem
from ingest.intake import SESSIONS
from ingest.log.contract import LogError
from ingest.log.room import MB, Room
from ingest.mqtt.link import Link
from ingest.prepare import MOST_UNKNOWN
from ingest.seams import NS_PER_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carewatch.roles.ingest_parts import Parts
    from ingest.influx.writer import WriterState

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
CONNECTING = "wait; within 10 s it is up, or the reason stands here"
"""`MqttOptions.connect_timeout_s`."""
NAMED = 5


class IngestProblems:
    """Looks at the parts each second, and remembers what a look alone does not tell: since when, and how fast."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lost, self._not_quarantined = Rising(), Rising()
        self._since_ms: dict[str, int] = {}
        self._standing: list[FarBehind] = []
        self._looked_ms: int | None = None
        self._unreadable = ""
        self.places: dict[str, int] = {}
        """Of the log's consumers, at the last look."""

    def look(self, now_ms: int) -> None:
        """What reads files, in a thread: places each time, how far they are behind each minute.

        What cannot be read is a problem like any other: the rest of the status is told all the same.
        """
        reading_log = self._parts.reading_log
        try:
            self.places = reading_log.places()
            if self._looked_ms is None or not 0 <= now_ms - self._looked_ms < MINUTE_MS:
                self._standing = standing_still(reading_log)
                self._looked_ms = now_ms
        except LogError as error:
            self._unreadable = str(error)
        else:
            self._unreadable = ""

    def found(self, influx: WriterState | None, now_ms: int) -> Iterator[Problem]:
        """Everything, in the way of a reading."""
        yield from _of_the_broker(self._parts)
        yield from self._of_watches(now_ms)
        yield from self._of_the_disk()
        yield from self._of_the_quarantine(now_ms)
        yield from self._of_merging(now_ms)
        trouble = self._parts.ingest.trouble
        if trouble.what:
            yield Problem("log", trouble.what, "see the disk; nothing is acknowledged meanwhile", trouble.since_ms)
        if since_ms := self._since("unreadable", now_ms, is_so=bool(self._unreadable)):
            remedy = "what it says; until then nothing is pruned, or the log is damaged (`carewatch log verify`)"
            yield Problem("consumer", self._unreadable, remedy, since_ms, is_grave=False)
        for one in self._standing:
            yield Problem("consumer", one.what, one.remedy, one.first_unread_ms, is_grave=False)
        if influx is not None and influx.trouble is not None:
            told = influx.trouble
            what = f"{told.reason}: {told.words}"
            yield Problem(
                "influx", what, f"{told.remedy}; all is written from the log later", told.since_ms, is_grave=False
            )

    def _of_watches(self, now_ms: int) -> Iterator[Problem]:
        watches, tally = self._parts.watches, self._parts.ingest.tally
        risen, since_ms = self._lost.note(tally.lost, now_ms)
        if risen:
            what = f"{risen} readings were given up by their watches before they came, in the last hour"
            remedy = "`carewatch watch list` counts them by watch: too long without signal, or too small a memory"
            yield Problem("lost", what, remedy, since_ms, is_grave=False)
        shared = {index: at_ms for index, at_ms in tally.two_senders.items() if now_ms - at_ms < HOUR_MS}
        if shared:
            what = (
                f"two watches seem to share an id: {_named([watches.at(index).watch_id for index in sorted(shared)])}"
            )
            remedy = "give one of the two another id; until then one wearer's readings stand under the other's name"
            yield Problem("watches", what, remedy, min(shared.values()), is_grave=False)
        if full_ms := self._since("unknown", now_ms, is_so=watches.provisional >= MOST_UNKNOWN):
            what = f"{watches.provisional} watches that nobody registered: further ones go to quarantine"
            remedy = "`carewatch watch add` those that are yours; find out who else publishes to the broker"
            yield Problem("watches", what, remedy, full_ms, is_grave=False)

    def _of_the_disk(self) -> Iterator[Problem]:
        state, free_mb = self._parts.room.state, self._parts.room.state.free_bytes // MB
        if state.room is Room.SHEDDING:
            ballast = "" if state.has_ballast else "; the ballast for them is used up"
            what = f"{free_mb} MB free: readings are shed, only emergencies are kept{ballast}"
            remedy = "free room on the log's disk at once; watches hold what is shed, and send it again"
            yield Problem("disk", what, remedy, state.since_ms)
        elif state.room is Room.LOW:
            what = f"{free_mb} MB free on the log's disk, less than log.warn_free_mb"
            remedy = "free room, or lower log.keep_days; below log.shed_free_mb only emergencies are kept"
            yield Problem("disk", what, remedy, state.since_ms, is_grave=False)

    def _of_the_quarantine(self, now_ms: int) -> Iterator[Problem]:
        risen, since_ms = self._not_quarantined.note(self._parts.reading_log.cap.over, now_ms)
        if risen:
            what = f"quarantine is full: {risen} messages that cannot be read were only counted, in the last hour"
            remedy = "`carewatch quarantine list` shows whose they are; mend these watches or their source"
            yield Problem("quarantine", what, remedy, since_ms, is_grave=False)

    def _of_merging(self, now_ms: int) -> Iterator[Problem]:
        aging = self._parts.aging
        if since_ms := self._since("refused", now_ms, is_so=bool(aging.refused)):
            what = f"old records are not merged, so the log grows: {aging.refused}"
            remedy = "see the log's disk; it is tried again each minute"
            yield Problem("merging", what, remedy, since_ms, is_grave=False)
        if since_ms := self._since("damaged", now_ms, is_so=bool(aging.damaged)):
            what = f"a record is damaged and left as it is: {aging.damaged}"
            remedy = "restore the log from a backup, or give this record up by `carewatch log set-aside`"
            yield Problem("merging", what, remedy, since_ms, is_grave=False)

    def _since(self, what: str, now_ms: int, *, is_so: bool) -> int | None:
        """Since when it has been so at each look; None while it is not."""
        if not is_so:
            self._since_ms.pop(what, None)
            return None
        return self._since_ms.setdefault(what, now_ms)


class Rising:
    """By how much a total has risen within an hour."""

    def __init__(self) -> None:
        self._rises: deque[tuple[int, int]] = deque()
        self._total: int | None = None

    def note(self, total: int, now_ms: int) -> tuple[int, int]:
        """(risen within the last hour, since when). What had risen before the first call does not count."""
        if self._total is not None and total > self._total:
            self._rises.append((now_ms, total - self._total))
        self._total = total
        while self._rises and not 0 <= now_ms - self._rises[0][0] < HOUR_MS:
            self._rises.popleft()
        return sum(by for _, by in self._rises), self._rises[0][0] if self._rises else now_ms


def _of_the_broker(parts: Parts) -> Iterator[Problem]:
    for name, link in zip(SESSIONS, parts.ingest.links, strict=True):
        if link.deaf:
            reason = link.trouble.text if link.trouble is not None else "connecting"
            begins = f"not all {name} are heard" if link.link is Link.PARTIAL else f"no link for {name}"
            what = f"{begins}: {reason} {link.detail}".strip()
            yield Problem("broker", what, link.remedy or CONNECTING, link.since_ns // NS_PER_MS)


def _named(watch_ids: list[str]) -> str:
    more = len(watch_ids) - NAMED
    return ", ".join(watch_ids[:NAMED]) + (f" and {more} more" if more > 0 else "")
