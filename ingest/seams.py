"""What ingest asks of the world around it, so that tests and the demo can give another."""

from __future__ import annotations

from typing import Protocol

NS_PER_MS = 1_000_000


class Clock(Protocol):
    """The one source of time. `carewatch.clock` has a wall, a scaled and a stepped one."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""

    async def sleep_until(self, time_ns: int) -> None:
        """Return when `now_ns()` has reached `time_ns`."""


class SettableClock(Clock, Protocol):
    """A clock that notices when the machine's wall clock is set."""

    def take_step(self) -> int:
        """Nanoseconds by which the wall clock was set since the last call; 0 if it was not."""


def now_ms(clock: Clock) -> int:
    """Milliseconds since 1970 UTC."""
    return clock.now_ns() // NS_PER_MS
