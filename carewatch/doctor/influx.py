"""Whether InfluxDB would take what we write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carewatch.doctor.bounded import TRY_S
from carewatch.doctor.finding import Finding, bad, good, not_set
from ingest.influx.answers import Verdict
from ingest.influx.options import InfluxOptions
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
    server = InfluxServer(_options(settings.influx))
    try:
        answer = await server.write(server.encode(NO_POINTS))
    finally:
        await server.aclose()
    return [_told(settings.influx, answer)]


def _options(chosen: Influx) -> InfluxOptions:
    return InfluxOptions(
        chosen.url,
        api=chosen.api,
        org=chosen.org,
        bucket=chosen.bucket,
        token=chosen.token.get_secret_value(),
        username=chosen.username,
        password=chosen.password.get_secret_value(),
        timeout_s=TRY_S,
    )


def _told(chosen: Influx, answer: Answer) -> Finding:
    if answer.verdict is Verdict.WRITTEN or _only_lacks_points(answer):
        return good(PART, f"{chosen.url} would take writes to {chosen.bucket}")
    words = f" ({answer.words})" if answer.words else ""
    return bad(PART, f"{chosen.url}: {answer.verdict.reason}{words}", answer.verdict.remedy)


def _only_lacks_points(answer: Answer) -> bool:
    """2.x may say so, after it has checked token, bucket and rights."""
    return answer.verdict is Verdict.REFUSED and "requires points" in answer.words
