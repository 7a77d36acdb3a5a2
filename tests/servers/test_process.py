"""How a server's process is started, waited for and ended."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.servers.process import Process, accepts, free_port, program

if TYPE_CHECKING:
    from pathlib import Path


def shell(script: str, folder: Path, ready: str = "ready") -> Process:
    log = folder / "log"
    return Process(["sh", "-c", script], log, lambda: log.exists() and ready in log.read_text())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_stopped_process_is_gone(tmp_path: Path) -> None:
    process = shell("echo ready; exec sleep 600", tmp_path)
    process.start()
    assert process.running is not None
    pid = process.running.pid
    assert is_alive(pid)
    process.stop()
    assert not is_alive(pid)


def test_a_killed_process_has_no_chance_to_save(tmp_path: Path) -> None:
    process = shell(f"trap 'touch {tmp_path}/saved; exit' TERM; echo ready; while :; do sleep 0.05; done", tmp_path)
    process.start()
    process.kill()
    assert not (tmp_path / "saved").exists()
    process.log.unlink()  # whose "ready" is of the first one
    process.start()
    process.stop()
    assert (tmp_path / "saved").exists()


def test_a_process_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"ended at once with 3(.|\n)*the port is taken"):
        shell("echo the port is taken; exit 3", tmp_path).start()


def test_a_process_that_is_never_ready_shows_its_log_and_is_gone(tmp_path: Path) -> None:
    process = shell("echo $$; exec sleep 600", tmp_path)
    with pytest.raises(AssertionError, match=r"waited 0\.5 s in vain for sh to be ready") as late:
        process.start(within_s=0.5)
    assert not is_alive(int(str(late.value).split()[-1]))


def test_one_starts_only_once(tmp_path: Path) -> None:
    process = shell("echo ready; exec sleep 600", tmp_path)
    process.start()
    with pytest.raises(AssertionError, match="runs already"):
        process.start()
    process.stop()
    process.stop()  # a fixture may stop what the test has stopped


def test_a_process_that_died_by_itself_can_be_stopped_and_started(tmp_path: Path) -> None:
    process = shell("echo ready; exec sleep 600", tmp_path)
    process.start()
    assert process.running is not None
    os.kill(process.running.pid, signal.SIGKILL)
    process.stop()
    process.log.unlink()
    process.start()
    process.stop()


def test_nobody_listens_on_a_free_port() -> None:
    assert not accepts(free_port())


def test_a_program_that_is_not_here_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-server is not on this machine; `make servers` gets it"):
        program("no-such-server")


def test_in_ci_a_program_that_is_not_here_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-server"):
        program("no-such-server")
