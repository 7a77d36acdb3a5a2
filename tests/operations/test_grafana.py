"""The dashboard's queries, run on a real InfluxDB after points as carewatch writes them (WIRE.md section 4)."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from influxdb_client import InfluxDBClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb_client import QueryApi

    from tests.servers.influxdb import InfluxDB

GRAFANA = Path(__file__).resolve().parents[2] / "config" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "carewatch.json").read_text())
PANELS: dict[str, dict[str, Any]] = {panel["title"]: panel for panel in DASHBOARD["panels"]}
MINUTE_NS = 60 * 10**9


def as_grafana_sends(query: str, bucket: str, watch: str = ".*") -> str:
    """Put in what Grafana puts in."""
    for written, meant in (
        ("v.defaultBucket", f'"{bucket}"'),
        ("v.timeRangeStart", "-1h"),
        ("v.timeRangeStop", "now()"),
        ("v.windowPeriod", "1m"),
        ("${watch:regex}", watch),
    ):
        query = query.replace(written, meant)
    assert not re.search(r"\bv\.[a-z]|\$\{", query), f"a variable is left in {query}"
    return query


@pytest.fixture
def written(influxdb: InfluxDB) -> InfluxDB:
    """Two watches, the last 30 minutes; A fires once."""
    now_ns = time.time_ns()
    lines = []
    for minute in range(30):
        at = now_ns - minute * MINUTE_NS
        lines.append(f"heart_rate,watch=A,site=street bpm=70,arrival_s=2 {at}")
        lines.append(f"heart_rate,watch=B,site=street bpm=90,arrival_s=30 {at + 1}")
        lines.append(f"location,watch=A,site=street lat=22.5,lon=114.1,arrival_s=2 {at + 2}")
    for number, state in enumerate(("pending", "firing", "resolved")):
        at = now_ns - (20 - number) * MINUTE_NS
        lines.append(f'alert,watch=A,site=street,rule=fall,severity=emergency state="{state}",version="1" {at}')
    influxdb.write("\n".join(lines))
    return influxdb


@pytest.fixture
def api(written: InfluxDB) -> Iterator[QueryApi]:
    with InfluxDBClient(written.url, written.token, org=written.org) as client:
        yield client.query_api()


def rows(api: QueryApi, server: InfluxDB, title: str, watch: str = ".*") -> list[dict[str, Any]]:
    query = as_grafana_sends(PANELS[title]["targets"][0]["query"], server.bucket, watch)
    return [record.values for table in api.query(query) for record in table.records]


@pytest.mark.server
def test_heart_rates_are_shown_by_watch(api: QueryApi, written: InfluxDB) -> None:
    assert {(row["watch"], row["_value"]) for row in rows(api, written, "Heart rate by watch")} == {
        ("A", 70),
        ("B", 90),
    }
    assert {row["watch"] for row in rows(api, written, "Heart rate by watch", "(A)")} == {"A"}


@pytest.mark.server
def test_watches_heard_of_are_counted_once_each(api: QueryApi, written: InfluxDB) -> None:
    [row] = rows(api, written, "Watches heard of in the last 15 minutes")
    assert row["_value"] == 2


@pytest.mark.server
def test_emergencies_are_counted_by_their_rising_edge(api: QueryApi, written: InfluxDB) -> None:
    [row] = rows(api, written, "Emergencies in this time")
    assert row["_value"] == 1


@pytest.mark.server
def test_readings_a_second_are_counted_by_kind(api: QueryApi, written: InfluxDB) -> None:
    """Two heart rates and one location a minute."""
    found = rows(api, written, "Readings a second by kind")
    most = {kind: max(row["_value"] for row in found if row["kind"] == kind) for kind in ("heart_rate", "location")}
    assert most == {"heart_rate": pytest.approx(2 / 60), "location": pytest.approx(1 / 60)}
    assert sum(row["_value"] for row in found) * 60 == pytest.approx(90)


@pytest.mark.server
def test_lateness_is_that_of_the_slow_ones(api: QueryApi, written: InfluxDB) -> None:
    found = rows(api, written, "How late readings arrive (95 of 100 are sooner)")
    late = {
        kind: max(row["_value"] for row in found if row["_measurement"] == kind) for kind in ("heart_rate", "location")
    }
    assert late == {"heart_rate": pytest.approx(30), "location": pytest.approx(2)}


@pytest.mark.server
def test_alerts_are_listed_newest_first(api: QueryApi, written: InfluxDB) -> None:
    found = rows(api, written, "Alerts")
    assert [(row["watch"], row["rule"], row["severity"], row["state"]) for row in found] == [
        ("A", "fall", "emergency", state) for state in ("resolved", "firing", "pending")
    ]
    assert rows(api, written, "Alerts", "B") == []


@pytest.mark.server
def test_one_may_choose_among_the_watches(api: QueryApi, written: InfluxDB) -> None:
    [variable] = DASHBOARD["templating"]["list"]
    query = as_grafana_sends(variable["query"]["query"], written.bucket)
    assert sorted(record.get_value() for table in api.query(query) for record in table.records) == ["A", "B"]


def test_every_panel_asks_the_provisioned_source() -> None:
    [source] = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "influxdb.yaml").read_text())["datasources"]
    assert source["jsonData"]["version"] == "Flux"
    for panel in DASHBOARD["panels"]:
        assert {panel["datasource"]["uid"], *(t["datasource"]["uid"] for t in panel["targets"])} == {source["uid"]}
        assert panel["description"]


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)


def test_the_dashboard_is_found_where_it_is_mounted() -> None:
    [provider] = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "carewatch.yaml").read_text())["providers"]
    assert (
        f"./config/grafana/dashboards:{provider['options']['path']}:ro"
        in (GRAFANA.parents[1] / "docker-compose.yml").read_text()
    )
