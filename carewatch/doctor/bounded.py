"""Every check has a bound and none raises: what goes wrong inside one is its finding."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

from carewatch.doctor.finding import Finding, bad

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from carewatch.settings import Settings

    Check = Callable[[Settings], Coroutine[None, None, Sequence[Finding]]]

T = TypeVar("T")

BOUND_S = 5.0
TRY_S = 4.0
"""For a single connection, so that its own words come before the bound cuts it off."""


async def looked_at(part: str, check: Check, settings: Settings, bound_s: float = BOUND_S) -> Sequence[Finding]:
    """The check's findings; a BAD one when it takes longer than `bound_s` or fails in a way it does not know."""
    try:
        async with asyncio.timeout(bound_s):
            return await check(settings)
    except TimeoutError:
        return [bad(part, f"no answer within {bound_s:g} s", "see whether it hangs: its disk, network or server")]
    except Exception as error:  # noqa: BLE001 - whatever a check meets is told as its finding
        return [bad(part, f"{type(error).__name__}: {error}", "this is not foreseen; look at what it names")]


async def in_thread(work: Callable[[], T]) -> T:
    """As asyncio.to_thread, but one that hangs (a dead network disk) holds up neither us nor the program's end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if done.done():  # the bound was faster
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # None only where T is

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - raised again where the result is awaited
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, result, failure)

    threading.Thread(target=run, name="doctor", daemon=True).start()
    return await done
