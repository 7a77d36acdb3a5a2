"""Roles are started, started again, and ended together. A role here is a script that does what a test says."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from carewatch import supervisor
from carewatch.supervisor import RoleFailedError, Supervisor, until_told
from tests.servers.waiting import eventually

ROLE = """
import os, pathlib, signal, sys, time
name = sys.argv[2]
lives = pathlib.Path(os.environ["LIVES"])
began = len(list(lives.glob(f"{name}.*")))
(lives / f"{name}.{began}").write_text(str(os.getpid()))
plan = os.environ.get(f"PLAN_{name}", "").split(",")
step = plan[began] if began < len(plan) else "stay"
if step.isdigit():
    sys.exit(int(step))
if step == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (lives / "ready").touch()
if step == "stdin":
    sys.stdin.read()
    sys.exit(0)
time.sleep(60)
"""


class Town:
    """A folder in which each life of each role leaves a file with its process id."""

    def __init__(self, folder: Path) -> None:
        self.lives_folder = folder / "lives"
        self.lives_folder.mkdir()
        (folder / "carewatch").mkdir()
        (folder / "carewatch" / "__main__.py").write_text(ROLE)
        self._environment = {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1", "LIVES": str(self.lives_folder)}

    def supervisor(self, **plans: str) -> Supervisor:
        return Supervisor(self._environment | {f"PLAN_{name}": plan for name, plan in plans.items()})

    def pids(self, role: str) -> list[int]:
        texts = [path.read_text() for path in sorted(self.lives_folder.glob(f"{role}.*"))]
        return [int(text) for text in texts if text]


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.01)
    return Town(tmp_path)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def lives(town: Town, role: str, count: int) -> list[int]:
    await eventually(lambda: len(town.pids(role)) >= count, why=f"life {count} of {role}")
    return town.pids(role)


async def test_a_role_that_dies_is_started_again_and_the_other_is_left_alone(town):
    task = asyncio.create_task(town.supervisor(ingest="1,0").run(["ingest", "alerts"]))
    first = await lives(town, "ingest", 3)
    os.kill(first[2], signal.SIGKILL)
    await lives(town, "ingest", 4)
    assert len(town.pids("alerts")) == 1
    await ended(task)


async def test_the_pause_before_a_restart_doubles(town):
    with capture_logs() as told:
        task = asyncio.create_task(town.supervisor(ingest="1,1,1").run(["ingest"]))
        await lives(town, "ingest", 4)
        await ended(task)
    pauses = [(line["exit_code"], line["restart_in_s"]) for line in told if line["event"] == "role_ended"]
    assert pauses == [(1, 0.01), (1, 0.02), (1, 0.04)]


async def test_when_a_role_cannot_run_as_it_is_set_up_everything_stops(town):
    task = asyncio.create_task(town.supervisor(alerts="2").run(["ingest", "alerts"]))
    await asyncio.wait({task}, timeout=20)
    assert task.done()
    failure = task.exception()
    assert isinstance(failure, ExceptionGroup)
    assert failure.subgroup(RoleFailedError)
    assert "alerts cannot run" in str(failure.exceptions[0])
    assert all(is_gone(pid) for pid in town.pids("ingest"))
    assert len(town.pids("alerts")) == 1


async def test_a_role_that_ran_and_then_cannot_start_is_tried_again_and_stops_nobody(town):
    task = asyncio.create_task(town.supervisor(ingest="1,2,2").run(["ingest", "alerts"]))
    await lives(town, "ingest", 4)
    assert not task.done()
    assert len(town.pids("alerts")) == 1
    await ended(task)


async def test_ending_the_supervisor_ends_every_role(town):
    task = asyncio.create_task(town.supervisor().run(["ingest", "alerts"]))
    pids = [*await lives(town, "ingest", 1), *await lives(town, "alerts", 1)]
    await ended(task)
    assert all(is_gone(pid) for pid in pids)


async def test_a_role_that_does_not_end_when_asked_is_killed(town, monkeypatch):
    monkeypatch.setattr(supervisor, "STOP_WITHIN_S", 0.1)
    task = asyncio.create_task(town.supervisor(ingest="deaf").run(["ingest"]))
    [pid] = await lives(town, "ingest", 1)
    await eventually((town.lives_folder / "ready").exists, why="the role to be deaf")
    with capture_logs() as told:
        await ended(task)
    assert is_gone(pid)
    assert "role_killed" in {line["event"] for line in told}


async def test_a_roles_standard_input_stays_open_as_long_as_we_live(town):
    task = asyncio.create_task(town.supervisor(ingest="stdin,stay").run(["ingest", "alerts"]))
    await lives(town, "ingest", 1)
    await lives(town, "alerts", 1)
    assert not is_gone(town.pids("ingest")[0])
    await ended(task)
    assert len(town.pids("ingest")) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_work_in_order(number):
    steps = []

    async def work() -> None:
        steps.append("began")
        try:
            os.kill(os.getpid(), number)
            await asyncio.sleep(30)
        finally:
            steps.append("left in order")

    await until_told(work())
    assert steps == ["began", "left in order"]


async def test_what_a_group_of_roles_failed_of_is_said_plainly():
    async def fail() -> None:
        raise RoleFailedError("ingest cannot run as it is set up")

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    with pytest.raises(RoleFailedError, match="ingest cannot run"):
        await until_told(work())
