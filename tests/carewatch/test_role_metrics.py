"""The numbers of a running ingest, from the broker's link to the commit, as Prometheus gets them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aiomqtt
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from carewatch.health import Health
from carewatch.metrics.exposed import UNDECLARED
from carewatch.status import RoleStatus
from tests.carewatch.one_role import IngestRole
from tests.ingest.pipeline.flow import heart
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto


@pytest.fixture
def role(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[IngestRole]:
    one = IngestRole(tmp_path, mosquitto.url)
    one.start()
    yield one
    if one.process is not None:
        one.kill()


async def scraped(role: IngestRole) -> dict[str, float]:
    """Sample with its label -> value; every metric is described."""
    path = role.folder / "var" / "ingest.status.json"
    health = Health(lambda: RoleStatus("alerts", 1), {"ingest": path}, lambda: 0)
    transport = httpx.ASGITransport(Starlette(routes=health.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://board") as client:
        families = list(text_string_to_metric_families((await client.get("/metrics")).text))
    assert [family.name for family in families if family.documentation in {"", UNDECLARED}] == []
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.server
async def test_every_stage_of_a_running_ingest_has_its_numbers(role, mosquitto):
    await role.is_up()
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as watch:
        for seq in (1, 2, 2, 9):
            await watch.publish("watch/w1/heart_rate", json.dumps(heart(seq, oldest=seq, extra=1)), qos=1)
        await watch.publish("watch/w1/heart_rate", json.dumps(heart(10, bpm=9000)), qos=1)
        await watch.publish("watch/w1/heart_rate", b"no json", qos=1)
        await watch.publish("watch/w1/sos", json.dumps({"boot": 1, "seq": 11, "time": heart(1)["time"]}), qos=1)
    await eventually(lambda: role.status.by_label["messages"].get("readings") == 6, why="the readings")
    await eventually(lambda: role.status.by_label["messages"].get("emergencies") == 1, why="the emergency")
    found = await scraped(role)
    expected = {
        "carewatch_ingest_messages_total readings": 6,
        "carewatch_ingest_messages_total emergencies": 1,
        "carewatch_ingest_readings_committed_total": 5,
        "carewatch_ingest_duplicates_total": 1,
        "carewatch_ingest_lost_total": 6,
        "carewatch_ingest_shed_total": 0,
        "carewatch_ingest_unknown_fields_total": 4,
        "carewatch_ingest_unknown_watches_total": 1,
        "carewatch_ingest_quarantined_total not_json": 1,
        "carewatch_ingest_fields_emptied_total out_of_range": 1,
        "carewatch_ingest_link_up emergencies": 1,
        "carewatch_ingest_link_up readings": 1,
        "carewatch_ingest_link_connections_total readings": 1,
        "carewatch_ingest_watches_provisional": 1,
        "carewatch_ingest_room": 1,
        "carewatch_ingest_batches_waiting": 0,
    }
    assert {name: found.get(name) for name in expected} == expected
    commits = found["carewatch_ingest_commits_total"]
    assert commits >= 2
    assert found["carewatch_ingest_commit_seconds_count"] == commits
    assert found["carewatch_ingest_commit_rows_sum"] == 5
    assert found["carewatch_ingest_commit_seconds_sum"] > 0
    assert found["carewatch_ingest_puback_lag_seconds_count"] >= 2
    assert found["carewatch_ingest_puback_lag_seconds_sum"] > found["carewatch_ingest_commit_seconds_sum"] / commits
    assert found["carewatch_ingest_log_records"] == found["carewatch_ingest_log_end"] >= commits
    assert found["carewatch_ingest_log_bytes"] > 0
    assert found["carewatch_ingest_disk_free_bytes"] > 0
