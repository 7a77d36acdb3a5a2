"""From the store to InfluxDB: what became of each alert, for dashboards. No alert waits for it.

It only reads the store, and moves its own place there once points are in InfluxDB; whatever fails is told by
`trouble` and tried again.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pyarrow as pa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from alerts.points import keep_place, next_points
from ingest.influx.answers import Pace
from ingest.influx.delivery import Delivery, pause_s
from ingest.influx.line_protocol import alert_lines
from ingest.influx.standing import Standing, Trouble

if TYPE_CHECKING:
    from alerts.points import NextPoints
    from alerts.seams import Clock
    from alerts.store.database import Store
    from alerts.store.places import Place
    from ingest.influx.options import InfluxOptions
    from ingest.influx.server import InfluxServer
    from ingest.watches import Watches

log = structlog.get_logger(__name__)

ROUND = "round"
REFUSED_REMEDY = "correct what the words say; the change itself stays in the store"


class AlertPoints:
    """Writes the points of the store's alerts for ever.

    `clock` only dates what happens; pauses are real seconds, for they concern a real network. `rng` spreads the
    attempts of many sites.
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
        self._site = site
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, no secret
        self._standing = Standing("alert_points", clock)
        self._delivery = Delivery(server, options, self._set_aside, self._standing, self._rng)

    @property
    def written(self) -> int:
        """Points in InfluxDB since the start."""
        return self._delivery.written

    @property
    def refused(self) -> int:
        """Points that InfluxDB refused for ever, since the start."""
        return self._delivery.refused

    @property
    def trouble(self) -> Trouble | None:
        """What keeps points from being written; None: nothing."""
        return self._standing.trouble

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
            more = await self._round()
        except SQLAlchemyError as error:
            what = "the store cannot be read or written"
            self._standing.note(ROUND, what, str(error), "see the disk and store.url")
        except Exception as error:  # a fault here must not end the alerts: it is told, and tried again
            log.exception("alert_points_failed")
            self._standing.note(ROUND, "a fault of carewatch", repr(error), "report it with the log's lines about it")
        else:
            self._standing.passed(ROUND)
            return more
        await asyncio.sleep(pause_s(self._options, 0, Pace.SLOWLY, self._rng))
        return True

    async def _round(self) -> bool:
        found = await asyncio.to_thread(self._next)
        if found.place is not None:
            await self._delivery.deliver(pa.array(alert_lines(found.points), pa.string()))
            await asyncio.to_thread(self._keep, found.place)
        return found.more

    def _next(self) -> NextPoints:
        with self._store.reading() as connection:
            return next_points(connection, self._watches, self._site)

    def _keep(self, place: Place) -> None:
        with self._store.transaction() as connection:
            keep_place(connection, place)

    async def _set_aside(self, lines: pa.Array, words: str) -> None:
        """The change itself stays in the store; the log names the point, so that nothing is lost unseen."""
        for line in lines.to_pylist():
            log.error("alert_point_refused", point=line.rstrip("\n"), words=words, remedy=REFUSED_REMEDY)
