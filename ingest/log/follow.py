"""Following a log as it grows, from any process: a consumer meets a record within 20 ms of its commit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ingest.log.contract import LogOutdatedError
from ingest.log.sqlite_reader import SqliteLogReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from ingest.log.contract import Record

log = structlog.get_logger(__name__)

OUTDATED_POLL_S = 1.0
POLL_S = 0.01
"""Between two looks at `PRAGMA data_version`, which costs microseconds. Real seconds, never the clock seam's: a stepped
or scaled clock moves by what the log tells, so it cannot time the reading of it."""


async def follow(
    reader: SqliteLogReader, after: int, limit: int = 256, poll_s: float = POLL_S
) -> AsyncIterator[Sequence[Record]]:
    """The records after offset `after`, in lists of up to `limit`, for ever; waits while there are none.

    Raises
    ------
    LogError
        As `read` does; the caller decides whether to begin again from the last offset it met.
    """
    while True:
        version = reader.version()
        while records := await asyncio.to_thread(reader.read, after, limit):
            after = records[-1].offset
            yield records
        while reader.version() == version:  # noqa: ASYNC110 - the event happens in another process
            await asyncio.sleep(poll_s)


async def wait_for_log(path: Path, poll_s: float = 0.1) -> SqliteLogReader:
    """A reader of the log, as soon as ingest has made it, or brought an older one up.

    Raises
    ------
    LogError
        The file is there, and is no log that this carewatch reads.
    """
    while True:
        if await asyncio.to_thread(path.exists):
            try:
                return await asyncio.to_thread(SqliteLogReader, path)
            except LogOutdatedError as error:
                log.info("log_is_older", problem=str(error))
                poll_s = max(poll_s, OUTDATED_POLL_S)
        await asyncio.sleep(poll_s)
