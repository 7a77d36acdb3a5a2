"""What real InfluxDBs did to a prototype, and what becomes of the readings: 1.8.10, and Debian's 1.6 by `/write`."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from ingest.influx.answers import Verdict
from ingest.influx.line_protocol import body
from ingest.influx.options import InfluxOptions
from ingest.influx.query import read_points
from ingest.influx.server import InfluxServer
from ingest.log.contract import Batch
from ingest.reading import Kind, Readings
from tests.ingest.influx.test_delivery import Desk
from tests.ingest.influx.writing import FAST, new_log, running
from tests.ingest.log.batches import T0_MS, random_readings
from tests.servers.influxdb import InfluxDB

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.log.sqlite import SqliteLog
    from tests.servers.fixtures import StartInfluxDB

pytestmark = pytest.mark.server


@pytest.fixture(scope="module", params=["influxd", "influxd-1.6"])
def one_of_each(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    started = InfluxDB(tmp_path_factory.mktemp("influxdb"), program_name=request.param)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def server(one_of_each: InfluxDB) -> Iterator[InfluxDB]:
    """1.8.10, and then 1.6, with an empty database."""
    one_of_each.fresh_database()
    yield one_of_each
    one_of_each.process.show_log()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = new_log(tmp_path)
    yield made
    made.close()


def options(server: InfluxDB, **other: Any) -> InfluxOptions:
    """By `/write`, which both versions have."""
    written = {"api": "v1", "username": server.user, "password": server.password, "bucket": server.bucket}
    return InfluxOptions(server.url, **{**written, **FAST, **other})


def count(server: InfluxDB) -> int:
    """Readings that can be queried: each has exactly one `arrival_s`."""
    return sum(row["count"] for row in server.influxql('SELECT count("arrival_s") FROM /.*/'))


def readings(rows: int, seed: int) -> Readings:
    return random_readings(np.random.default_rng(seed), rows, first_seq=1 + seed * 1000)


async def test_every_number_is_in_it_as_it_was_measured(server: InfluxDB, log: SqliteLog) -> None:
    """0.97 is 0.97, not 0.97000002861."""
    row = {"watch": 0, "kind": Kind.HEART_RATE, "time_ms": T0_MS, "arrival_ms": T0_MS + 90, "seq": 1}
    log.append(Batch(Readings.of_rows([{**row, "quality": 0.97, "skin_c": 36.6, "steps": 12}]), T0_MS))
    async with running(log, options(server)) as run:
        await run.catches_up()

    [stored] = server.influxql("SELECT * FROM heart_rate")
    assert (stored["quality"], stored["skin_c"], stored["steps"], stored["arrival_s"]) == (0.97, 36.6, 12, 0.09)
    assert stored["time"] == T0_MS * 1_000_000 + 1


@pytest.mark.parametrize("program_name", ["influxd", "influxd-1.6"])
async def test_a_write_above_max_body_size_goes_in_by_parts(
    start_influxdb: StartInfluxDB, log: SqliteLog, program_name: str
) -> None:
    """The server answers 413, or closes before it has read the write: the rest of it breaks a pipe."""
    server = start_influxdb("max-body-size = 20000", program_name)
    log.append(Batch(readings(3000, seed=1), T0_MS))
    for gzip in (False, True):
        async with running(log, options(server, gzip=gzip)) as run:
            await run.catches_up()
            assert run.refused() == []
            assert (await run.writer.state()).written_lines == 3000
        log.drop_place("influx")
        assert count(server) == 3000


async def test_two_types_of_a_new_field_cost_one_line_not_the_write(server: InfluxDB) -> None:
    """In a measurement that is new InfluxDB writes nothing of such a write, and does not say how many it dropped."""
    influx = InfluxServer(options(server))
    new = [f"pulse,watch=W0 bpm={70 + n} {T0_MS}{n:06}\n" for n in range(50)]
    new[33] = f'pulse,watch=W0 bpm="high" {T0_MS}000033\n'
    first = await influx.write(influx.encode(body(pa.array(new))))
    assert (first.verdict, first.dropped) == (Verdict.REFUSED, None)
    assert server.influxql("SELECT * FROM pulse") == []

    desk = Desk(influx)
    await desk.delivery.deliver(pa.array(new))
    await influx.aclose()

    assert [int(str(number)[-2:]) for number in desk.refused] == [33]
    assert len(server.influxql("SELECT * FROM pulse")) == 49


async def test_what_cannot_be_read_is_set_aside_alone(server: InfluxDB) -> None:
    influx = InfluxServer(options(server))
    lines = [f"sos,watch=W0 arrival_s={n} {T0_MS}{n:06}\n" for n in range(50)]
    lines[7] = f"sos,watch=W0 arrival_s= {T0_MS}000007\n"
    desk = Desk(influx)
    await desk.delivery.deliver(pa.array(lines))
    await influx.aclose()

    assert [int(str(number)[-2:]) for number in desk.refused] == [7]
    assert "unable to parse" in desk.aside[0][0]
    assert count(server) == 49


async def test_what_is_too_old_is_set_aside_at_once_and_the_rest_goes_in(server: InfluxDB, log: SqliteLog) -> None:
    server.influxql(f'CREATE RETENTION POLICY "days" ON "{server.database}" DURATION 5000d REPLICATION 1')
    some = readings(400, seed=1)
    old = np.arange(400) % 2 == 0
    log.append(Batch(some.replace(time_ms=np.where(old, 1_000_000_000_000, some["time_ms"])), T0_MS))
    async with running(log, options(server, bucket=f"{server.database}/days")) as run:
        await run.catches_up()
        state = await run.writer.state()

    assert len(run.refused()) == state.refused_lines == 200
    assert all("beyond retention policy" in line["words"] for line in run.refused())
    assert state.written_lines == 200
    assert state.writes < 12


async def test_1_6_has_no_api_of_2x_and_that_is_said(start_influxdb: StartInfluxDB, log: SqliteLog) -> None:
    server = start_influxdb("", "influxd-1.6")
    log.append(Batch(readings(10, seed=1), T0_MS))
    async with running(log, options(server, api="v2", token=server.token)) as run:
        trouble = await run.says("is not what answers")

    assert "influx.api" in trouble.remedy


async def test_one_that_hangs_is_told_and_all_is_written_once_it_goes_on(
    start_influxdb: StartInfluxDB, log: SqliteLog
) -> None:
    server = start_influxdb()
    process = server.process.running.pid
    async with running(log, options(server, timeout_s=0.3)) as run:
        os.kill(process, signal.SIGSTOP)
        try:
            log.append(Batch(readings(500, seed=1), T0_MS))
            trouble = await run.says("does not answer in time")
            assert "no answer in 0.3 s" in trouble.words
        finally:
            os.kill(process, signal.SIGCONT)
        await run.catches_up()
        assert (await run.writer.state()).trouble is None

    assert count(server) == 500
    assert run.refused() == []


async def test_thousands_of_records_of_an_outage_are_caught_up_while_new_ones_come(
    start_influxdb: StartInfluxDB, log: SqliteLog
) -> None:
    server = start_influxdb()
    async with running(log, options(server, batch_lines=5000, flush_ms=1000)) as run:
        log.append(Batch(readings(20, seed=0), T0_MS))
        await run.catches_up()
        server.kill()
        for n in range(1, 3000):
            log.append(Batch(readings(20, seed=n), T0_MS + n)) if n % 3 else log.tick(T0_MS + n)
        await run.says("not reachable")
        assert (await run.writer.state()).lag_records == 2999

        server.start()
        for n in range(3000, 3200):
            log.append(Batch(readings(20, seed=n), T0_MS + n))
        await run.catches_up()
        state = await run.writer.state()

    records = 1 + 2000 + 200
    assert count(server) == records * 20
    assert state.trouble is None
    assert state.writes < 60  # small records travel together
    assert log.place("influx") == state.place == 3200


async def test_a_point_read_back_by_the_api_of_2x_is_the_one_written_by_the_older(
    influxdb: InfluxDB, log: SqliteLog
) -> None:
    log.append(Batch(readings(50, seed=3), T0_MS))
    async with running(log, options(influxdb)) as run:
        await run.catches_up()

    wanted = InfluxOptions(influxdb.url, bucket=influxdb.bucket, token=influxdb.token)
    kinds = ("heart_rate", "location")
    assert sum(len(read_points(wanted, kind, T0_MS - 1, T0_MS + 60_001)) for kind in kinds) == 50
