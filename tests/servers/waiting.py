"""Wait for a condition, with a bound: what a test does instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, TypeVar, cast, overload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

POLL_S = 0.02


def wait_until(condition: Callable[[], T], within_s: float = 10.0, why: str = "the condition") -> T:
    """Call `condition` until it gives something true, and return that.

    Raises
    ------
    AssertionError
        When `within_s` have passed; it names `why` and what the condition gave last.
    """
    end = time.monotonic() + within_s
    while not (got := condition()):
        if time.monotonic() >= end:
            raise AssertionError(_late(why, within_s, got))
        time.sleep(POLL_S)
    return got


@overload
async def eventually(condition: Callable[[], Awaitable[T]], within_s: float = ..., why: str = ...) -> T: ...
@overload
async def eventually(condition: Callable[[], T], within_s: float = ..., why: str = ...) -> T: ...
async def eventually(
    condition: Callable[[], T | Awaitable[T]], within_s: float = 10.0, why: str = "the condition"
) -> T:
    """`wait_until` for async tests; the loop runs on meanwhile. `condition` may itself be async."""
    end = time.monotonic() + within_s
    while not (got := await _value_of(condition)):
        if time.monotonic() >= end:
            raise AssertionError(_late(why, within_s, got))
        await asyncio.sleep(POLL_S)
    return got


async def _value_of(condition: Callable[[], T | Awaitable[T]]) -> T:
    got = condition()
    return cast("T", await got if inspect.isawaitable(got) else got)


def _late(why: str, within_s: float, got: object) -> str:
    return f"waited {within_s:g} s in vain for {why}; last seen: {got!r}"
