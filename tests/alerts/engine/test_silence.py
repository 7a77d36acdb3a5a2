"""Silence: asked about once, not while there is a reason, not because carewatch itself was away."""

from __future__ import annotations

import pytest

from ingest.reading import Event, Flag, Kind
from tests.alerts.engine.one_watch import Log, at

RULES = """
[[rule]]
name = "silent"
severity = "warning"
absent = "any"
wait = "30 min"
unless = "known_cause"
"""


@pytest.fixture
def log():
    log = Log(RULES)
    log.heart("13:00", 70, worn=1, battery=60)
    return log


@pytest.mark.parametrize(
    "cells",
    [
        {"worn": 0},
        {"charging": 1},
        {"battery": 5},
        {"event": Event.REMOVED},
        {"event": Event.CHARGING},
        {"event": Event.POWER_OFF},
    ],
)
def test_a_known_cause_calls_it_off(log, cells):
    log.hear(Kind.STATUS, "13:01", **cells)
    log.tick_to("13:40")
    assert log.story() == ["called_off unless 13:31:00"]


def test_the_brokers_word_that_a_watch_is_gone_is_no_word_of_the_watch(log):
    log.hear(Kind.STATUS, "13:10", event=Event.OFFLINE)
    log.tick_to("13:40")
    assert log.story() == ["firing absent 13:30:00"]


def test_a_new_reading_ends_it_and_an_old_backlog_does_not(log):
    log.tick_to("13:40")
    log.heart("13:05", 70, arrives="13:41")
    assert log.story() == ["firing absent 13:30:00"]
    log.heart("13:42", 70)
    assert log.story() == ["firing absent 13:30:00", "resolved heard_again 13:42:00"]
    assert log.told[-1].started_ms == at("13:00")


def test_a_second_silence_soon_after_is_marked_a_reopening(log):
    log.tick_to("13:40")
    log.heart("13:10:01", 70, arrives="13:40")
    log.tick_to("13:50")
    assert log.story()[1:] == ["resolved heard_again 13:40:00", "firing absent 13:40:01"]
    assert log.told[-1].reopened is True


def test_a_watch_that_begins_with_its_backlog_is_not_silent():
    log = Log(RULES)
    for minute in range(60):
        log.heart(f"12:{minute:02}", 70, arrives="13:00")
    log.tick_to("13:10")
    assert log.story() == []


def test_for_two_minutes_after_an_outage_absence_waits_for_the_backlog(log):
    log.tick_to("13:29:30")
    log.tick("13:40:00")
    log.heart("13:39:00", 70, arrives="13:41:30")
    log.tick_to("14:00")
    assert log.story() == []


def test_after_the_two_minutes_it_is_said(log):
    log.tick_to("13:29:30")
    log.tick("13:40:00")
    log.tick_to("14:00")
    assert log.story() == ["firing absent 13:42:00"]


def test_a_hundred_watches_are_not_silent_after_our_outage():
    log = Log(RULES)
    for watch in range(100):
        log.heart("13:00", 70, watch=watch)
    log.tick("15:00", deaf=True)
    log.tick_to("15:02")
    for watch in range(100):
        log.heart("15:01", 70, arrives="15:02", watch=watch)
    log.tick_to("15:10")
    assert log.story() == []


def test_a_clock_set_back_does_not_hide_a_silence():
    log = Log(RULES)
    log.heart("13:00", 70)
    log.heart("12:00", 70, arrives="13:01", flags=Flag.CLOCK_SET)
    log.tick_to("14:00")
    assert log.story()[0] == "firing absent 13:03:00"
