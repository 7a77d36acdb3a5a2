"""Lines into InfluxDB, whatever it answers: sent again, in parts, or set aside; for readings and for alerts.

What an answer means stands in answers.py; here is what is done about it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from ingest.influx.answers import Answer, Pace, Verdict
from ingest.influx.line_protocol import body
from ingest.influx.parting import halves, pieces, suspects

if TYPE_CHECKING:
    import random

    import pyarrow as pa

    from ingest.influx.options import InfluxOptions
    from ingest.influx.server import InfluxServer
    from ingest.influx.standing import Standing

JITTER = 0.2
CONNECTIONS = 2
"""Writes on the wire at once: while InfluxDB works at one, the next one travels. More gain nothing (ADR 15)."""
LEAST_CUT_LINES = 100
"""Below this it is not the size for which a write is broken off or late; 413 itself is believed for any."""
GROWTH = 16
"""After a write was too large the next ones are smaller, and larger again by 1/16 with each that goes in."""


class SetAside(Protocol):
    """Keeps lines that InfluxDB refuses for ever, with its words."""

    async def __call__(self, lines: pa.Array, words: str) -> None:
        """Durable on return."""


def pause_s(
    options: InfluxOptions, attempt: int, pace: Pace, rng: random.Random, asked_s: float | None = None
) -> float:
    """Seconds until attempt `attempt` + 1; not below what the server asked for."""
    soon_s = min(options.retry_first_s * 2 ** min(attempt, 16), options.retry_max_s)
    wait_s = options.retry_max_s if pace is Pace.SLOWLY else soon_s
    return max(wait_s * rng.uniform(1 - JITTER, 1 + JITTER), asked_s or 0.0)


class Delivery:
    """Any number of `deliver` at a time, of which `CONNECTIONS` are on the wire.

    Pauses between attempts are real seconds, for they concern a real network. Since the start: `written` and `refused`
    lines, `writes` that were answered, `retries` of what was sent before, answered or not; `last_refusal`: the server's
    words.
    """

    def __init__(
        self, server: InfluxServer, options: InfluxOptions, set_aside: SetAside, standing: Standing, rng: random.Random
    ) -> None:
        self._server = server
        self._options = options
        self._aside = set_aside
        self._standing = standing
        self._rng = rng
        self._wire = asyncio.Semaphore(CONNECTIONS)
        self._most_lines = options.batch_lines
        self.written = self.refused = self.writes = self.retries = 0
        self.last_refusal = ""

    async def deliver(self, lines: pa.Array) -> None:
        """Every line is in InfluxDB, or set aside with the reason, when this returns, however long it takes."""
        pending = [(piece, False) for piece in pieces(lines, self._most_lines)]
        while pending:
            part, is_sorted_out = pending.pop()
            answer = await self._send(part)
            if answer.verdict is Verdict.WRITTEN:
                self._took(len(part))
            elif answer.verdict.pace is Pace.NOT and (len(part) == 1 or answer.dropped == len(part)):
                await self._set_aside(part, answer)
            elif answer.verdict is Verdict.REFUSED and not is_sorted_out:
                pending += [(some, True) for some in suspects(part, answer.words)]
            else:
                self._was_too_large(len(part), answer)
                pending += [(half, is_sorted_out) for half in halves(part)]

    async def _send(self, lines: pa.Array) -> Answer:
        """Send until the answer is final, or the lines seem to be too many."""
        encoded = await asyncio.to_thread(lambda: self._server.encode(body(lines)))
        key, attempt, cut = object(), 0, 0
        try:
            while (answer := await self._write(encoded)).verdict.pace is not Pace.NOT:
                cut = cut + 1 if answer.verdict.may_be_size else 0
                if cut > 1 and len(lines) > LEAST_CUT_LINES:
                    return answer
                verdict = answer.verdict
                self._standing.note(key, f"InfluxDB {verdict.reason}", answer.words, verdict.remedy)
                await asyncio.sleep(pause_s(self._options, attempt, verdict.pace, self._rng, answer.retry_after_s))
                attempt += 1
                self.retries += 1
            self._standing.passed(key)
            return answer
        finally:
            self._standing.forget(key)

    async def _write(self, encoded: bytes) -> Answer:
        async with self._wire:
            answer = await self._server.write(encoded)
        self.writes += not answer.verdict.is_silence
        return answer

    def _took(self, count: int) -> None:
        self.written += count
        if count * 2 > self._most_lines:  # a small one says nothing of what fits
            self._most_lines = min(self._most_lines + self._most_lines // GROWTH + 1, self._options.batch_lines)

    def _was_too_large(self, count: int, answer: Answer) -> None:
        if answer.verdict is not Verdict.REFUSED:
            self._most_lines = min(self._most_lines, max(count // 2, 1))

    async def _set_aside(self, lines: pa.Array, answer: Answer) -> None:
        await self._aside(lines, answer.words)
        self.refused += len(lines)
        self.last_refusal = answer.words
