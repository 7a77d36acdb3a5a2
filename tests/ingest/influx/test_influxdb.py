"""The writer with a real InfluxDB 1.8.10, read back by influxdb-client's Flux."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.influx.line_protocol import AlertPoint, alert_lines, times_ns
from ingest.influx.options import InfluxOptions
from ingest.influx.query import Point, read_points
from ingest.influx.setup import set_up
from ingest.influx.steps import Made
from ingest.log.contract import Batch
from ingest.reading import COLUMNS, Kind, Readings
from tests.ingest.influx.writing import FAST, new_log, running
from tests.ingest.log.batches import T0_MS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.log.sqlite import SqliteLog
    from tests.servers.influxdb import InfluxDB

pytestmark = pytest.mark.server
HOUR_MS = 3_600_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = new_log(tmp_path)
    yield made
    made.close()


def options(server: InfluxDB, **other: Any) -> InfluxOptions:
    return InfluxOptions(server.url, org=server.org, bucket=server.bucket, **{"token": server.token, **FAST, **other})


def every_kind(rows: int, seed: int, first_seq: int = 1) -> Readings:
    """Readings of every kind with every column filled within its bounds, a third of the cells empty."""
    rng = np.random.default_rng(seed)
    made = {
        "watch": rng.integers(0, 9, rows),
        "kind": rng.integers(0, len(Kind), rows).astype(np.int8),
        "time_ms": T0_MS + rng.integers(0, HOUR_MS, rows),
        "seq": np.arange(first_seq, first_seq + rows),
        "flags": rng.integers(0, 2**17, rows).astype(np.uint32),
    }
    made["arrival_ms"] = made["time_ms"] + rng.integers(-2000, 90_000, rows)
    for column in COLUMNS[9:]:
        high = len(column.words) - 1 if column.words else column.high
        whole = column.is_flag or column.words or column.influx == "integer"
        drawn = rng.integers(0, int(high) + 1, rows) if whole else rng.uniform(column.low, high, rows)
        values = drawn.astype(column.dtype)
        values[rng.random(rows) < 1 / 3] = column.absent
        made[column.name] = values
    return Readings(made)


def expected(readings: Readings) -> list[Point]:
    """What InfluxDB must give back, written row by row from the contract rather than by columns."""
    points = []
    for row, time_ns in enumerate(times_ns(readings).tolist()):
        kind = Kind(int(readings["kind"][row]))
        late_ms = int(readings["arrival_ms"][row]) - int(readings["time_ms"][row])
        fields: dict[str, Any] = {"arrival_s": late_ms / 1000}
        for column in COLUMNS:
            value = readings[column.name][row].item()
            if column.influx is None or kind not in column.kinds or value in (column.absent, None) or value != value:  # noqa: PLR0124 - NaN
                continue
            if column.influx == "text":
                fields[column.name] = column.words(value).name.lower()
            elif column.influx == "boolean":
                fields[column.name] = value == 1
            elif column.influx == "integer":
                fields[column.name] = int(value)
            else:
                fields[column.name] = float(str(readings[column.name][row]))
        watch = int(readings["watch"][row])
        points.append(Point(kind.topic, f"W{watch}", "east" if watch == 1 else "main", time_ns, fields))
    return points


def stored(wanted: InfluxOptions, watch: str | None = None) -> list[Point]:
    return [
        point for kind in Kind for point in read_points(wanted, kind.topic, T0_MS - HOUR_MS, T0_MS + 9 * HOUR_MS, watch)
    ]


def in_order(points: list[Point]) -> list[Point]:
    return sorted(points, key=lambda point: (point.measurement, point.watch, point.time_ns))


async def test_every_column_of_every_kind_comes_back_row_by_row(influxdb: InfluxDB, log: SqliteLog) -> None:
    batches = [every_kind(rows, seed=rows, first_seq=1 + 1000 * rows) for rows in (1, 40, 700)]
    for n, readings in enumerate(batches):
        log.append(Batch(readings, T0_MS + n))
        log.tick(T0_MS + n)
    async with running(log, options(influxdb, batch_lines=100)) as run:
        await run.catches_up()
        assert run.refused() == []

    wanted = in_order([point for readings in batches for point in expected(readings)])
    assert in_order(stored(options(influxdb))) == wanted
    assert in_order(stored(options(influxdb), watch="W3")) == [point for point in wanted if point.watch == "W3"]
    types = {name: type(value) for point in stored(options(influxdb)) for name, value in point.fields.items()}
    assert types["steps"] is int
    assert types["bpm"] is types["lat"] is types["arrival_s"] is float
    assert types["worn"] is bool


async def test_the_older_write_address_does_the_same(influxdb: InfluxDB, log: SqliteLog) -> None:
    readings = every_kind(50, seed=5)
    log.append(Batch(readings, T0_MS))
    old = options(influxdb, api="v1", token="", username=influxdb.user, password=influxdb.password)
    async with running(log, old) as run:
        await run.catches_up()

    assert in_order(stored(old)) == in_order(expected(readings))


async def test_sending_all_again_overwrites_itself(influxdb: InfluxDB, log: SqliteLog) -> None:
    log.append(Batch(every_kind(300, seed=8), T0_MS))
    for _ in range(2):
        async with running(log, options(influxdb)) as run:
            await run.catches_up()
            assert (await run.writer.state()).written_lines == 300
        log.drop_place("influx")

    assert len(stored(options(influxdb))) == 300


async def test_it_goes_on_where_it_was(influxdb: InfluxDB, log: SqliteLog) -> None:
    for n in range(3):
        log.append(Batch(every_kind(10, seed=n, first_seq=100 * n + 1), T0_MS))
        async with running(log, options(influxdb)) as run:
            await run.catches_up()
            assert (await run.writer.state()).written_lines == 10

    assert len(stored(options(influxdb))) == 30


async def test_a_wrong_token_is_said_loses_nothing_and_is_made_good_by_the_right_one(
    influxdb: InfluxDB, log: SqliteLog
) -> None:
    log.append(Batch(every_kind(20, seed=2), T0_MS))
    async with running(log, options(influxdb, token="carewatch:wrong")) as run:
        trouble = await run.says("does not know us")
        assert "authorization failed" in trouble.words
        assert "influx.token" in trouble.remedy
    assert log.place("influx") == 0
    assert stored(options(influxdb)) == []

    async with running(log, options(influxdb)) as run:
        await run.catches_up()
    assert len(stored(options(influxdb))) == 20


async def test_a_user_without_rights_is_told_apart_from_an_unknown_one(influxdb: InfluxDB, log: SqliteLog) -> None:
    influxdb.influxql("CREATE USER \"guest\" WITH PASSWORD 'guest'")
    log.append(Batch(every_kind(1, seed=2), T0_MS))
    async with running(log, options(influxdb, token="guest:guest")) as run:
        trouble = await run.says("does not let us write")
    assert "not authorized to write" in trouble.words


async def test_an_outage_is_caught_up_by_itself(start_influxdb: Any, log: SqliteLog) -> None:
    server = start_influxdb()
    async with running(log, options(server)) as run:
        log.append(Batch(every_kind(50, seed=0), T0_MS))
        await run.catches_up()
        server.kill()
        for n in range(1, 20):
            log.append(Batch(every_kind(50, seed=n, first_seq=1 + 50 * n), T0_MS + n))
        trouble = await run.says("not reachable")
        assert "influx.url" in trouble.remedy
        assert (await run.writer.state()).lag_records > 0

        server.start()
        await run.catches_up()
        assert (await run.writer.state()).trouble is None

    assert len(stored(options(server))) == 1000


async def test_points_of_another_type_are_set_aside_alone_with_the_servers_words(
    influxdb: InfluxDB, log: SqliteLog
) -> None:
    influxdb.write(f'heart_rate,watch=other bpm="seventy" {T0_MS}000000')
    rows = [
        {"watch": 0, "kind": Kind.HEART_RATE, "time_ms": T0_MS + n, "arrival_ms": T0_MS + n, "seq": n + 1, "spo2": 97}
        for n in range(500)
    ]
    rows[123]["bpm"] = rows[400]["bpm"] = 70
    log.append(Batch(Readings.of_rows(rows), T0_MS))
    async with running(log, options(influxdb)) as run:
        await run.catches_up()
        state = await run.writer.state()

    assert [line["line"].split(" ")[1].split(",")[0] for line in run.refused()] == ["bpm=70", "bpm=70"]
    assert [int(line["line"].rsplit(" ", 1)[1]) % 1000 for line in run.refused()] == [124, 401]
    assert all("field type conflict" in line["words"] for line in run.refused())
    assert (state.refused_lines, state.trouble) == (2, None)
    assert "field type conflict" in state.last_refusal
    assert len(stored(options(influxdb), "W0")) == 498


async def test_points_out_of_retention_are_set_aside_together(influxdb: InfluxDB, log: SqliteLog) -> None:
    influxdb.influxql(
        f'CREATE RETENTION POLICY "day" ON "{influxdb.database}" DURATION 1d REPLICATION 1 SHARD DURATION 1h'
    )
    log.append(Batch(every_kind(300, seed=1), 1_000_000_000_000))
    old = log.read(0)[0].readings
    log.append(Batch(old.replace(time_ms=old["time_ms"] - 10 * 365 * 86_400_000), T0_MS))
    short = options(influxdb)
    async with running(
        log, InfluxOptions(short.url, bucket=f"{influxdb.database}/day", token=short.token, **FAST)
    ) as run:
        await run.catches_up()

    assert len(run.refused()) == 600
    assert all("beyond retention policy" in line["words"] for line in run.refused())


async def test_a_bucket_that_is_missing_is_said_and_written_once_it_is_made(influxdb: InfluxDB, log: SqliteLog) -> None:
    log.append(Batch(every_kind(30, seed=3), T0_MS))
    for bucket in ("late/weeks", f"{influxdb.database}/weeks"):  # no database: 404; no retention policy: 500
        missing = InfluxOptions(influxdb.url, bucket=bucket, token=influxdb.token, **FAST)
        async with running(log, missing) as run:
            trouble = await run.says("has no such bucket")
            assert "carewatch influx setup" in trouble.remedy
            assert set_up(missing, keep_days=0)[0].made is Made.CREATED
            await run.catches_up()
        log.drop_place("influx")
        assert len(stored(missing)) == 30


def test_alerts_are_points_too(influxdb: InfluxDB) -> None:
    states = ["firing", "resolved"]
    points = [AlertPoint("W1", "东 区", "sos", "emergency", s, "v1", T0_MS, n) for n, s in enumerate(states)]
    influxdb.write(b"".join(alert_lines(points)).decode())

    assert list(read_points(options(influxdb), "alert", T0_MS, T0_MS + 1, "W1")) == [
        Point(
            "alert",
            "W1",
            "东 区",
            T0_MS * 1_000_000 + n,
            {"rule": "sos", "severity": "emergency", "state": state, "rule_version": "v1"},
        )
        for n, state in enumerate(states)
    ]


def test_a_question_with_quotes_in_it_finds_nothing_and_does_no_harm(influxdb: InfluxDB) -> None:
    assert list(read_points(options(influxdb), 'a"b\\', T0_MS, T0_MS + 1, 'W" or "" == "')) == []
