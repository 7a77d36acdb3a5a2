"""Whether InfluxDB would take what we write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from carewatch.doctor.bounded import TRY_S
from carewatch.doctor.finding import Finding, bad, good, not_set
from carewatch.influx import influx_options
from ingest.influx.answers import Verdict
from ingest.influx.server import InfluxServer

if TYPE_CHECKING:
    from carewatch.settings import Influx, Settings
    from ingest.influx.answers import Answer

PART = "InfluxDB"
NO_POINTS = b"# carewatch doctor\n"
"""A comment in line protocol: the server checks address, token and bucket, and stores nothing."""


async def influx(settings: Settings) -> list[Finding]:
    """Writes no points, by the same code that writes readings."""
    if not settings.influx.url:
        return [not_set(PART, "readings go to no InfluxDB; alerts do not need it", "set influx.url")]
    server = InfluxServer(replace(influx_options(settings), timeout_s=TRY_S))
    try:
        answer = await server.write(server.encode(NO_POINTS))
    finally:
        await server.aclose()
    return [_told(settings.influx, answer)]


def _told(chosen: Influx, answer: Answer) -> Finding:
    if answer.verdict is Verdict.WRITTEN or _only_lacks_points(answer):
        return good(PART, f"{chosen.url} would take writes to {chosen.bucket}")
    words = f" ({answer.words})" if answer.words else ""
    return bad(PART, f"{chosen.url}: {answer.verdict.reason}{words}", answer.verdict.remedy)


def _only_lacks_points(answer: Answer) -> bool:
    """2.x may say so, after it has checked token, bucket and rights."""
    return answer.verdict is Verdict.REFUSED and "requires points" in answer.words
