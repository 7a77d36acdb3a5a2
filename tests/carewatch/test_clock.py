"""The clock seam."""

from __future__ import annotations

import asyncio
import time

from carewatch.clock import NS_PER_S, ScaledClock, SteppedClock, WallClock


async def test_a_stepped_clock_wakes_sleepers_in_order_each_at_its_own_time():
    clock = SteppedClock(0)
    woke = []

    async def sleeper(at_s):
        await clock.sleep_until(at_s * NS_PER_S)
        woke.append((at_s, clock.now_ns() // NS_PER_S))

    async with asyncio.TaskGroup() as group:
        for at_s in (3, 1, 2):
            group.create_task(sleeper(at_s))
        await asyncio.sleep(0)
        await clock.step_to(2 * NS_PER_S)
        assert woke == [(1, 1), (2, 2)]
        await clock.step_to(9 * NS_PER_S)
    assert woke[-1] == (3, 3)


async def test_a_scaled_clock_runs_as_many_times_as_fast():
    clock = ScaledClock(1000.0, origin_ns=5 * NS_PER_S)
    twin = ScaledClock(1000.0, 5 * NS_PER_S, clock.origin_boot_ns)
    real_began = time.monotonic_ns()
    await clock.sleep_until(25 * NS_PER_S)
    assert time.monotonic_ns() - real_began >= 0.02 * NS_PER_S - 1_000_000
    assert clock.now_ns() >= 25 * NS_PER_S
    assert twin.now_ns() >= 25 * NS_PER_S


def test_a_wall_that_was_set_is_told_once(monkeypatch):
    clock = WallClock()
    assert clock.take_step() == 0
    before_ns = clock.now_ns()
    real_time_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real_time_ns() + 3600 * NS_PER_S)
    assert clock.now_ns() - before_ns < NS_PER_S
    assert abs(clock.take_step() - 3600 * NS_PER_S) < NS_PER_S
    assert clock.take_step() == 0
    assert clock.now_ns() - before_ns >= 3600 * NS_PER_S
