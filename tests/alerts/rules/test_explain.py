"""Explaining: what the page says to someone who asks why."""

from __future__ import annotations

import pytest

from alerts.engine.contract import SettingsDocument
from alerts.engine.settings import EngineSettings
from alerts.rules.explain import explain
from ingest.log.contract import Record, RecordKind
from ingest.reading import Kind, Readings
from tests.alerts.engine.one_watch import at

RULES = """
[limit]
high = 131
[signal]
rest = "since(steps > 0) >= 10 * minute"
[[rule]]
name = "high"
severity = "emergency"
when = "rest and maybe(worn) and bpm >= limit.high"
hold = "2 min"
[[rule]]
name = "fall"
severity = "emergency"
event = true
when = "on_fall and maybe(not cancelled)"
wait = "30 s"
unless = "cancelled"
"""
SETTINGS = EngineSettings.of(SettingsDocument(1, 0, RULES))


def records(*rows):
    """One record for each clock, with a stranger's reading in it."""
    found = []
    for number, (clock, cells) in enumerate(rows, start=1):
        row = {"watch": 7, "kind": Kind.HEART_RATE, "time_ms": at(clock), "arrival_ms": at(clock), **cells}
        other = {"watch": 2, "kind": Kind.HEART_RATE, "time_ms": at(clock), "arrival_ms": at(clock), "bpm": 60}
        readings = Readings.of_rows([other, row])
        found.append(Record(number, RecordKind.READINGS, at(clock), readings=readings))
    return found


LOG = records(
    ("14:00:00", {"bpm": 80, "steps": 5}),
    ("14:10:00", {"bpm": 135}),
    ("14:11:00", {"bpm": 135}),
    ("14:11:20", {"bpm": 128}),
    ("14:12:00", {"steps": 0}),
)


def test_it_tells_what_is_still_missing():
    page = explain("high", LOG, SETTINGS, 7, at("14:11:10"))
    assert "pending since 2026-01-05 14:10:00" in page
    assert "held 1 min of 2 min" in page
    assert "true    since(steps > 0) >= (10 * minute)   [since(steps > 0) = 11 min]" in page
    assert "true    bpm >= limit.high   [bpm = 135, limit.high = 131]" in page
    assert "true    maybe(worn)   [worn = unknown]" in page


def test_it_tells_by_what_a_run_was_broken():
    page = explain("high", LOG, SETTINGS, 7, at("14:11:30"))
    assert "inactive" in page
    assert "false   bpm >= limit.high   [bpm = 128, limit.high = 131]" in page
    assert "14:11:20 broken (opposite)  since(steps > 0) 680.0, worn unknown, bpm 128.0" in page


def test_it_tells_what_is_unknown():
    page = explain("high", LOG, SETTINGS, 7, at("14:20"))
    assert "unknown when: all of" in page
    assert "unknown bpm >= limit.high   [bpm = unknown, limit.high = 131]" in page


def test_an_event_rule():
    log = records(("14:00", {"kind": Kind.FALL, "confidence": 0.5}), ("14:01", {"bpm": 70}))
    page = explain("fall", log, SETTINGS, 7, at("14:05"))
    assert "firing since 2026-01-05 14:01:00" not in page
    assert "14:00:00 pending (run_began)" in page


def test_nothing_heard_and_no_such_rule():
    assert "no reading that it runs on has come" in explain("fall", LOG, SETTINGS, 9, at("14:05"))
    with pytest.raises(KeyError):
        explain("hihg", LOG, SETTINGS, 7, at("14:05"))
