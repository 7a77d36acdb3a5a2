"""The clock seam: a wall, a scaled (demo) and a stepped (tests) form of one protocol."""

from __future__ import annotations

import asyncio
import heapq
import time

NS_PER_S = 1_000_000_000
STEP_LIMIT_NS = 2 * NS_PER_S
"""A wall clock further than this from the boot clock has been set."""


def _boot_ns() -> int:
    """Nanoseconds since boot, suspended time included; monotonic, the same in every process of the machine."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class WallClock:
    """Wall time carried by the boot clock: it never jumps by itself, `take_step` tells when the wall was set."""

    def __init__(self) -> None:
        self._boot_to_wall_ns = time.time_ns() - _boot_ns()

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""
        return _boot_ns() + self._boot_to_wall_ns

    async def sleep_until(self, time_ns: int) -> None:
        """Return when `now_ns()` has reached `time_ns`."""
        await _sleep_until(self, time_ns, 1.0)

    def take_step(self) -> int:
        """Nanoseconds by which the wall clock was set since the last call, if more than 2 s; else 0."""
        step_ns = time.time_ns() - self.now_ns()
        if abs(step_ns) <= STEP_LIMIT_NS:
            return 0
        self._boot_to_wall_ns += step_ns
        return step_ns


class ScaledClock:
    """Time that runs `speed` times as fast as the machine's, from `origin_ns` at boot time `origin_boot_ns`.

    Two processes with the same three numbers read the same time.
    """

    def __init__(self, speed: float, origin_ns: int, origin_boot_ns: int | None = None) -> None:
        self.speed = speed
        self.origin_ns = origin_ns
        self.origin_boot_ns = _boot_ns() if origin_boot_ns is None else origin_boot_ns

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC in scaled time."""
        return self.origin_ns + int((_boot_ns() - self.origin_boot_ns) * self.speed)

    async def sleep_until(self, time_ns: int) -> None:
        """Return when `now_ns()` has reached `time_ns`."""
        await _sleep_until(self, time_ns, self.speed)

    def take_step(self) -> int:
        """A scaled clock is never set."""
        return 0


async def _sleep_until(clock: WallClock | ScaledClock, time_ns: int, speed: float) -> None:
    left_ns = time_ns - clock.now_ns()
    while left_ns > 0:  # a sleep may end early, and the wall may be set meanwhile
        await asyncio.sleep(left_ns / speed / NS_PER_S)
        left_ns = time_ns - clock.now_ns()


class SteppedClock:
    """Stands still until a test steps it; sleepers wake in the order of their times."""

    def __init__(self, start_ns: int) -> None:
        self._now_ns = start_ns
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = 0

    def now_ns(self) -> int:
        """The time it was last stepped to."""
        return self._now_ns

    async def sleep_until(self, time_ns: int) -> None:
        """Return when the clock has been stepped to `time_ns`."""
        if time_ns <= self._now_ns:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (time_ns, self._order, woken))
        await woken

    async def step_to(self, time_ns: int) -> None:
        """Go to `time_ns`, waking each sleeper at its own time and letting it run."""
        while self._sleepers and self._sleepers[0][0] <= time_ns:
            due_ns, _, woken = heapq.heappop(self._sleepers)
            self._now_ns = max(self._now_ns, due_ns)
            if not woken.done():
                woken.set_result(None)
            await asyncio.sleep(0)
        self._now_ns = max(self._now_ns, time_ns)
        await asyncio.sleep(0)

    def take_step(self) -> int:
        """A stepped clock is never set."""
        return 0
