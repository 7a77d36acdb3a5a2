"""Setting up real InfluxDBs 1.8.10 and 1.6, and the hours that they make."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from influxdb_client import InfluxDBClient

from ingest.influx.hourly import HOURLY, continuous_query, flux, influxql
from ingest.influx.options import InfluxOptions
from ingest.influx.setup import set_up
from ingest.influx.steps import Made, SetupError
from ingest.reading import COLUMN
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from tests.servers.fixtures import StartInfluxDB
    from tests.servers.influxdb import InfluxDB

pytestmark = pytest.mark.server
HOUR_NS = 3_600_000_000_000
T0_NS = 1_780_000_000_000_000_000 // HOUR_NS * HOUR_NS


def options(server: InfluxDB, bucket: str = "") -> InfluxOptions:
    return InfluxOptions(server.url, bucket=bucket or server.bucket, token=server.token)


def write_three_hours(server: InfluxDB) -> None:
    """Four readings each, of which the last has battery 90, 89, 88."""
    lines = [
        f"heart_rate,watch=W1,site=a bpm={70 + 10 * n + hour},steps={n}i,battery={90 - hour},worn=true,arrival_s=1 "
        f"{T0_NS + hour * HOUR_NS + n * 1_000_000_000}"
        for hour in range(3)
        for n in range(4)
    ]
    server.write("\n".join([*lines, f'status,watch=W1,site=a event="worn",steps=9i,arrival_s=1 {T0_NS}']))


def hours(server: InfluxDB, measurement: str = "heart_rate") -> list[dict]:
    return [
        {name: value for name, value in row.items() if value is not None}
        for row in server.influxql(f'SELECT * FROM "autogen_hourly"."{measurement}"')  # noqa: S608 - no stranger's
    ]


WANTED = [
    {
        "time": T0_NS + hour * HOUR_NS,
        "watch": "W1",
        "site": "a",
        "bpm_mean": 85 + hour,
        "bpm_min": 70 + hour,
        "bpm_max": 100 + hour,
        "bpm_count": 4,
        "steps": 6,
        "battery": 90 - hour,
    }
    for hour in range(3)
]


def test_it_makes_the_bucket_once_and_changes_its_retention(influxdb: InfluxDB) -> None:
    wanted = options(influxdb, "made by/setup")

    assert [set_up(wanted, days)[0].made for days in (30, 30, 400, 0, 0)] == [
        Made.CREATED,
        Made.ALREADY,
        Made.CHANGED,
        Made.CHANGED,
        Made.ALREADY,
    ]
    (policy,) = [p for p in influxdb.influxql('SHOW RETENTION POLICIES ON "made by"') if p["name"] == "setup"]
    assert (policy["duration"], policy["default"]) == ("0s", True)


@pytest.mark.parametrize("program_name", ["influxd", "influxd-1.6"])
def test_the_hours_of_what_is_there_are_made_once_and_each_new_hour_by_a_query(
    start_influxdb: StartInfluxDB, program_name: str
) -> None:
    server = start_influxdb("", program_name)
    write_three_hours(server)

    said = [list(map(str, set_up(options(server), 30, 400))) for _ in range(2)]

    things = [
        f"{server.database}/autogen, kept 30 days",
        f"{server.database}/autogen_hourly, kept 400 days",
        "continuous query carewatch_autogen_heart_rate, heart_rate by the hour",
        "continuous query carewatch_autogen_status, status by the hour",
    ]
    made = (["changed", "created", "created", "created"], ["already there"] * 4)
    assert said == [[f"{thing}: {done}" for thing, done in zip(things, each, strict=True)] for each in made]
    assert hours(server) == WANTED
    assert hours(server, "status") == [{"time": T0_NS, "watch": "W1", "site": "a", "steps": 9}]
    queries = server.influxql("SHOW CONTINUOUS QUERIES")
    assert [row["name"] for row in queries] == ["carewatch_autogen_heart_rate", "carewatch_autogen_status"]
    assert all("RESAMPLE EVERY 1h FOR 2d" in row["query"] for row in queries)


def test_a_name_that_needs_quotes_is_looked_up_as_it_was_made(influxdb: InfluxDB) -> None:
    wanted = options(influxdb, 'a "site" of/years-1')

    assert {step.made for step in set_up(wanted, 30, 0)} == {Made.CREATED}
    assert {step.made for step in set_up(wanted, 30, 0)} == {Made.ALREADY}


def test_a_query_of_an_older_version_is_made_anew(influxdb: InfluxDB) -> None:
    write_three_hours(influxdb)
    set_up(options(influxdb), 0, 0)
    database = influxdb.database
    name = f'"carewatch_autogen_heart_rate" ON "{database}"'
    influxdb.influxql(f"DROP CONTINUOUS QUERY {name}")
    into = f'INTO "{database}"."autogen_hourly"."heart_rate" FROM "{database}"."autogen"."heart_rate"'
    influxdb.influxql(
        f'CREATE CONTINUOUS QUERY {name} BEGIN SELECT max("bpm") AS "bpm_mean" {into} GROUP BY time(1h), * END'
    )

    made = [step.made for step in set_up(options(influxdb), 0, 0)]

    assert made == [Made.ALREADY, Made.ALREADY, Made.CHANGED, Made.ALREADY]


def test_influxdb_makes_the_hours_of_the_last_two_days_by_itself(influxdb: InfluxDB) -> None:
    database = f'"{influxdb.database}"'
    policies = [f"{database}.{policy}" for policy in ('"autogen"', '"autogen_hourly"')]
    influxdb.influxql(f'CREATE RETENTION POLICY "autogen_hourly" ON {database} DURATION INF REPLICATION 1')
    hour_ns = (time.time_ns() // HOUR_NS - 30) * HOUR_NS
    influxdb.write("\n".join(f"heart_rate,watch=W1 bpm={70 + n} {hour_ns + n}" for n in range(3)))

    influxdb.influxql(continuous_query('"q"', database, influxql("heart_rate", *policies)))

    [hour] = wait_until(lambda: hours(influxdb), 60, "InfluxDB to run the query")
    assert (hour["time"], hour["bpm_mean"], hour["bpm_count"]) == (hour_ns, 71, 3)


def test_the_script_of_2x_makes_the_same_hours_from_the_same_readings(influxdb: InfluxDB) -> None:
    """1.8's Flux cannot write; what it would write is read here."""
    write_three_hours(influxdb)
    rows: dict[int, dict] = {}
    with InfluxDBClient(influxdb.url, influxdb.token, org="-") as client:
        for table in client.query_api().query(flux(influxdb.bucket, "", "start: 0, stop: 2030-01-01T00:00:00Z")):
            for record in table.records:
                if record.values["_measurement"] == "heart_rate":
                    row = rows.setdefault(int(record.get_time().timestamp()) * 1_000_000_000, {})
                    row[record.get_field()] = record.get_value()

    kept = {"time", "watch", "site"}
    assert rows == {hour["time"]: {n: v for n, v in hour.items() if n not in kept} for hour in WANTED}


def test_every_field_of_the_hours_is_one_that_is_written() -> None:
    assert all(hour.field in COLUMN and COLUMN[hour.field].influx in {"float", "integer"} for hour in HOURLY)
    assert all(hour.measurement in {kind.topic for kind in COLUMN[hour.field].kinds} for hour in HOURLY)
    assert len({(hour.measurement, hour.name) for hour in HOURLY}) == len(HOURLY)
    assert influxql("status", "s", "t").startswith('SELECT sum("steps") AS "steps"')


def test_it_says_what_is_wrong(influxdb: InfluxDB) -> None:
    with pytest.raises(SetupError, match=r"401 .*correct influx.token"):
        set_up(InfluxOptions(influxdb.url, token="carewatch:wrong"), 30)
    with pytest.raises(SetupError, match=r"start InfluxDB or correct influx.url"):
        set_up(InfluxOptions("http://127.0.0.1:9"), 30)
    influxdb.influxql("CREATE USER \"reader\" WITH PASSWORD 'reader'")
    with pytest.raises(SetupError, match=r"403 .*rights"):
        set_up(InfluxOptions(influxdb.url, token="reader:reader"), 30)
    influxdb.influxql('DROP USER "reader"')
