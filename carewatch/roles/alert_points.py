"""From the store to InfluxDB: what became of each alert, for dashboards. No alert waits for it.

It only reads the store, and moves its own place there once points are in InfluxDB; whatever fails is told by
`trouble` and tried again.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from alerts.points import keep_place, next_points
from ingest.influx.answers import Answer, Pace, Verdict
from ingest.influx.line_protocol import alert_lines
from ingest.influx.writer import JITTER, Trouble

if TYPE_CHECKING:
    from alerts.points import NextPoints
    from alerts.seams import Clock
    from alerts.store.database import Store
    from alerts.store.places import Place
    from ingest.influx.options import InfluxOptions
    from ingest.influx.server import InfluxServer
    from ingest.watches import Watches

log = structlog.get_logger(__name__)

NS_PER_MS = 1_000_000
REFUSED_REMEDY = "correct what the words say; the change itself stays in the store"


class AlertPoints:
    """Writes the points of the store's alerts for ever.

    `clock` only dates what happens; pauses are real seconds, for they concern a real network. `rng` spreads the
    attempts of many sites. `written`, `refused`: points since the start. `trouble`: None while nothing is wrong.
    """

    def __init__(
        self,
        store: Store,
        watches: Watches,
        server: InfluxServer,
        options: InfluxOptions,
        clock: Clock,
        *,
        site: str = "",
        rng: random.Random | None = None,
    ) -> None:
        self._store = store
        self._watches = watches
        self._server = server
        self._options = options
        self._clock = clock
        self._site = site
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, no secret
        self.written = self.refused = 0
        self.trouble: Trouble | None = None

    async def run(self) -> None:
        """Until cancelled. Alerts never stop for InfluxDB, nor for a fault in here."""
        try:
            while True:
                if not await self._safe_round():
                    await asyncio.sleep(self._options.flush_ms / 1000)
        finally:
            await self._server.aclose()

    async def _safe_round(self) -> bool:
        """Whether there is more to write already."""
        try:
            return await self._round()
        except SQLAlchemyError as error:
            self._note("the store cannot be read or written", str(error), "see the disk and store.url")
        except Exception as error:  # a fault here must not end the alerts: it is told, and tried again
            log.exception("alert_points_failed")
            self._note("a fault of carewatch", repr(error), "report it with the log's lines about it")
        await self._pause(0, Pace.SLOWLY)
        return True

    async def _round(self) -> bool:
        found = await asyncio.to_thread(self._next)
        if found.place is not None:
            lines = alert_lines(found.points)
            for start in range(0, len(lines), self._options.batch_lines):
                await self._deliver(lines[start : start + self._options.batch_lines])
            await asyncio.to_thread(self._keep, found.place)
        self._recovered()
        return found.more

    def _next(self) -> NextPoints:
        with self._store.reading() as connection:
            return next_points(connection, self._watches, self._site)

    def _keep(self, place: Place) -> None:
        with self._store.transaction() as connection:
            keep_place(connection, place)

    async def _deliver(self, lines: list[bytes]) -> None:
        """When this returns every line is in InfluxDB, or refused for ever and logged. Halves what is refused."""
        pending = [lines]
        while pending:
            part = pending.pop()
            answer = await self._send(part)
            if answer.verdict is Verdict.WRITTEN:
                self.written += len(part)
            elif len(part) == 1 or answer.dropped == len(part):
                self._set_aside(part, answer)
            else:
                half = len(part) // 2
                pending += [part[half:], part[:half]]

    async def _send(self, lines: list[bytes]) -> Answer:
        """Send until the answer is final."""
        encoded = await asyncio.to_thread(self._server.encode, b"".join(lines))
        attempt = 0
        while (answer := await self._server.write(encoded)).verdict.pace is not Pace.NOT:
            self._note(f"InfluxDB {answer.verdict.reason}", answer.words, answer.verdict.remedy)
            await self._pause(attempt, answer.verdict.pace, answer.retry_after_s)
            attempt += 1
        self._recovered()
        return answer

    def _set_aside(self, lines: list[bytes], answer: Answer) -> None:
        """The change itself stays in the store; the log names the point, so that nothing is lost unseen."""
        self.refused += len(lines)
        for line in lines:
            point = line.decode().rstrip("\n")
            log.error("alert_point_refused", point=point, words=answer.words, remedy=REFUSED_REMEDY)

    async def _pause(self, attempt: int, pace: Pace, asked_s: float | None = None) -> None:
        longest_s = self._options.retry_max_s
        soon_s = min(self._options.retry_first_s * 2 ** min(attempt, 16), longest_s)
        wait_s = longest_s if pace is Pace.SLOWLY else soon_s
        await asyncio.sleep(max(wait_s * self._rng.uniform(1 - JITTER, 1 + JITTER), asked_s or 0.0))

    def _note(self, reason: str, words: str, remedy: str) -> None:
        if self.trouble is None or self.trouble.reason != reason:
            log.warning("alert_points_not_written", reason=reason, words=words, remedy=remedy)
        now_ms = self._clock.now_ns() // NS_PER_MS
        since_ms = self.trouble.since_ms if self.trouble else now_ms
        self.trouble = Trouble(reason, words, remedy, since_ms)

    def _recovered(self) -> None:
        if self.trouble is not None:
            log.info("alert_points_written_again", after_ms=self._clock.now_ns() // NS_PER_MS - self.trouble.since_ms)
            self.trouble = None
