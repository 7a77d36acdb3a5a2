"""When a watch sends again: emergencies one by one, everything else in one backlog array at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from simulator.buffer import Held

EMERGENCY_WAITS_MS = (3_000, 6_000, 12_000, 24_000, 30_000)
ARRAY_WAITS_MS = (30_000, 60_000, 120_000, 240_000, 480_000, 900_000)
LONGEST_MS = ARRAY_WAITS_MS[-1]
JITTER = 0.2
FULL_ARRAY = 500
VAIN_BEFORE_HALVING = 3


def emergency_due_ms(held: Held) -> int:
    """When an emergency is sent (again), in true ms; 0: at once."""
    if held.sent_ms is None:
        return 0
    return held.sent_ms + EMERGENCY_WAITS_MS[min(held.sends, len(EMERGENCY_WAITS_MS)) - 1]


class ArrayInFlight:
    """The one backlog array that may be under way, how long to wait for its receipt, and how large the next may be.

    `uniform(low, high)` draws the jitter. `size`: readings in the next array at most. `first_wait_ms`: how long a
    reading that was sent alone waits for its receipt before it joins an array.
    """

    def __init__(self, uniform: Callable[[float, float], float]) -> None:
        self._uniform = uniform
        self._members: set[Held] = set()
        self._reset()

    def _reset(self) -> None:
        self._vain = 0
        self._answered = False
        self._sent_ms: int | None = None
        self._wait_ms = 0
        self.first_wait_ms = self._jittered(ARRAY_WAITS_MS[0])
        self.size = FULL_ARRAY

    def __contains__(self, held: Held) -> bool:
        return held in self._members

    def _jittered(self, wait_ms: int) -> int:
        return round(wait_ms * self._uniform(1 - JITTER, 1 + JITTER))

    @property
    def due_ms(self) -> int | None:
        """When the array in flight is given up, and no other may go before; None: none is in flight."""
        return None if self._sent_ms is None else self._sent_ms + self._wait_ms

    def sent(self, members: Iterable[Held], now_ms: int) -> None:
        """An array went out."""
        self._members = set(members)
        self._answered = False
        self._sent_ms = now_ms
        self._wait_ms = self._jittered(ARRAY_WAITS_MS[min(self._vain, len(ARRAY_WAITS_MS) - 1)])

    def receipted(self, gone: Iterable[Held]) -> None:
        """These are kept; when it was the last of the array, the next may follow at once and at full size."""
        if self._sent_ms is None:
            return
        before = len(self._members)
        self._members.difference_update(gone)
        self._answered = self._answered or len(self._members) < before
        if not self._members:
            self._reset()

    def overdue(self) -> Held | None:
        """The array waited in vain: after three times the next is half as large.

        Returns the reading that was sent alone three times for nothing: it is to go last from now on.
        """
        self._vain = 0 if self._answered else self._vain + 1
        if self._vain == 0 or self._vain % VAIN_BEFORE_HALVING:
            return None
        if len(self._members) > 1:
            self.size = len(self._members) // 2
            return None
        stubborn = next(iter(self._members))
        self._reset()
        return stubborn

    def drop(self) -> None:
        """The connection is gone, and the array with it."""
        self._members = set()
        self._reset()
