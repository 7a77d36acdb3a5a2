"""/healthz and /metrics say what is wrong, since when, and the remedy."""

from __future__ import annotations

import json

import httpx
from starlette.applications import Starlette

from carewatch.health import Health
from carewatch.roles.alerts_status import of_the_channels
from carewatch.settings import Settings
from carewatch.status import Problem, RoleStatus, write_status

NOW_MS = 1_790_000_000_000
ALERTS = RoleStatus("alerts", 1, counters={"records": 7}, gauges={"lag_records": 0})


async def get(own, path, page="/healthz"):
    health = Health(lambda: own, {"ingest": path}, lambda: NOW_MS)
    transport = httpx.ASGITransport(Starlette(routes=health.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://board") as client:
        return await client.get(page)


async def test_all_is_well(tmp_path):
    write_status(tmp_path / "ingest", RoleStatus("ingest", 2, counters={"readings_committed": 41}))
    answer = await get(ALERTS, tmp_path / "ingest")
    assert (answer.status_code, answer.json()) == (200, [])


async def test_a_lesser_problem_is_listed_and_no_alarm(tmp_path):
    lesser = Problem("influx", "InfluxDB refuses the token", "check influx.token", NOW_MS - 5, is_grave=False)
    write_status(tmp_path / "ingest", RoleStatus("ingest", 2, problems=(lesser,)))
    answer = await get(ALERTS, tmp_path / "ingest")
    assert answer.status_code == 200
    assert answer.json()[0]["remedy"] == "check influx.token"


async def test_the_broker_away_is_grave_and_comes_first(tmp_path):
    away = Problem("broker", "connection refused", "start it", NOW_MS - 9)
    lesser = Problem("sms", "no SMS gateway is set", "set sms.gateway", NOW_MS - 99, is_grave=False)
    write_status(tmp_path / "ingest", RoleStatus("ingest", 2, problems=(away,)))
    answer = await get(RoleStatus("alerts", 1, problems=(lesser,)), tmp_path / "ingest")
    assert answer.status_code == 503
    assert [problem["part"] for problem in answer.json()] == ["broker", "sms"]


async def test_an_ingest_that_is_silent_or_never_ran_is_grave(tmp_path):
    path = tmp_path / "ingest"
    assert "has not run" in (await get(ALERTS, path)).json()[0]["what"]
    write_status(path, RoleStatus("ingest", 2))
    document = json.loads(path.read_text())
    document["written_boot_s"] -= 60
    path.write_text(json.dumps(document))
    answer = await get(ALERTS, path)
    assert answer.status_code == 503
    assert "has said nothing for 60 s" in answer.json()[0]["what"]


async def test_metrics_show_every_role(tmp_path):
    write_status(tmp_path / "ingest", RoleStatus("ingest", 2, counters={"readings_committed": 41}))
    text = (await get(ALERTS, tmp_path / "ingest", "/metrics")).text
    assert "carewatch_ingest_readings_committed_total 41.0" in text
    assert "carewatch_alerts_lag_records 0.0" in text


def channels(failing, **sections):
    settings = Settings.model_validate(sections)
    return [(one.part, one.is_grave, one.remedy) for one in of_the_channels(settings, failing, NOW_MS)]


def test_that_nobody_would_be_told_is_grave_and_said_once():
    failed = {"sms": ("no sms is set up; set sms.gateway", NOW_MS)}
    told = [("sms", True, "set sms.gateway or email.host")]
    assert channels({}) == told
    assert channels(failed) == told


def test_a_channel_is_listed_once_also_when_a_message_failed_on_it():
    by_sms = {"sms": {"gateway": "kannel"}}
    assert channels({}, **by_sms) == [("email", False, "set email.host")]
    assert channels({"email": ("no email", 1)}, **by_sms) == [("email", True, "set email.host")]
    assert channels({"sms": ("no route", 1)}, **by_sms) == [
        ("sms", True, "see docs/operations.md, sms"),
        ("email", False, "set email.host"),
    ]
