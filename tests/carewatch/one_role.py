"""The role `ingest` as a process of its own, as systemd or `carewatch run` starts it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from carewatch.control import is_served
from carewatch.status import RoleStatus, read_status
from ingest.log.sqlite_reader import SqliteLogReader
from tests.ingest.pipeline.flow import rows_of
from tests.servers.waiting import eventually, wait_until

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from carewatch.status import Problem


class IngestRole:
    """`start`, `kill` (-9), `stop` (SIGTERM); what it logs goes on in one file over its lives."""

    def __init__(self, folder: Path, broker_url: str, **settings: str) -> None:
        self.folder = folder
        self.log_path = folder / "var" / "readings.sqlite"
        self.socket = folder / "var" / "ingest.socket"
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "CAREWATCH_MQTT__URL": broker_url,
            "CAREWATCH_LOG__PATH": str(self.log_path),
            **settings,
        }
        self._words = folder / "ingest.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._words.open("ab") as words:
            command = [sys.executable, "-m", "carewatch", "role", "ingest"]
            self.process = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stderr=words)

    def ends(self) -> tuple[int, str]:
        """Exit code, and everything said."""
        assert self.process is not None
        code = self.process.wait(timeout=30)
        self.process = None
        return code, self.words

    def stop(self) -> tuple[int, str]:
        assert self.process is not None
        self.process.terminate()
        return self.ends()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.ends()

    @property
    def words(self) -> str:
        return self._words.read_text()

    @property
    def status(self) -> RoleStatus | None:
        return read_status(self.folder / "var" / "ingest.status.json")

    @property
    def problems(self) -> list[Problem]:
        """Empty too while it has said nothing yet."""
        status = self.status
        return [] if status is None else list(status.problems)

    def rows(self) -> list[dict[str, Any]]:
        reader = SqliteLogReader(self.log_path)
        try:
            return rows_of(reader)
        finally:
            reader.close()

    def verify(self) -> int:
        reader = SqliteLogReader(self.log_path)
        try:
            return reader.verify()
        finally:
            reader.close()

    def waits_until_it_is_served(self) -> None:
        wait_until(lambda: is_served(self.socket), 30, "the role to take changes")

    async def is_up(self) -> None:
        """Its newest words are of this life, and both sessions are up."""
        await eventually(self._hears, 30, "the role to hear the broker")

    def _hears(self) -> bool:
        status, process = self.status, self.process
        assert process is not None
        return status is not None and status.pid == process.pid and bool(status.gauges["broker_up"])
