"""The program as it is installed: `carewatch run` in processes of its own, set by environment, asked by commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from alerts.store.database import Store, open_store
from carewatch.settings_sources import load_settings
from ingest.log.sqlite_reader import SqliteLogReader
from tests.servers.process import Process, free_port
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from carewatch.settings import Settings
    from ingest.log.contract import Record
    from tests.servers.influxdb import InfluxDB
    from tests.servers.mosquitto import Mosquitto
    from tests.servers.smtp import SmtpServer

ROOT = Path(__file__).parents[2]
CALLBACK_SECRET = "of-the-gateways"
SENDER = "106900001"
LIJING, ZHAOMIN = "+8617099000001", "+8617099000002"

ROSTER = """\
[[officer]]
login = "lijing"
name = "李静"
phone = "+86 170 9900 0001"
email = "lijing@example.org"

[[officer]]
login = "zhaomin"
name = "赵敏"
phone = "+86 170 9900 0002"
email = "zhaomin@example.org"

[[shift]]
name = "always"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "00:00"
to = "00:00"
first = [{first}]
{others}
"""
"""Whatever the hour of the test, the same people are on duty."""

SOURCES = """\
[[sources]]
filter = "3g/+/up"
format = "watch_3g"
profile = "watch_3g"

[[sources]]
filter = "iw/+/up"
format = "watch_iw"

[[sources]]
filter = "owntracks/+/+"
format = "owntracks"
"""


@dataclass(frozen=True, slots=True)
class Around:
    """The servers around the program. `influxdb` None: readings are only kept in the log."""

    mosquitto: Mosquitto
    sms_url: str
    smtp: SmtpServer
    influxdb: InfluxDB | None = None


class Installed:
    """`.start()`, `.run(*command)`, `.stop()`; and what an operator could look at: log, store, API."""

    def __init__(self, folder: Path, around: Around, board_port: int, **more: object) -> None:
        self.folder = folder
        self.board_url = f"http://127.0.0.1:{board_port}"
        config = folder / "carewatch.toml"
        config.write_text(SOURCES, encoding="utf-8")
        self.roster(first=["lijing", "zhaomin"])
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CAREWATCH_")},
            "CAREWATCH_CONFIG": str(config),
            **_settings(folder, around, board_port),
            **{f"CAREWATCH_{name}": str(value) for name, value in more.items()},
        }
        self.settings: Settings = load_settings(config, self.environment)
        ours = [f"{name}={value}" for name, value in self.environment.items() if name.startswith("CAREWATCH_")]
        others = [f"-u{name}" for name in os.environ if name.startswith("CAREWATCH_")]
        command = ["env", "-C", str(ROOT), *others, *ours, sys.executable, "-m", "carewatch", "run"]
        self.process = Process(command, folder / "carewatch.log", self._is_up)

    def roster(self, *, first: Iterable[str], backup: Iterable[str] = ()) -> None:
        """Who is on duty, at every hour."""
        named = ", ".join(f'"{login}"' for login in first)
        others = "".join(f'backup = ["{login}"]\n' for login in backup)
        (self.folder / "roster.toml").write_text(ROSTER.format(first=named, others=others), encoding="utf-8")

    def start(self) -> None:
        """Return when the board answers and nothing grave is wrong: the broker is heard, the engine judges."""
        self.process.start(within_s=60.0)

    def run(self, *command: str, status: int = 0) -> str:
        """A command of `carewatch`, from the repository's root; returns what it says on standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "carewatch", *command],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def records(self) -> list[Record]:
        """The whole log."""
        with closing(SqliteLogReader(self.settings.log.path)) as reader:
            records: list[Record] = []
            while more := reader.read(records[-1].offset if records else 0, 10_000):
                records += more
            return records

    def store(self) -> Store:
        """The store as another process may read it, to be closed by the caller."""
        return open_store(self.settings.store.url, read_only=True)

    def pid_of(self, role: str) -> int | None:
        """The process of a role among the children of `run`; None while it is not there."""
        run = self.process.running
        assert run is not None
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text(encoding="ascii").split()
        return next((int(child) for child in children if _arguments(child)[-2:] == ["role", role]), None)

    def status(self, role: str) -> dict[str, Any]:
        """What a role says of itself; empty before it has said anything."""
        file = self.settings.log.path.parent / f"{role}.status.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def wait_until_settled(self, readings: int, within_s: float = 60.0) -> None:
        """The log holds at least so many readings, the engine is at its end, and InfluxDB too if it is written."""

        def settled() -> bool:
            ingest, alerts = self.status("ingest"), self.status("alerts")
            counted = ingest["counters"]
            written = counted.get("influx_written", readings)
            is_judged = alerts["counters"]["records"] >= ingest["gauges"]["log_end"]
            return min(counted["readings_committed"], written) >= readings and is_judged

        wait_until(settled, within_s, f"{readings} readings in the log, judged and written")

    def _is_up(self) -> bool:
        try:
            problems = httpx.get(f"{self.board_url}/healthz", trust_env=False, timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return False
        return not any(problem["grave"] for problem in problems)


class Office:
    """The board's API, as a program of an officer."""

    def __init__(self, installed: Installed, login: str = "lijing") -> None:
        token = installed.run("officer", "api-token", login).strip()
        self.http = httpx.Client(
            base_url=f"{installed.board_url}/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=10,
        )

    def incidents(self, **query: object) -> list[dict[str, Any]]:
        """Newest first."""
        return self._get("incidents", limit=1000, **query)["incidents"]

    def incident(self, incident_id: int) -> dict[str, Any]:
        """One, with its timeline and messages."""
        return self._get(f"incidents/{incident_id}")

    def of_watch(self, watch_id: str) -> list[dict[str, Any]]:
        """The incidents of whoever wears the watch."""
        return [row for row in self.incidents() if row["watch_id"] == watch_id]

    def close(self) -> None:
        """Let go of the connection."""
        self.http.close()

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.http.get(path, params=query)
        answer.raise_for_status()
        return answer.json()


def _arguments(pid: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    except FileNotFoundError:
        return []  # it has ended meanwhile


def reply_url(board_port: int) -> str:
    """Where Kannel reports what phones reply: as docs/operations.md has it."""
    query = "from=%p&to=%P&text=%b&charset=%C&coding=%c"
    return f"http://127.0.0.1:{board_port}/gateways/kannel/reply?secret={CALLBACK_SECRET}&{query}"


def _settings(folder: Path, around: Around, board_port: int) -> Mapping[str, str]:
    chosen: dict[str, object] = {
        "MQTT__URL": around.mosquitto.url,
        "LOG__PATH": folder / "readings.sqlite",
        "STORE__URL": f"sqlite:///{folder / 'store.sqlite'}",
        "EMAIL__HOST": around.smtp.host,
        "EMAIL__PORT": around.smtp.port,
        "EMAIL__SECURITY": "none",
        "EMAIL__SENDER": "carewatch@example.org",
        "SMS__GATEWAY": "kannel",
        "SMS__URL": around.sms_url,
        "SMS__USERNAME": "carewatch",
        "SMS__PASSWORD": "of-this-test-only",
        "SMS__SENDER": SENDER,
        "SMS__CALLBACK_URL": f"http://127.0.0.1:{board_port}",
        "SMS__CALLBACK_SECRET": CALLBACK_SECRET,
        "BOARD__PORT": board_port,
        "BOARD__PUBLIC_URL": f"http://127.0.0.1:{board_port}",
        "ROSTER_FILE": folder / "roster.toml",
    }
    if around.influxdb is not None:
        chosen |= {
            "INFLUX__URL": around.influxdb.url,
            "INFLUX__BUCKET": around.influxdb.bucket,
            "INFLUX__TOKEN": around.influxdb.token,
        }
    return {f"CAREWATCH_{name}": str(value) for name, value in chosen.items()}


def board_port() -> int:
    """Chosen before Kannel starts, which must know where the board will be."""
    return free_port()
