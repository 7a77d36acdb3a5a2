"""Setting up InfluxDB 2.x, whose answers are given here as its documentation shows them; 1.8 is in test_influxdb.py."""

from __future__ import annotations

import json

import httpx
import pytest

from ingest.influx.hourly import TASK
from ingest.influx.options import InfluxOptions
from ingest.influx.setup import set_up
from ingest.influx.steps import Made, SetupError

OPTIONS = InfluxOptions("http://influx.test:8086", org="care", bucket="readings", token="t")
VERSION = {"X-Influxdb-Version": "v2.7.6"}


class Influx2(httpx.MockTransport):
    """Organisation `care`, buckets and tasks by name, and the scripts that were run.

    Statuses and bodies: https://docs.influxdata.com/influxdb/v2/api/
    """

    def __init__(self, ping: dict[str, str]) -> None:
        super().__init__(self._handle)
        self.ping = ping
        self.buckets: dict[str, list[dict]] = {}
        self.tasks: list[dict] = []
        self.ran: list[str] = []
        self.run_answer = httpx.Response(200, text="\r\n")

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/ping":
            return httpx.Response(204, headers=self.ping)
        if request.headers["Authorization"] != "Token t":
            return httpx.Response(401, json={"code": "unauthorized", "message": "unauthorized access"})
        if request.url.path == "/api/v2/orgs":
            known = request.url.params["org"] == "care"
            return httpx.Response(200, json={"orgs": [{"id": "o1"}]}) if known else httpx.Response(404, json={})
        if request.url.path == "/api/v2/query":
            assert (request.url.params["org"], request.headers["Content-Type"]) == ("care", "application/vnd.flux")
            self.ran.append(request.content.decode())
            return self.run_answer
        return self._tasks(request) if request.url.path.startswith("/api/v2/tasks") else self._buckets(request)

    def _tasks(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            assert (request.url.params["org"], request.url.params["name"]) == ("care", TASK)
            return httpx.Response(200, json={"tasks": self.tasks})
        sent = json.loads(request.content)
        if request.method == "POST":
            assert sent.pop("orgID") == "o1"
            self.tasks.append({"id": f"t{len(self.tasks)}", "status": "active", **sent})
            return httpx.Response(201, json=self.tasks[-1])
        task = next(task for task in self.tasks if request.url.path.endswith(f"/{task['id']}"))
        task.update(sent)
        return httpx.Response(200, json=task)

    def _buckets(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            name = request.url.params["name"]
            found = [{"id": name, "retentionRules": self.buckets[name]}] if name in self.buckets else []
            return httpx.Response(200, json={"buckets": found})
        sent = json.loads(request.content)
        if request.method == "POST":
            assert sent["orgID"] == "o1"
        self.buckets[sent.get("name") or request.url.path.rsplit("/", 1)[1]] = sent["retentionRules"]
        return httpx.Response(201, json={})


@pytest.mark.parametrize("ping", [VERSION, {"X-Influxdb-Build": "Cloud"}])
def test_a_bucket_is_made_once_and_its_retention_changed(ping: dict[str, str]) -> None:
    server = Influx2(ping)

    done = [set_up(OPTIONS, days, transport=server)[0].made for days in (30, 30, 400, 0, 0)]

    assert done == [Made.CREATED, Made.ALREADY, Made.CHANGED, Made.CHANGED, Made.ALREADY]
    assert server.buckets == {"readings": []}
    set_up(OPTIONS, 7, transport=server)
    assert server.buckets == {"readings": [{"type": "expire", "everySeconds": 604_800}]}


def test_the_hours_have_a_bucket_and_a_task_and_what_is_there_already_is_made_hours_once() -> None:
    server = Influx2(VERSION)

    said = [list(map(str, set_up(OPTIONS, 30, 0, server))) for _ in range(2)]

    things = ["bucket readings, kept 30 days", "bucket readings_hourly, kept for ever", "task 'carewatch hourly'"]
    assert said == [[f"{thing}: {made}" for thing in things] for made in ("created", "already there")]
    assert set(server.buckets) == {"readings", "readings_hourly"}
    [task] = server.tasks
    assert task["flux"].startswith(
        f'import "date"\noption task = {{name: "{TASK}", every: 1h, offset: 5m}}\n'
        'hour = (measurement, field, fn, name) => from(bucket: "readings")\n'
        "  |> range(start: date.truncate(t: -2d, unit: 1h))\n"
    )
    assert '|> to(bucket: "readings_hourly")' in task["flux"]
    [script] = server.ran
    assert "range(start: 0)" in script
    assert "option task" not in script
    assert 'hour(measurement: "heart_rate", field: "bpm", fn: mean, name: "bpm_mean")' in script


def test_a_task_of_an_older_version_or_that_was_switched_off_is_put_right() -> None:
    server = Influx2(VERSION)
    set_up(OPTIONS, 30, 0, server)
    script = server.tasks[0]["flux"]
    for wrong in ({"flux": script.replace("offset: 5m", "offset: 9m")}, {"status": "inactive"}):
        server.tasks[0].update(wrong)
        assert set_up(OPTIONS, 30, 0, server)[-1].made is Made.CHANGED
        assert (server.tasks[0]["flux"], server.tasks[0]["status"]) == (script, "active")


def test_the_task_of_another_bucket_is_left_alone() -> None:
    server = Influx2(VERSION)
    set_up(OPTIONS, 30, 0, server)
    other = InfluxOptions("http://influx.test:8086", org="care", bucket="readings2", token="t")

    assert set_up(other, 30, 0, server)[-1].made is Made.CREATED
    assert len(server.tasks) == 2
    assert [set_up(each, 30, 0, server)[-1].made for each in (OPTIONS, other)] == [Made.ALREADY] * 2


def test_an_error_that_comes_with_status_200_is_said() -> None:
    server = Influx2(VERSION)
    server.run_answer = httpx.Response(
        200, text="#datatype,string,string\r\n,error,reference\r\n,out of memory,897\r\n"
    )

    with pytest.raises(SetupError, match="made the hours: ,out of memory"):
        set_up(OPTIONS, 30, 0, server)


def test_a_wrong_token_and_an_unknown_organisation_are_told_apart() -> None:
    server = Influx2(VERSION)

    with pytest.raises(SetupError, match=r"401 .*correct influx\.token"):
        set_up(InfluxOptions("http://influx.test", org="care", token="wrong"), 30, transport=server)
    with pytest.raises(SetupError, match=r"no organisation 'other'; correct influx\.org"):
        set_up(InfluxOptions("http://influx.test", org="other", token="t"), 30, transport=server)
