"""What the simulator asks of the world around it, so that tests and the demo can give another."""

from __future__ import annotations

from typing import Protocol

NS_PER_MS = 1_000_000


class Clock(Protocol):
    """The one source of time: the wall's, a scaled one (the demo at 60x) or a stepped one (tests)."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""

    async def sleep_until(self, time_ns: int) -> None:
        """Return when `now_ns()` has reached `time_ns`."""


def now_ms(clock: Clock) -> int:
    """Milliseconds since 1970 UTC."""
    return clock.now_ns() // NS_PER_MS
