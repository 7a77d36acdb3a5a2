"""From the log to InfluxDB at its own place: an outage of any length is caught up, and nothing waits for it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ingest.influx.answers import Pace
from ingest.influx.delivery import Delivery, pause_s
from ingest.influx.gather import Gathered, Gatherer, Part
from ingest.influx.standing import Standing, Trouble
from ingest.log.contract import LogError
from ingest.seams import now_ms

if TYPE_CHECKING:
    import pyarrow as pa

    from ingest.influx.options import InfluxOptions
    from ingest.influx.refused import RefusedPoints
    from ingest.influx.server import InfluxServer
    from ingest.log.contract import LogReader
    from ingest.seams import Clock

log = structlog.get_logger(__name__)

CONSUMER = "influx"
WINDOW = 4
"""Parts on their way at once: two on the wire, and as many made ready or waiting for one that is sent again."""
KEEP_EVERY_PARTS = 8
"""While it catches up the place is fsynced once in so many: a crash sends them again, which overwrites the same."""
KEEP_EVERY_RECORDS = 60
"""Records without a reading are passed over this many at a time before the place is fsynced again."""
ROUND = "round"


@dataclass(frozen=True, slots=True)
class WriterState:
    """For healthz and metrics. `lag_s`: how far log time at `place` is behind now. None: nothing is wrong.

    Since the start: lines `written_lines` and `refused_lines`, `writes` that were answered, `retries` whether or not.
    """

    place: int
    lag_records: int
    lag_s: float
    written_lines: int
    refused_lines: int
    writes: int
    retries: int
    last_refusal: str
    trouble: Trouble | None


class InfluxWriter:
    """Reads the log as consumer `influx` and writes it to InfluxDB for ever.

    Parts are on their way together, and the place moves over them in order: only past what is wholly in or set aside.
    Give it a reader of its own. `clock` only dates what happens; pauses between attempts are real seconds, for they
    concern a real network. `rng` spreads the attempts of many sites.
    """

    def __init__(
        self,
        reader: LogReader,
        server: InfluxServer,
        options: InfluxOptions,
        refused: RefusedPoints,
        clock: Clock,
        *,
        site: str = "",
        rng: random.Random | None = None,
    ) -> None:
        self._reader = reader
        self._options = options
        self._refused = refused
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, no secret
        self._standing = Standing("influx", clock)
        self._delivery = Delivery(server, options, self._set_aside, self._standing, self._rng)
        self._gatherer = Gatherer(reader, options.batch_lines, site, clock)
        self._place = self._kept = self._log_time_ms = 0
        self._farthest = self._parts_since_kept = 0

    async def run(self) -> None:
        """Until cancelled. Whatever fails is told by `state` and tried again: ingest never stops for InfluxDB."""
        while True:
            try:
                await self._from_the_kept_place()
            except* LogError as errors:
                self._standing.note(ROUND, "the log cannot be read", _first(errors), "see the words")
            except* Exception as errors:  # a fault here must not end ingest: it is told, and tried again
                log.exception("influx_writer_failed", place=self._place)
                remedy = "report it with the log's lines about it"
                self._standing.note(ROUND, "a fault of carewatch", _first(errors), remedy)
            await asyncio.sleep(pause_s(self._options, 0, Pace.SLOWLY, self._rng))

    async def state(self) -> WriterState:
        """How far it is and what is wrong, now."""
        end = await asyncio.to_thread(self._reader.end)
        lag_s = (now_ms(self._clock) - self._log_time_ms) / 1000 if end > self._place and self._log_time_ms else 0.0
        done = self._delivery
        return WriterState(
            place=self._place,
            lag_records=end - self._place,
            lag_s=max(lag_s, 0.0),
            written_lines=done.written,
            refused_lines=done.refused,
            writes=done.writes,
            retries=done.retries,
            last_refusal=done.last_refusal,
            trouble=self._standing.trouble,
        )

    async def _from_the_kept_place(self) -> None:
        self._place = self._kept = await asyncio.to_thread(self._reader.place, CONSUMER)
        self._parts_since_kept = 0
        async with asyncio.TaskGroup() as group:
            await self._follow(group)

    async def _follow(self, group: asyncio.TaskGroup) -> None:
        """Send parts off, `WINDOW` at a time, for ever; the first that fails ends them all."""
        room = asyncio.Semaphore(WINDOW)
        newest: asyncio.Task[None] | None = None
        offset = self._place
        while True:
            gathered = await self._gather(offset, newest)
            for part in gathered.parts:
                await room.acquire()
                newest = group.create_task(self._take_over(part, newest))
                newest.add_done_callback(lambda _ended: room.release())
                offset = part.last_offset
            if not gathered.parts and (newest is None or newest.done()):
                self._standing.passed(ROUND)
            if not gathered.more:
                await asyncio.sleep(self._options.flush_ms / 1000)

    async def _gather(self, after: int, newest: asyncio.Task[None] | None) -> Gathered:
        try:
            return await asyncio.to_thread(self._gatherer.gather, after)
        except LogError:
            if newest is not None:  # what could be read gets there first, or the place would never reach the fault
                await newest
                await self._keep(self._place)
            raise

    async def _take_over(self, part: Part, before: asyncio.Task[None] | None) -> None:
        """The part into InfluxDB; then, when all before it are, move the place past it."""
        await self._delivery.deliver(part.lines)
        if before is not None:
            await before
        await self._move_to(part)

    async def _move_to(self, part: Part) -> None:
        self._parts_since_kept += bool(len(part.lines))
        if await self._is_to_keep(part):
            await self._keep(part.last_offset)
        self._place, self._log_time_ms = part.last_offset, part.log_time_ms or self._log_time_ms
        if self._place > self._farthest:
            self._farthest = self._place
            self._standing.passed(ROUND)

    async def _is_to_keep(self, part: Part) -> bool:
        if self._parts_since_kept >= KEEP_EVERY_PARTS or part.last_offset - self._kept >= KEEP_EVERY_RECORDS:
            return True
        return bool(self._parts_since_kept) and part.last_offset >= await asyncio.to_thread(self._reader.end)

    async def _keep(self, offset: int) -> None:
        await asyncio.to_thread(self._reader.keep_place, CONSUMER, offset)
        self._kept, self._parts_since_kept = offset, 0

    async def _set_aside(self, lines: pa.Array, words: str) -> None:
        await asyncio.to_thread(self._refused.keep, lines, words, now_ms(self._clock))
        log.warning("influx_refused", lines=len(lines), words=words, file=str(self._refused.path))


def _first(errors: BaseExceptionGroup[BaseException]) -> str:
    error = errors.exceptions[0]
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) if isinstance(error, LogError) else repr(error)
