"""Setting up InfluxDB 2.x, whose answers are given here as its documentation shows them; 1.8 is in test_influxdb.py."""

from __future__ import annotations

import json

import httpx
import pytest

from ingest.influx.options import InfluxOptions
from ingest.influx.setup import Made, SetupError, set_up

OPTIONS = InfluxOptions("http://influx.test:8086", org="care", bucket="readings", token="t")


class Influx2(httpx.MockTransport):
    """Organisation `care`, and buckets by name."""

    def __init__(self, ping: dict[str, str]) -> None:
        super().__init__(self._handle)
        self.ping = ping
        self.buckets: dict[str, list[dict]] = {}

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/ping":
            return httpx.Response(204, headers=self.ping)
        if request.headers["Authorization"] != "Token t":
            return httpx.Response(401, json={"code": "unauthorized", "message": "unauthorized access"})
        if request.url.path == "/api/v2/orgs":
            known = request.url.params["org"] == "care"
            return httpx.Response(200, json={"orgs": [{"id": "o1"}]}) if known else httpx.Response(404, json={})
        return self._buckets(request)

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


@pytest.mark.parametrize("ping", [{"X-Influxdb-Version": "v2.7.6"}, {"X-Influxdb-Build": "Cloud"}])
def test_a_bucket_is_made_once_and_its_retention_changed(ping: dict[str, str]) -> None:
    server = Influx2(ping)

    done = [set_up(OPTIONS, days, server) for days in (30, 30, 400, 0, 0)]

    assert done == [Made.CREATED, Made.ALREADY, Made.CHANGED, Made.CHANGED, Made.ALREADY]
    assert server.buckets == {"readings": []}
    set_up(OPTIONS, 7, server)
    assert server.buckets == {"readings": [{"type": "expire", "everySeconds": 604_800}]}


def test_a_wrong_token_and_an_unknown_organisation_are_told_apart() -> None:
    server = Influx2({"X-Influxdb-Version": "2.7.6"})

    with pytest.raises(SetupError, match=r"401 .*correct influx\.token"):
        set_up(InfluxOptions("http://influx.test", org="care", token="wrong"), 30, server)
    with pytest.raises(SetupError, match=r"no organisation 'other'; correct influx\.org"):
        set_up(InfluxOptions("http://influx.test", org="other", token="t"), 30, server)
