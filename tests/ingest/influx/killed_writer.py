"""A writer in a process of its own, to be killed: `python -m ...killed_writer LOG URL BUCKET TOKEN`."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from carewatch.clock import WallClock
from ingest.influx.options import InfluxOptions
from ingest.influx.refused import RefusedPoints
from ingest.influx.server import InfluxServer
from ingest.influx.writer import InfluxWriter
from ingest.log.sqlite_reader import SqliteLogReader
from tests.ingest.influx.writing import FAST

LINES = 200


async def write_for_ever(log: str, url: str, bucket: str, token: str) -> None:
    options = InfluxOptions(url, bucket=bucket, token=token, **{**FAST, "batch_lines": LINES})
    refused = RefusedPoints(Path(log).with_name("refused.jsonl"))
    rng = random.Random(1)  # noqa: S311 - spreads retries
    await InfluxWriter(SqliteLogReader(log), InfluxServer(options), options, refused, WallClock(), rng=rng).run()


if __name__ == "__main__":
    asyncio.run(write_for_ever(*sys.argv[1:]))
