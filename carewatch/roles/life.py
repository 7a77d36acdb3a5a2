"""How a role lives and ends: until a signal, or until whoever started it is gone."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from carewatch.clock import ScaledClock, WallClock
from carewatch.status import write_status
from carewatch.supervisor import SUPERVISED
from ingest.log.contract import LogError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from pathlib import Path
    from typing import Any

    from carewatch.settings import Settings
    from carewatch.status import RoleStatus

log = structlog.get_logger(__name__)
T = TypeVar("T")

STATUS_EVERY_S = 1.0


class Ended(Exception):  # noqa: N818 - no error: the way to end a group of tasks
    """The role was asked to end."""


def clock_of(settings: Settings) -> WallClock | ScaledClock:
    """Real time, or the demo's."""
    scaled = settings.clock
    if scaled.speed == 1.0:
        return WallClock()
    return ScaledClock(scaled.speed, scaled.origin_ns, scaled.origin_boot_ns)


def stay_out_of_collections() -> None:
    """Call when all is built that lives as long as the process: no full collection looks through it again (ADR 10).

    The modules alone cost each 30 ms, a registry of a million watches 20 more: so long an SOS would wait.
    """
    gc.collect()
    gc.freeze()


def told_to_end() -> asyncio.Event:
    """Set by SIGTERM, SIGINT or the supervisor's end; ask once a process, before anything that can wait."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    if os.environ.get(SUPERVISED):
        stdin = sys.stdin.fileno()

        def supervisor_gone() -> None:
            loop.remove_reader(stdin)
            told.set()

        loop.add_reader(stdin, supervisor_gone)  # readable only at its end: nobody writes to us
    return told


async def made(work: Coroutine[Any, Any, T], told: asyncio.Event) -> T | None:
    """What the work makes, however long it waits; None if we are told to end before. Raises what it raises."""
    making, ending = asyncio.ensure_future(work), asyncio.ensure_future(told.wait())
    await asyncio.wait({making, ending}, return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    if making.done():
        return making.result()
    making.cancel()
    await asyncio.wait({making})
    log.info("role_asked_to_end")
    return None


async def live(*tasks: Coroutine[Any, Any, object], told: asyncio.Event | None = None) -> None:
    """Run the tasks together until told to end; then cancel them and wait."""
    ending = told_to_end() if told is None else told
    try:
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(task)
            group.create_task(_until(ending))
    except* Ended:
        log.info("role_asked_to_end")


async def _until(told: asyncio.Event) -> None:
    await told.wait()
    raise Ended


async def follow_the_wall(clock: WallClock | ScaledClock, moved: Callable[[int], Awaitable[None]]) -> None:
    """Go with the wall clock when somebody sets it (a machine without a battery boots in the past): each second look.

    `moved` is told by how many ns; it is told again until it does not raise.
    """
    step_ns = 0
    while True:
        step_ns += clock.take_step()
        if step_ns:
            log.warning("wall_clock_set", step_ms=step_ns // 1_000_000)
            try:
                await moved(step_ns)
                step_ns = 0
            except SQLAlchemyError as error:
                log.exception("store_failed", problem=str(error), remedy="see the disk and store.url; tried again")
        await asyncio.sleep(STATUS_EVERY_S)


async def keep_status(path: Path, status: Callable[[], Awaitable[RoleStatus]]) -> None:
    """Write what the role says of itself, each second. A disk that is full or fails must not end the role."""
    while True:
        try:
            await asyncio.to_thread(write_status, path, await status())
        except (OSError, LogError, SQLAlchemyError) as error:
            log.warning("status_not_written", problem=str(error), remedy="see the disk")
        await asyncio.sleep(STATUS_EVERY_S)
