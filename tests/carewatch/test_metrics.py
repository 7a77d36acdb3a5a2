"""/metrics: what Prometheus reads, with a type and a meaning for every number."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from carewatch.health import Health
from carewatch.metrics.declared import METRICS
from carewatch.metrics.page import metrics_table
from carewatch.status import Buckets, Problem, RoleStatus, write_status
from ingest.histogram import Histogram
from ingest.tally import Tally

ALERTS = RoleStatus("alerts", 1, counters={"records": 7.0}, gauges={"lag_records": 2.0})
DOCS = Path(__file__).parents[2] / "docs" / "operations.md"


async def scraped(tmp_path, ingest):
    write_status(tmp_path / "ingest", ingest)
    health = Health(lambda: ALERTS, {"ingest": tmp_path / "ingest"}, lambda: 0)
    transport = httpx.ASGITransport(Starlette(routes=health.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://board") as client:
        text = (await client.get("/metrics")).text
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(family):
    return {(sample.name, *sample.labels.values()): sample.value for sample in family.samples}


async def test_numbers_have_type_meaning_and_label(tmp_path):
    ingest = RoleStatus(
        "ingest",
        2,
        counters={"readings_committed": 41.0, "quarantined": 5.0},
        gauges={"log_bytes": 8192.0},
        by_label={"quarantined": {"not_json": 3.0, "bad_frame": 2.0}, "link_up": {"emergencies": 1.0, "readings": 0.0}},
    )
    found = await scraped(tmp_path, ingest)
    committed = found["carewatch_ingest_readings_committed"]
    assert (committed.type, committed.documentation) == ("counter", "readings in the log")
    assert values(committed) == {("carewatch_ingest_readings_committed_total",): 41}
    assert values(found["carewatch_ingest_quarantined"]) == {
        ("carewatch_ingest_quarantined_total", "not_json"): 3,
        ("carewatch_ingest_quarantined_total", "bad_frame"): 2,
    }
    assert found["carewatch_ingest_link_up"].type == "gauge"
    assert values(found["carewatch_ingest_link_up"]) == {
        ("carewatch_ingest_link_up", "emergencies"): 1,
        ("carewatch_ingest_link_up", "readings"): 0,
    }
    assert values(found["carewatch_alerts_lag_records"]) == {("carewatch_alerts_lag_records",): 2}


async def test_times_are_histograms_in_seconds(tmp_path):
    commits = Histogram((0.01, 0.1))
    for took_s in (0.004, 0.01, 0.05, 3.0):
        commits.observe(took_s)
    buckets = Buckets(commits.bounds, commits.cumulative(), commits.total)
    found = await scraped(tmp_path, RoleStatus("ingest", 2, histograms={"commit_seconds": buckets}))
    family = found["carewatch_ingest_commit_seconds"]
    assert family.type == "histogram"
    assert values(family) == {
        ("carewatch_ingest_commit_seconds_bucket", "0.01"): 2,
        ("carewatch_ingest_commit_seconds_bucket", "0.1"): 3,
        ("carewatch_ingest_commit_seconds_bucket", "+Inf"): 4,
        ("carewatch_ingest_commit_seconds_count",): 4,
        ("carewatch_ingest_commit_seconds_sum",): pytest.approx(3.064),
    }


async def test_problems_are_counted_by_part(tmp_path):
    away = [Problem("broker", f"no link for {name}", "start it", 1) for name in ("emergencies", "readings")]
    found = await scraped(tmp_path, RoleStatus("ingest", 2, problems=tuple(away)))
    assert values(found["carewatch_problems"]) == {("carewatch_problems", "broker"): 2}


def test_whatever_the_tally_counts_is_declared():
    tally = Tally()
    told = {*tally.totals(), *tally.by_label(), *tally.histograms()}
    assert told - {metric.name for metric in METRICS if metric.role == "ingest"} == set()


def test_the_page_has_the_table_and_names_are_prometheus_names():
    assert metrics_table() in DOCS.read_text("utf-8")
    assert len({metric.shown for metric in METRICS}) == len(METRICS)
    assert [metric.shown for metric in METRICS if not re.fullmatch(r"[a-z][a-z0-9_]*", metric.shown)] == []
    assert [metric.shown for metric in METRICS if metric.shown.endswith("_s")] == []
