"""The role `ingest` as an operator meets it: started wrongly, without its broker, asked for changes, ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiomqtt
import pytest

from carewatch.control import ControlError, ask
from carewatch.mendable import MENDABLE
from carewatch.roles.ingest import run_ingest
from carewatch.settings_sources import load_settings
from ingest.log.sqlite import SqliteLog
from tests.carewatch.one_role import IngestRole
from tests.ingest.pipeline.flow import heart
from tests.servers.process import free_port
from tests.servers.waiting import eventually, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.mosquitto import Mosquitto

NOBODY = f"mqtt://127.0.0.1:{free_port()}"


@pytest.fixture
def role_of(tmp_path: Path) -> Iterator[Callable[..., IngestRole]]:
    """`role_of("mqtt://...", CAREWATCH_...="...")`, started."""
    started: list[IngestRole] = []

    def start(url: str = NOBODY, **settings: str) -> IngestRole:
        started.append(IngestRole(tmp_path, url, **settings))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        if one.process is not None:
            one.kill()
        sys.stdout.write(one.words)


async def publish(broker: Mosquitto, topic: str, content: object) -> None:
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.publish(topic, json.dumps(content), qos=1)


async def refused(tmp_path: Path, **settings: str) -> str:
    """Why the role does not begin; `carewatch role` says just this, and ends with 2."""
    environment = IngestRole(tmp_path, NOBODY, **settings).environment
    file = environment.get("CAREWATCH_CONFIG")
    with pytest.raises(MENDABLE) as told:
        await run_ingest(load_settings(Path(file) if file else None, environment))
    return str(told.value)


def test_a_log_that_another_process_writes_is_named_with_that_process(role_of, tmp_path):
    log = SqliteLog(tmp_path / "var" / "readings.sqlite")
    code, words = role_of().ends()
    log.close()
    assert code == 2
    assert f"process {os.getpid()} writes this log already" in words
    assert "another log.path" in words
    assert "Traceback" not in words


async def test_a_folder_that_cannot_be_made_is_named_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("no folder")
    words = await refused(tmp_path, CAREWATCH_LOG__PATH=str(tmp_path / "file" / "readings.sqlite"))
    assert "cannot be made: " in words
    assert "give another log.path" in words


async def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(tmp_path):
    words = await refused(tmp_path, CAREWATCH_LOG__PATH="/proc/self/readings.sqlite")
    assert "/proc/self/readings.sqlite" in words
    assert "its folder must exist and be writable for us" in words


async def test_a_wrong_setting_is_answered_with_the_nearest_right_one(tmp_path):
    words = await refused(tmp_path, CAREWATCH_MQTT__CLIENT="x")
    assert "CAREWATCH_MQTT__CLIENT: no such setting; did you mean CAREWATCH_MQTT__CLIENT_ID?" in words


async def test_an_unknown_format_is_answered_with_the_known_ones(tmp_path):
    file = tmp_path / "carewatch.toml"
    file.write_text('[[sources]]\nfilter = "3g/+/up"\nformat = "watch_4g"\n')
    words = await refused(tmp_path, CAREWATCH_CONFIG=str(file))
    assert "format 'watch_4g' is not known; one of " in words


async def test_a_folder_whose_name_is_too_long_for_a_socket_is_said_at_the_start(tmp_path):
    folder = tmp_path / ("x" * 120)
    words = await refused(tmp_path, CAREWATCH_LOG__PATH=str(folder / "readings.sqlite"))
    assert "put log.path into a folder with a shorter name" in words


def test_watches_are_registered_while_it_runs_and_it_ends_in_order_though_someone_is_connected(role_of):
    role = role_of()
    role.waits_until_it_is_served()
    assert ask(role.socket, "register", watch_ids=["w1", "w2"])["registered"] == 2
    assert ask(role.socket, "retire", watch_id="w2")["retired"]
    with pytest.raises(ControlError, match="known: register, retire"):
        ask(role.socket, "dance")
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(str(role.socket))
        code, words = role.stop()
    assert code == 0
    assert "role_asked_to_end" in words
    with SqliteLogOf(role) as log:
        assert [(watch.watch_id, watch.retired) for watch in log.watches()] == [("w1", False), ("w2", True)]


class SqliteLogOf:
    """The log of a role that has ended: it has let go of it."""

    def __init__(self, role: IngestRole) -> None:
        self._log = SqliteLog(role.log_path)

    def __enter__(self) -> SqliteLog:
        return self._log

    def __exit__(self, *_: object) -> None:
        self._log.close()


@pytest.mark.parametrize("role", ["ingest", "alerts"])
def test_a_role_whose_supervisor_was_killed_ends_by_itself(tmp_path, role):
    """Ingest without its broker, and alerts alone, which waits for a log that nobody makes."""
    store = {"CAREWATCH_STORE__URL": f"sqlite:///{tmp_path / 'store.sqlite'}"}
    environment = IngestRole(tmp_path, NOBODY, **store).environment
    command = [sys.executable, "-m", "carewatch", "run", "--roles", role]
    words = tmp_path / "run.log"
    with words.open("wb") as stderr:
        supervisor = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=stderr)
    pids: list[int] = []
    try:
        wait_until(lambda: pids.extend(_children(supervisor.pid)) or pids, 30, "the role to start")
        if role == "ingest":
            wait_until((tmp_path / "var" / "ingest.status.json").exists, 30, "the role to run")
        else:
            wait_until((tmp_path / "store.sqlite").exists, 30, "the role to wait for the log")
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()
        wait_until(lambda: not _lives(pids[0]), 20, "the role to end")
        assert '"event": "role_asked_to_end"' in words.read_text()
    finally:
        supervisor.kill()
        supervisor.wait()
        for pid in filter(_lives, pids):
            os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    """A zombie that nobody has waited for yet has ended."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.server
async def test_it_starts_without_its_broker_says_so_with_the_remedy_and_recovers(role_of, mosquitto):
    mosquitto.stop()
    role = role_of(mosquitto.url)
    await eventually(lambda: "nothing listens there" in str(role.problems), 30, "the problem to be told")
    for problem in role.problems:
        assert problem.part == "broker"
        assert "nothing listens there" in problem.what
        assert problem.remedy == "start the broker, or correct host and port in mqtt.url"
        assert problem.is_grave
    mosquitto.start()
    await role.is_up()
    await publish(mosquitto, "watch/w1/heart_rate", heart(1))
    await eventually(role.rows, why="the reading")
    await eventually(lambda: role.status.counters["readings_committed"] == 1, why="it to be counted")
    assert role.problems == []
    code, _ = role.stop()
    assert code == 0
