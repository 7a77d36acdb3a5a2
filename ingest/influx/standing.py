"""Why InfluxDB is not being written, since when, and what to do: what healthz and the logs say of a writer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ingest.seams import now_ms

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ingest.seams import Clock

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why InfluxDB is not being written, since when, and what an operator does about it."""

    reason: str
    words: str
    remedy: str
    since_ms: int


class Standing:
    """Troubles of what goes on at the same time, each told under a key of its own; the oldest is the one to show.

    `what` begins the names of the events that are logged: when the trouble shown begins or becomes another, and when
    the last has passed.
    """

    def __init__(self, what: str, clock: Clock) -> None:
        self._not_written, self._written_again = f"{what}_not_written", f"{what}_written_again"
        self._clock = clock
        self._troubles: dict[Hashable, Trouble] = {}

    @property
    def trouble(self) -> Trouble | None:
        """The one that began first; None: nothing is wrong."""
        return next(iter(self._troubles.values()), None)

    def note(self, key: Hashable, reason: str, words: str, remedy: str) -> None:
        """`key` is in trouble, or still is."""
        shown, before = self.trouble, self._troubles.get(key)
        since_ms = before.since_ms if before else now_ms(self._clock)
        self._troubles[key] = Trouble(reason, words, remedy, since_ms)
        if shown is None or reason != shown.reason:
            log.warning(self._not_written, reason=reason, words=words, remedy=remedy)

    def passed(self, key: Hashable) -> None:
        """Nothing is wrong with `key` any more."""
        ended = self._troubles.pop(key, None)
        if ended is not None and not self._troubles:
            log.info(self._written_again, after_ms=now_ms(self._clock) - ended.since_ms)

    def forget(self, key: Hashable) -> None:
        """`key` is given up with its trouble, which is told elsewhere or comes back under another."""
        self._troubles.pop(key, None)
