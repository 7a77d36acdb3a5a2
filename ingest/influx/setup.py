"""`carewatch influx setup`: the bucket (1.x: database and retention policy) that readings go to, and their hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from ingest.influx.setup_1 import Setup1
from ingest.influx.setup_2 import Setup2
from ingest.influx.steps import SetupError, Step

if TYPE_CHECKING:
    from ingest.influx.options import InfluxOptions


def set_up(
    options: InfluxOptions,
    keep_days: int,
    hourly_days: int | None = None,
    transport: httpx.BaseTransport | None = None,
) -> tuple[Step, ...]:
    """Make the bucket of `options`, or set its retention to `keep_days` (0: for ever). Safe to repeat.

    `hourly_days`: how long the hours are kept (hourly.py; 0: for ever); None makes none.

    Raises
    ------
    SetupError
        Not reachable, or refused; what was done before it stays, and the next call goes on from there.
    """
    with httpx.Client(base_url=options.url, timeout=options.timeout_s, transport=transport) as client:
        try:
            setup = Setup2(client, options) if _is_2(client.get("/ping")) else Setup1(client, options)
            return tuple(setup.run(keep_days, hourly_days))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SetupError(f"{options.url}: {error}; start InfluxDB or correct influx.url") from error


def _is_2(ping: httpx.Response) -> bool:
    """By the headers of /ping; a 1.8 that somebody built from source calls itself `unknown`."""
    version: str = ping.headers.get("X-Influxdb-Version", "").removeprefix("v")
    build: str = ping.headers.get("X-Influxdb-Build", "")
    return version.startswith("2.") or build.lower().startswith("cloud")
