"""From the log to InfluxDB at its own place: an outage of any length is caught up, and nothing waits for it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ingest.influx.answers import Answer, Pace, Verdict
from ingest.influx.gather import Gathered, Gatherer
from ingest.influx.line_protocol import body
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
KEEP_EVERY = 60
"""Records without a reading are passed over this many at a time before the place is fsynced again."""
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why InfluxDB is not being written, since when, and what an operator does about it."""

    reason: str
    words: str
    remedy: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class WriterState:
    """For healthz and metrics. `lag_s`: how far log time at `place` is behind now. None: nothing is wrong."""

    place: int
    lag_records: int
    lag_s: float
    written_lines: int
    refused_lines: int
    last_refusal: str
    trouble: Trouble | None


class InfluxWriter:
    """Reads the log as consumer `influx` and writes it to InfluxDB for ever.

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
        self._server = server
        self._options = options
        self._refused = refused
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, no secret
        self._gatherer = Gatherer(reader, options.batch_lines, site)
        self._begun = False
        self._place = self._kept = 0
        self._log_time_ms = 0
        self._written = self._refused_lines = 0
        self._last_refusal = ""
        self._trouble: Trouble | None = None

    async def run(self) -> None:
        """Until cancelled. Whatever fails is told by `state` and tried again: ingest never stops for InfluxDB."""
        while True:
            try:
                more = await self._round()
            except LogError as error:
                self._note("the log cannot be read", str(error), "see the words")
                await self._pause(0, Pace.SLOWLY)
            except Exception as error:  # a fault here must not end ingest: it is told, and tried again
                log.exception("influx_writer_failed", place=self._place)
                self._note("a fault of carewatch", repr(error), "report it with the log's lines about it")
                await self._pause(0, Pace.SLOWLY)
            else:
                if not more:
                    await asyncio.sleep(self._options.flush_ms / 1000)

    async def state(self) -> WriterState:
        """How far it is and what is wrong, now."""
        end = await asyncio.to_thread(self._reader.end)
        lag_s = (now_ms(self._clock) - self._log_time_ms) / 1000 if end > self._place and self._log_time_ms else 0.0
        return WriterState(
            self._place,
            end - self._place,
            max(lag_s, 0.0),
            self._written,
            self._refused_lines,
            self._last_refusal,
            self._trouble,
        )

    async def _round(self) -> bool:
        """Write what is there, up to a batch or so; whether there is more already."""
        if not self._begun:
            self._place = self._kept = await asyncio.to_thread(self._reader.place, CONSUMER)
            self._begun = True
        gathered = await asyncio.to_thread(self._gatherer.gather, self._place)
        for lines in gathered.batches(self._options.batch_lines):
            await self._deliver(lines)
        await self._move_to(gathered)
        return gathered.more

    async def _move_to(self, gathered: Gathered) -> None:
        if len(gathered.lines) or gathered.last_offset - self._kept >= KEEP_EVERY:
            await asyncio.to_thread(self._reader.keep_place, CONSUMER, gathered.last_offset)
            self._kept = gathered.last_offset
        self._place, self._log_time_ms = gathered.last_offset, gathered.log_time_ms or self._log_time_ms
        self._recovered()

    async def _deliver(self, lines: pa.Array) -> None:
        """Every line is in InfluxDB, or set aside with the reason, when this returns. Halves what is refused."""
        pending = [lines]
        while pending:
            part = pending.pop()
            answer = await self._send(part)
            if answer.verdict is Verdict.WRITTEN:
                self._written += len(part)
            elif len(part) == 1 or answer.dropped == len(part):
                await self._set_aside(part, answer)
            else:
                half = len(part) // 2
                pending += [part[half:], part[:half]]

    async def _send(self, lines: pa.Array) -> Answer:
        """Send until the answer is final."""
        encoded = await asyncio.to_thread(lambda: self._server.encode(body(lines)))
        attempt = 0
        while (answer := await self._server.write(encoded)).verdict.pace is not Pace.NOT:
            self._note(f"InfluxDB {answer.verdict.reason}", answer.words, answer.verdict.remedy)
            await self._pause(attempt, answer.verdict.pace, answer.retry_after_s)
            attempt += 1
        self._recovered()
        return answer

    async def _set_aside(self, lines: pa.Array, answer: Answer) -> None:
        await asyncio.to_thread(self._refused.keep, lines, answer.words, now_ms(self._clock))
        self._refused_lines += len(lines)
        self._last_refusal = answer.words
        log.warning("influx_refused", lines=len(lines), words=answer.words, file=str(self._refused.path))

    async def _pause(self, attempt: int, pace: Pace, asked_s: float | None = None) -> None:
        longest_s = self._options.retry_max_s
        wait_s = (
            longest_s if pace is Pace.SLOWLY else min(self._options.retry_first_s * 2 ** min(attempt, 16), longest_s)
        )
        await asyncio.sleep(max(wait_s * self._rng.uniform(1 - JITTER, 1 + JITTER), asked_s or 0.0))

    def _note(self, reason: str, words: str, remedy: str) -> None:
        if self._trouble is None or self._trouble.reason != reason:
            log.warning("influx_not_written", reason=reason, words=words, remedy=remedy, place=self._place)
        since_ms = self._trouble.since_ms if self._trouble else now_ms(self._clock)
        self._trouble = Trouble(reason, words, remedy, since_ms)

    def _recovered(self) -> None:
        if self._trouble is not None:
            log.info("influx_written_again", after_ms=now_ms(self._clock) - self._trouble.since_ms)
            self._trouble = None
