"""What becomes of alerts reaches a real InfluxDB, and its absence hurts nobody."""

from __future__ import annotations

import asyncio
import contextlib
import random

import httpx
import pytest

from alerts.store.places import read_place
from carewatch.clock import SteppedClock
from carewatch.roles.alert_points import AlertPoints
from ingest.influx.options import InfluxOptions
from ingest.influx.query import read_points
from ingest.influx.server import InfluxServer
from tests.alerts.duty_office import START_NS
from tests.alerts.pipeline.watched_home import START_MS, Alerts, Home
from tests.servers.waiting import eventually

FAST = {"flush_ms": 5, "retry_first_s": 0.01, "retry_max_s": 0.05}
HOUR_MS = 3_600_000


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    yield home
    home.close()


@pytest.fixture
def alerts(tmp_path, home):
    alerts = Alerts(tmp_path, home)
    yield alerts
    alerts.store.close()


def options(server, **other):
    return InfluxOptions(server.url, org=server.org, bucket=server.bucket, **{"token": server.token, **FAST, **other})


@contextlib.asynccontextmanager
async def writing(alerts, wanted, transport=None):
    points = AlertPoints(
        alerts.store,
        alerts.watches,
        InfluxServer(wanted, transport),
        wanted,
        SteppedClock(START_NS),
        site="main",
        rng=random.Random(1),  # noqa: S311 - spreads retries
    )
    task = asyncio.create_task(points.run())
    try:
        yield points
        assert not task.done(), "it must run until it is cancelled"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def place_of(alerts):
    with alerts.store.reading() as connection:
        return read_place(connection, "alert_points").offset


async def until_place(alerts, offset):
    await eventually(lambda: place_of(alerts) == offset, 30, f"the place {offset}")


def stored(wanted):
    points = read_points(wanted, "alert", START_MS - HOUR_MS, START_MS + HOUR_MS)
    return [(point.watch, point.site, point.time_ns, point.fields["state"]) for point in points]


def ns(at_s, offset, number=0):
    return (START_MS + at_s * 1000) * 1_000_000 + offset * 1000 + number


@pytest.mark.server
async def test_what_becomes_of_an_alert_is_in_influxdb(influxdb, home, alerts):
    fired, again = home.sos(5), home.sos(65)
    alerts.work()
    async with writing(alerts, options(influxdb)) as points:
        await until_place(alerts, again)
        assert (points.written, points.refused, points.trouble) == (2, 0, None)
    wanted = [("w1", "main", ns(5, fired), "firing"), ("w1", "main", ns(65, again), "repeated")]
    assert stored(options(influxdb)) == wanted
    tags = influxdb.influxql('SHOW TAG VALUES FROM alert WITH KEY IN ("rule", "severity")')
    assert {(row["key"], row["value"]) for row in tags} == {("rule", "sos"), ("severity", "emergency")}


@pytest.mark.server
async def test_another_life_goes_on_where_this_one_was(influxdb, tmp_path, home, alerts):
    first = home.sos(5)
    alerts.work()
    async with writing(alerts, options(influxdb)):
        await until_place(alerts, first)
    alerts.die()
    home.sos(6, watch=1)
    last = home.sos(6, watch=2)
    life = Alerts(tmp_path, home)
    life.work()
    async with writing(life, options(influxdb)) as points:
        await until_place(life, last)
        assert points.written == 2
    life.die()
    assert sorted(watch for watch, *_ in stored(options(influxdb))) == ["w1", "w2", "w3"]


@pytest.mark.server
async def test_an_outage_is_said_holds_no_alert_up_and_is_caught_up(start_influxdb, home, alerts):
    server = start_influxdb()
    server.kill()
    home.sos(5)
    alerts.work()
    async with writing(alerts, options(server)) as points:
        trouble = await eventually(lambda: points.trouble, 20, "the trouble to be said")
        assert "not reachable" in trouble.reason
        assert "influx.url" in trouble.remedy
        last = home.sos(6, watch=1)
        alerts.work()
        assert place_of(alerts) == 0
        server.start()
        await until_place(alerts, last)
        await eventually(lambda: points.trouble is None, 10, "the trouble to go")
    assert [watch for watch, *_ in stored(options(server))] == ["w1", "w2"]


@pytest.mark.server
async def test_a_wrong_token_is_said_and_loses_nothing(influxdb, home, alerts):
    last = home.sos(5)
    alerts.work()
    async with writing(alerts, options(influxdb, token="carewatch:wrong")) as points:
        trouble = await eventually(lambda: points.trouble, 20, "the trouble to be said")
        assert "does not know us" in trouble.reason
    assert place_of(alerts) == 0
    async with writing(alerts, options(influxdb)):
        await until_place(alerts, last)
    assert len(stored(options(influxdb))) == 1


@pytest.mark.server
async def test_what_is_refused_for_ever_is_logged_with_the_servers_words(influxdb, home, alerts, capsys):
    influxdb.write(f"alert,watch=w9,rule=sos,severity=emergency state=7i {START_MS}000000")
    home.sos(5)
    last = home.sos(6, watch=1)
    alerts.work()
    capsys.readouterr()
    async with writing(alerts, options(influxdb)) as points:
        await until_place(alerts, last)
        assert (points.written, points.refused, points.trouble) == (0, 2, None)
    said = capsys.readouterr().out
    assert said.count("alert_point_refused") == 2
    assert "field type conflict" in said
    assert "alert,watch=w1,site=main,rule=sos,severity=emergency state=" in said


async def test_a_store_that_fails_is_said_and_tried_again(home, alerts, monkeypatch):
    last = home.sos(5)
    alerts.work()
    with alerts.store.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE transition RENAME TO away")
    taken = httpx.MockTransport(lambda _request: httpx.Response(204))
    async with writing(alerts, InfluxOptions("http://influx.test", **FAST), taken) as points:
        trouble = await eventually(lambda: points.trouble, 20, "the trouble to be said")
        assert "store" in trouble.reason
        with alerts.store.transaction() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO transition")
        await until_place(alerts, last)
        await eventually(lambda: points.trouble is None, 10, "the trouble to go")


async def test_only_what_is_refused_is_left_out(home, alerts):
    """Among a hundred points three are refused for ever; the others go in by halves."""
    last = [home.sos(at_s, watch=at_s) for at_s in range(100)][-1]
    alerts.work()
    kept = []

    def answer(request):
        lines = request.content.decode().splitlines()
        if any(f"watch=w{number}," in line for line in lines for number in (1, 50, 77)):
            return httpx.Response(400, json={"error": "field type conflict"})
        kept.extend(line.split(",")[1] for line in lines)
        return httpx.Response(204)

    wanted = InfluxOptions("http://influx.test", gzip=False, **FAST)
    async with writing(alerts, wanted, httpx.MockTransport(answer)) as points:
        await until_place(alerts, last)
        assert (points.written, points.refused) == (97, 3)
    assert sorted(kept) == sorted(f"watch=w{number}" for number in range(1, 101) if number not in (1, 50, 77))
