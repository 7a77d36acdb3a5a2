"""How a role keeps on living."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.exc import OperationalError

from carewatch.clock import NS_PER_S, WallClock
from carewatch.roles import life
from tests.servers.waiting import eventually

HOUR_NS = 3600 * NS_PER_S


@asynccontextmanager
async def in_background(work):
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_wall_clock_set_back_is_followed_and_told_until_it_is_taken(monkeypatch):
    monkeypatch.setattr(life, "STATUS_EVERY_S", 0.01)
    clock, told = WallClock(), []

    async def moved(step_ns):
        told.append(step_ns)
        if len(told) == 1:
            raise OperationalError("UPDATE", {}, OSError("disk full"))

    real_time_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real_time_ns() - HOUR_NS)
    async with in_background(life.follow_the_wall(clock, moved)):
        await eventually(lambda: len(told) == 2)
    assert told[0] == told[1]
    assert abs(told[0] + HOUR_NS) < NS_PER_S
    assert abs(clock.now_ns() - time.time_ns()) < NS_PER_S


async def test_a_store_that_cannot_be_read_does_not_end_the_role(tmp_path, monkeypatch):
    monkeypatch.setattr(life, "STATUS_EVERY_S", 0.01)
    asked = []

    async def status():
        asked.append(1)
        raise OperationalError("SELECT", {}, OSError("disk I/O error"))

    async with in_background(life.keep_status(tmp_path / "status", status)):
        await eventually(lambda: len(asked) > 2)
