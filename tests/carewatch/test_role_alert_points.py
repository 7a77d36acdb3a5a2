"""The role `alerts` beside an InfluxDB that is away, comes, and is away again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from alerts.store.database import open_store
from alerts.store.tables import alert
from ingest.influx.options import InfluxOptions
from ingest.influx.query import read_points
from tests.alerts.pipeline.watched_home import START_MS, Home
from tests.servers.process import free_port
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    yield home
    home.close()


@pytest.fixture
def role(tmp_path, home, start_influxdb):
    """The running role's InfluxDB, which is down."""
    server = start_influxdb()
    server.kill()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CAREWATCH_")},
        "CAREWATCH_LOG__PATH": str(tmp_path / "readings.sqlite"),
        "CAREWATCH_STORE__URL": store_url(tmp_path),
        "CAREWATCH_BOARD__PORT": str(free_port()),
        "CAREWATCH_INFLUX__URL": server.url,
        "CAREWATCH_INFLUX__BUCKET": server.bucket,
        "CAREWATCH_INFLUX__TOKEN": server.token,
        "CAREWATCH_SITE__NAME": "east",
    }
    command = [sys.executable, "-m", "carewatch", "role", "alerts"]
    with (
        (tmp_path / "said").open("w") as said,
        subprocess.Popen(command, env=environment, cwd=ROOT, stderr=said) as process,
    ):
        yield server
        process.terminate()
        assert process.wait(30) == 0, (tmp_path / "said").read_text()


def store_url(tmp_path):
    return f"sqlite:///{tmp_path}/store.sqlite"


def status(tmp_path):
    file = tmp_path / "alerts.status.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"problems": [], "counters": {}}


def influx_problem(tmp_path):
    return next((each for each in status(tmp_path)["problems"] if each["part"] == "influx"), None)


def fired(tmp_path):
    with closing(open_store(store_url(tmp_path), read_only=True)) as store, store.reading() as connection:
        return len(connection.execute(alert.select()).all())


def test_alerts_are_raised_while_influxdb_is_away_and_are_in_it_when_it_is_back(tmp_path, home, role):
    wait_until((tmp_path / "alerts.status.json").exists, 30, "the role to run")
    home.sos(5)
    problem = wait_until(lambda: influx_problem(tmp_path), 30, "the problem to be told")
    assert "changes of alerts are not written: InfluxDB not reachable" in problem["what"]
    assert "all is written from the store later" in problem["remedy"]
    assert not problem["is_grave"]
    home.sos(6, watch=1)
    wait_until(lambda: fired(tmp_path) == 2, 30, "both alerts")
    role.start()
    wait_until(lambda: status(tmp_path)["counters"].get("points_written") == 2, 60, "both points")
    wait_until(lambda: influx_problem(tmp_path) is None, 30, "the problem to go")
    options = InfluxOptions(role.url, org=role.org, bucket=role.bucket, token=role.token)
    points = read_points(options, "alert", START_MS, START_MS + 60_000)
    assert [(point.watch, point.site, point.fields["state"]) for point in points] == [
        ("w1", "east", "firing"),
        ("w2", "east", "firing"),
    ]
