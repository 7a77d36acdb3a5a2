"""`make demo`, as a newcomer runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest

from tests.servers.waiting import wait_until

pytestmark = pytest.mark.server


@contextmanager
def demo(tmp_path, *arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CAREWATCH_", "LC_", "LANG"))}
    command = [sys.executable, "-m", "carewatch", "demo", "--influx", "none", "--port", "0", *arguments]
    surroundings = {**kept, "TMPDIR": str(tmp_path), **environment}
    with (tmp_path / "words").open("w") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=surroundings, text=True)
        with process:
            yield process


def words(tmp_path):
    return (tmp_path / "words").read_text(encoding="utf-8")


def test_it_shows_an_alarm_reaching_a_phone_and_ends_with_the_summary(tmp_path):
    with demo(tmp_path, "--for", "35s", "--json", "--seed", "7", LANG="zh_CN.UTF-8") as process:
        output, _ = process.communicate(timeout=100)
    result = json.loads(output.splitlines()[-1])
    assert process.returncode == 0, words(tmp_path)
    assert result["readings"]["committed"] >= result["readings"]["published"] > 2000
    assert result["readings"]["lost"] == result["readings"]["quarantined"] == 0
    assert result["truth"]["missed"] == result["truth"]["false_emergencies"] == 0
    assert set(result) == {"readings", "alerts", "truth", "messages", "latency_s", "minutes"}
    said = words(tmp_path)
    assert "值守台（已登录为 李静）：http://127.0.0.1:" in said
    assert "make servers" in said
    if result["messages"]["sms"]:
        assert "第一条短信" in said
        assert "接单" in said


def test_ctrl_c_ends_it_with_the_summary_and_nothing_keeps_running(tmp_path):
    with demo(tmp_path, "--residents", "5", "--json", LANG="en_GB.UTF-8") as process:
        url = wait_until(lambda: board_url(words(tmp_path)), 60, "the board's address")
        page = httpx.get(url, follow_redirects=True, trust_env=False)
        assert page.status_code == 200
        assert "李静" in page.text
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert json.loads(output.splitlines()[-1])["readings"]["lost"] == 0
    assert process.returncode == 0, words(tmp_path)
    said = words(tmp_path)
    assert "Ended." in said
    assert f"The files stay in {tmp_path}/carewatch-demo-" in said
    assert "()" not in said
    assert "None s" not in said
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def board_url(said):
    found = [line.split(": ", 1)[1] for line in said.splitlines() if line.startswith("Duty board")]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--for", "soon"], "write e.g. 90s"),
        (["--speed", "9999"], "1 to 120"),
        (["--influx", "yes"], "auto, none, or an URL"),
    ],
)
def test_a_wrong_wish_is_refused_with_the_remedy(tmp_path, arguments, remedy):
    with demo(tmp_path, *arguments) as process:
        process.communicate(timeout=30)
    assert process.returncode == 2
    assert remedy in words(tmp_path)
