"""Starts the roles, each in a process of its own, and starts again what dies, with back-off."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

log = structlog.get_logger(__name__)

ROLES = ("ingest", "alerts")
EXIT_CONFIGURATION = 2
"""A role that begins so would end so again: everything stops, and says why. One that ran before is tried again: the
other roles, and who is being called, do not depend on it."""
FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S = 0.5, 30.0, 60.0
STOP_WITHIN_S = 15.0


SUPERVISED = "CAREWATCH_SUPERVISED"
"""Set in a role's environment: its standard input ends when we do."""


class RoleFailedError(Exception):
    """A role cannot run as things stand; its own words are on standard error."""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """`environment`: of the roles; settings reach them through it. `output`: where they write, default: as we do."""

    environment: Mapping[str, str]
    output: IO[bytes] | None = None

    async def run(self, roles: Sequence[str]) -> None:
        """Until cancelled. Raises `RoleFailedError` when a role says that its configuration is wrong."""
        async with asyncio.TaskGroup() as group:
            for role in roles:
                group.create_task(self._keep_running(role))

    async def _keep_running(self, role: str) -> None:
        loop = asyncio.get_running_loop()
        pause_s, has_run = FIRST_PAUSE_S, False
        while True:
            began_s = loop.time()
            code = await self._run_once(role)
            if code == EXIT_CONFIGURATION and not has_run:
                raise RoleFailedError(f"{role} cannot run as it is set up; see its words above")
            has_run = True
            if loop.time() - began_s > STEADY_S:
                pause_s = FIRST_PAUSE_S
            log.error("role_ended", ended=role, exit_code=code, restart_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _run_once(self, role: str) -> int:
        # Its standard input stays open as long as we live: a role whose supervisor was killed ends by itself.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "carewatch",
            "role",
            role,
            stdin=asyncio.subprocess.PIPE,
            stdout=self.output,
            stderr=self.output,
            env={**self.environment, SUPERVISED: "1"},
            start_new_session=True,  # Ctrl-C is for us: we end the roles in order
        )
        log.info("role_started", started=role, pid=process.pid)
        try:
            return await process.wait()
        finally:
            await _ended(process, role)


async def until_told(work: Coroutine[Any, Any, None]) -> None:
    """Do the work until SIGTERM or SIGINT; then cancel it and wait for its end."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("asked_to_end")
    except ExceptionGroup as group:
        raise first_of(group) from None


def first_of(error: Exception) -> Exception:
    """What a group of tasks failed of."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _ended(process: asyncio.subprocess.Process, role: str) -> None:
    """Ask it to end and wait; a role that does not is killed: its files are safe at any moment."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(asyncio.shield(process.wait()), STOP_WITHIN_S)
    except TimeoutError:
        log.warning("role_killed", killed=role, waited_s=STOP_WITHIN_S)
        process.kill()
        await process.wait()
