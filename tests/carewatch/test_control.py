"""The owner's socket: asked by the command line and the board."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from carewatch.control import ControlError, ControlSocket, ask, is_served
from carewatch.roles.watch_actions import register_watches, retire_watch, watch_actions
from ingest.log.sqlite import SqliteLog
from ingest.watches import Watches
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path


async def in_turn(work: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(work)


@asynccontextmanager
async def served(path: Path, actions: dict[str, Any]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(ControlSocket(path, actions).run())
    await eventually(lambda: is_served(path), why="the socket to be served")
    yield task
    task.cancel()
    await asyncio.wait({task}, timeout=10)
    assert task.done()


async def asked(path: Path, do: str, **arguments: Any) -> dict[str, Any]:
    return await asyncio.to_thread(ask, path, do, **arguments)


async def echo(request: dict[str, Any]) -> dict[str, Any]:
    return {"said": request["word"]}


async def refuse(_request: dict[str, Any]) -> dict[str, Any]:
    raise ValueError("not today")


ACTIONS = {"echo": echo, "refuse": refuse}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    one = SqliteLog(tmp_path / "readings.sqlite")
    yield one
    one.close()


async def test_what_is_asked_is_done_and_answered(tmp_path):
    async with served(tmp_path / "s", ACTIONS):
        assert await asked(tmp_path / "s", "echo", word="独居") == {"ok": True, "said": "独居"}


async def test_a_wrong_request_is_answered_with_what_is_known(tmp_path):
    async with served(tmp_path / "s", ACTIONS):
        with pytest.raises(ControlError, match="known: echo, refuse"):
            await asked(tmp_path / "s", "sing")
        with pytest.raises(ControlError, match="echo: the request lacks 'word'"):
            await asked(tmp_path / "s", "echo")


@pytest.mark.parametrize("line", [b"hello\n", b"[]\n", b'{"do": []}\n', b"7\n", b"\xff\n"])
async def test_a_line_that_is_no_request_is_answered_and_the_next_one_is_served(tmp_path, line):
    async with served(tmp_path / "s", ACTIONS):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(line)
        assert b"known: echo, refuse" in await reader.readline()
        writer.write(b'{"do": "echo", "word": 1}\n')
        assert b'"ok": true' in await reader.readline()
        writer.close()


async def test_a_refusal_has_the_owners_words_and_the_owner_goes_on(tmp_path):
    async with served(tmp_path / "s", ACTIONS):
        with pytest.raises(ControlError, match="not today"):
            await asked(tmp_path / "s", "refuse")
        assert (await asked(tmp_path / "s", "echo", word=1))["said"] == 1


async def test_only_the_owner_user_may_connect(tmp_path):
    async with served(tmp_path / "s", ACTIONS):
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


async def test_a_socket_left_by_a_killed_process_is_replaced_and_ours_is_taken_away(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert not is_served(path)
    async with served(path, ACTIONS):
        assert (await asked(path, "echo", word=1))["ok"]
    assert not path.exists()
    with pytest.raises(OSError, match="No such file"):
        await asked(path, "echo", word=1)


async def test_an_asker_who_idles_does_not_hold_the_end_up(tmp_path):
    async with served(tmp_path / "s", ACTIONS) as serving:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(b'{"do": "echo", "word": 1}\n')
        await reader.readline()
        serving.cancel()
        await asyncio.wait({serving}, timeout=10)
        assert serving.done()
        assert await reader.read() == b""
        writer.close()


def test_a_path_that_no_socket_can_have_is_named_with_the_remedy(tmp_path):
    path = tmp_path / ("x" * 120) / "ingest.socket"
    with pytest.raises(ControlError, match=r"107: put log\.path into a folder with a shorter name"):
        ControlSocket(path, ACTIONS)


async def test_watches_are_registered_and_retired_for_good(tmp_path, log):
    watches = Watches()
    async with served(tmp_path / "s", watch_actions(log, watches, in_turn)):
        ids = [f"w{n}" for n in range(45)]
        assert (await asked(tmp_path / "s", "register", watch_ids=ids))["registered"] == 45
        assert (await asked(tmp_path / "s", "register", watch_ids=["w1", "w45"]))["registered"] == 1
        assert (await asked(tmp_path / "s", "retire", watch_id="w1"))["retired"] is True
        assert (await asked(tmp_path / "s", "retire", watch_id="nobody"))["retired"] is False
    kept = log.watches()
    assert [watch.watch_id for watch in kept] == [*ids, "w45"]
    assert [watch.watch_id for watch in kept if watch.retired] == ["w1"]
    assert kept == [watches.at(index) for index in range(46)]


async def test_with_one_bad_id_no_watch_is_registered(tmp_path, log):
    async with served(tmp_path / "s", watch_actions(log, Watches(), in_turn)):
        with pytest.raises(ControlError, match="watch id 'w 2': 1 to 64 of"):
            await asked(tmp_path / "s", "register", watch_ids=[*(f"w{n}" for n in range(45)), "w 2"])
        with pytest.raises(ControlError, match="watch id 7"):
            await asked(tmp_path / "s", "register", watch_ids=["w1", 7])
        with pytest.raises(ControlError, match="give a list of ids"):
            await asked(tmp_path / "s", "register", watch_ids="w1")
        with pytest.raises(ControlError, match="register: the request lacks 'watch_ids'"):
            await asked(tmp_path / "s", "register")
    assert log.watches() == []


def test_registering_a_stranger_or_a_retired_watch_makes_it_known_again(log):
    watches = Watches()
    watches.meet("stranger")
    log.put_watch(watches.at(0))
    assert register_watches(log, watches, ["stranger", "stranger"]) == 1
    assert watches.provisional == 0
    retire_watch(log, watches, "stranger")
    assert register_watches(log, watches, ["stranger"]) == 1
    [kept] = log.watches()
    assert not kept.retired
    assert not kept.provisional


def test_an_asker_is_not_kept_waiting_for_ever(tmp_path):
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "s"))
        deaf.listen()
        with pytest.raises(TimeoutError):
            ask(tmp_path / "s", "echo", timeout_s=0.05)


def test_an_owner_who_ends_without_an_answer_is_told_so(tmp_path):
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind(str(tmp_path / "s"))
        dying.listen()

        def hang_up() -> None:
            connection, _ = dying.accept()
            connection.recv(1000)
            os.close(connection.detach())

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(ControlError, match="no answer"):
            ask(tmp_path / "s", "echo")
        thread.join()
