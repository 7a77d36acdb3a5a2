"""The role `alerts` when something around it is wrong: what can go on goes on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ingest.log.sqlite import SqliteLog
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
GOOD = (ROOT / "config/rules.toml").read_text(encoding="utf-8")

ROSTER = (ROOT / "config/roster.toml").read_text(encoding="utf-8")


@contextmanager
def alerts(tmp_path, port, rules=GOOD, roster=ROSTER):
    (tmp_path / "rules.toml").write_text(rules, encoding="utf-8")
    (tmp_path / "roster.toml").write_text(roster, encoding="utf-8")
    SqliteLog(tmp_path / "readings.sqlite").close()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CAREWATCH_")},
        "CAREWATCH_LOG__PATH": str(tmp_path / "readings.sqlite"),
        "CAREWATCH_STORE__URL": f"sqlite:///{tmp_path}/store.sqlite",
        "CAREWATCH_RULES_FILE": str(tmp_path / "rules.toml"),
        "CAREWATCH_ROSTER_FILE": str(tmp_path / "roster.toml"),
        "CAREWATCH_BOARD__PORT": str(port),
    }
    with (tmp_path / "said").open("w") as said:
        command = [sys.executable, "-m", "carewatch", "role", "alerts"]
        with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=said) as process:
            yield process
            process.terminate()


def problems(tmp_path):
    status = tmp_path / "alerts.status.json"
    found = json.loads(status.read_text(encoding="utf-8"))["problems"] if status.exists() else []
    return {problem["part"]: problem for problem in found}


def judged(tmp_path):
    """How many records the engine has met."""
    status = tmp_path / "alerts.status.json"
    return json.loads(status.read_text(encoding="utf-8"))["counters"]["records"] if status.exists() else None


def healthz(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).json()
    except httpx.HTTPError:
        return None


def test_a_port_in_use_keeps_no_alert_back_and_is_taken_when_it_is_free(tmp_path):
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    with alerts(tmp_path, port) as process:
        found = wait_until(lambda: problems(tmp_path).get("board"), 30, "the problem to be told")
        assert f"board.port = {port}: cannot listen there" in found["what"]
        assert "set another board.port" in found["remedy"]
        assert "board_not_served" in (tmp_path / "said").read_text(encoding="utf-8")
        taken.close()
        wait_until(lambda: healthz(port) is not None, 30, "the board")
        wait_until(lambda: "board" not in problems(tmp_path), 30, "the problem to go")
        assert process.poll() is None


def test_wrong_rules_stop_a_first_start_and_no_later_one(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as any_port:
        port = any_port.getsockname()[1]
    wrong = GOOD.replace("bpm >=", "bmp >=", 1)
    with alerts(tmp_path, port, wrong) as process:
        assert process.wait(30) == 2
    assert "did you mean 'bpm'?" in (tmp_path / "said").read_text(encoding="utf-8")
    with alerts(tmp_path, port):
        wait_until(lambda: healthz(port) is not None, 30, "the board")
    with alerts(tmp_path, port, wrong) as process:
        found = wait_until(lambda: problems(tmp_path).get("rules"), 30, "the problem to be told")
        assert "settings version 1 goes on" in found["what"]
        assert "rules.toml:" in found["what"]
        assert process.poll() is None


def test_a_wrong_roster_stops_a_first_start_and_later_the_last_good_one_goes_on(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as any_port:
        port = any_port.getsockname()[1]
    wrong = ROSTER.replace('first = ["lijing"]', 'first = ["lijin"]')
    with alerts(tmp_path, port, roster=wrong) as process:
        assert process.wait(30) == 2
    with alerts(tmp_path, port):
        wait_until(lambda: healthz(port) is not None, 30, "the board")
    with alerts(tmp_path, port, roster=wrong) as process:
        found = wait_until(lambda: problems(tmp_path).get("roster"), 30, "the problem to be told")
        assert "the last good roster goes on" in found["what"]
        assert "lijin" in found["what"]
        assert process.poll() is None


def test_a_store_that_has_met_more_than_its_log_holds_is_said_without_a_traceback(tmp_path, unused_tcp_port):
    log = SqliteLog(tmp_path / "readings.sqlite")
    for second in range(5):
        log.tick(1_790_000_000_000 + second * 1000)
    log.close()
    said = tmp_path / "said"
    with alerts(tmp_path, unused_tcp_port) as process:
        wait_until(lambda: judged(tmp_path) == 5, 30, "the log to be read")
        process.terminate()
        process.wait(30)
    for file in tmp_path.glob("readings.sqlite*"):
        file.unlink()
    with alerts(tmp_path, unused_tcp_port) as process:
        assert process.wait(30) == 2
    words = said.read_text(encoding="utf-8")
    assert "alerts: the log ends at record 0, and the store has met 5 records" in words
    assert "Traceback" not in words
