"""One server process: started, waited for, stopped with proof; its log is kept for when a test fails."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.servers import catalogue
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# Below the kernel's range for outgoing connections (from 32768 on), so that no client of another test
# takes the port of a server while that is stopped.
_FIRST_PORT, _LAST_PORT = 20_000, 32_000
LOG_CHARACTERS = 6_000


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens now."""
    while True:
        port = _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def program(name: str) -> str:
    """The path of a server's program. Without it the test is skipped, in CI (`CI=true`) it fails."""
    found = catalogue.find(name)
    if found is not None:
        return str(found)
    reason = f"{name} is not on this machine; `make servers` gets it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def accepts(port: int) -> bool:
    """Whether something accepts connections on 127.0.0.1:`port`."""
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A server's process with its log file. `start` again after `stop` or `kill` gives the same command anew."""

    def __init__(self, command: Sequence[str], log: Path, ready: Callable[[], bool]) -> None:
        self.command = list(command)
        self.log = log
        self.ready = ready
        self.running: subprocess.Popen[bytes] | None = None

    def start(self, within_s: float = 30.0) -> None:
        """Return when the server is ready; AssertionError with its log when it ends or is late."""
        if self.running is not None:
            raise AssertionError(f"{self.command[0]} runs already")
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.log.parent
            )
        try:
            wait_until(self._ready_or_ended, within_s, f"{self.command[0]} to be ready")
        except AssertionError as late:
            self.kill()
            raise AssertionError(f"{late}\n{self.tail()}") from None
        if self.running.poll() is not None:
            code, self.running = self.running.returncode, None
            raise AssertionError(f"{self.command[0]} ended at once with {code}\n{self.tail()}")

    def _ready_or_ended(self) -> bool:
        return self.running is None or self.running.poll() is not None or self.ready()

    def stop(self) -> None:
        """Ask it to end and wait; kill it after 10 s. Afterwards it is gone."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9: no chance to save anything."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.running is None:
            return
        self.running.send_signal(how)
        try:
            self.running.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
        self.running = None

    def tail(self) -> str:
        """The end of the log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"--- {self.log.name}\n{text[-LOG_CHARACTERS:]}"

    def show_log(self) -> None:
        """Write the log's end to standard output, which pytest shows for a failed test only."""
        sys.stdout.write(self.tail())
