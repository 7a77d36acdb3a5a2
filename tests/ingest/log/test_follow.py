"""A consumer follows the log as it grows, in its own process or another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ingest.log.contract import LogError
from ingest.log.follow import follow, wait_for_log
from ingest.log.sqlite import SqliteLog
from ingest.log.sqlite_reader import SqliteLogReader
from tests.ingest.log.batches import T0_MS, batch, offsets
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.sqlite")
    yield opened
    opened.close()


async def test_what_is_there_comes_first_and_then_each_commit(log: SqliteLog) -> None:
    reader = SqliteLogReader(log.path)
    for n in range(7):
        log.append(batch(2, T0_MS + n))
    following = follow(reader, after=2, limit=3)

    assert offsets(await anext(following)) == [3, 4, 5]
    assert offsets(await anext(following)) == [6, 7]
    for offset in (8, 9, 10):
        waiting = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0)
        await asyncio.to_thread(log.tick, T0_MS + offset)
        assert offsets(await asyncio.wait_for(waiting, 10)) == [offset]
    await following.aclose()
    reader.close()


async def test_a_commit_between_reading_and_waiting_is_not_missed(log: SqliteLog) -> None:
    class Racing(SqliteLogReader):
        """Commits just after each read that found nothing."""

        def read(self, after, limit=256):
            found = super().read(after, limit)
            if not found and log.end() < 5:
                log.tick(T0_MS)
            return found

    reader = Racing(log.path)
    met: list[int] = []
    async with asyncio.timeout(10):
        async for records in follow(reader, after=0):
            met += offsets(records)
            if met[-1] == 5:
                break
    assert met == [1, 2, 3, 4, 5]
    reader.close()


async def test_an_alert_process_that_starts_first_waits_for_the_log(tmp_path: Path) -> None:
    looks: list[bool] = []

    class Watched(type(tmp_path)):
        def exists(self, **more: bool) -> bool:
            looks.append(super().exists(**more))
            return looks[-1]

    waiting = asyncio.ensure_future(wait_for_log(Watched(tmp_path / "log.sqlite"), poll_s=0.01))
    await eventually(lambda: len(looks) >= 3, why="three looks for the log")
    assert not waiting.done()

    log = SqliteLog(tmp_path / "log.sqlite")
    reader = await asyncio.wait_for(waiting, 10)
    assert reader.end() == 0
    reader.close()
    log.close()


async def test_waiting_ends_with_an_error_at_a_file_that_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").write_text("notes " * 500)

    with pytest.raises(LogError, match="not a database"):
        await wait_for_log(tmp_path / "log.sqlite")
