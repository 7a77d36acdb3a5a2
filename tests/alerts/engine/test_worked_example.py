"""The worked example of the rules' semantics, line by line."""

from __future__ import annotations

import pytest

from ingest.reading import Kind
from tests.alerts.engine.one_watch import MINUTE, Log, at, clock_of

RULES = """
[limit]
hr_very_high = 131
[signal]
rest = "since(steps > 0) >= 10 * minute"
[[rule]]
name = "heart_rate_very_high_at_rest"
severity = "emergency"
when = "rest and bpm >= limit.hr_very_high"
hold = "2 min"
max_gap = "3 min"
clear = "bpm < 125"
clear_hold = "5 min"
[[rule]]
name = "fall"
severity = "emergency"
event = true
when = "on_fall and maybe(not cancelled)"
wait = "30 s"
unless = "cancelled"
same_within = "10 min"
[[rule]]
name = "silent"
severity = "warning"
absent = "any"
wait = "30 min"
unless = "known_cause"
"""
RULE = "heart_rate_very_high_at_rest"


@pytest.fixture
def log():
    log = Log(RULES)
    log.heart("07:40", 80, steps=12)
    return log


def test_the_table(log):
    log.tick_to("07:59:59")
    story = [
        ("08:00:00", 135, ["pending run_began 08:00:00"]),
        ("08:01:00", None, []),
        ("08:01:30", 133, []),
        ("08:02:00", 134, ["firing held 08:02:00"]),
        ("08:03:00", 128, []),
        ("08:04:00", 120, []),
        ("08:06:00", 126, []),
        ("08:07:00", 118, []),
        ("08:09:30", 117, []),
        ("08:12:00", 115, ["resolved cleared 08:12:00"]),
    ]
    for clock, bpm, expected in story:
        told = log.heart(clock, bpm)
        assert [f"{t.change} {t.why} {clock_of(t.at_ms)}" for t in told] == expected, clock
    firing = next(t for t in log.told if t.change == "firing")
    assert firing.started_ms == at("08:00:00")
    assert firing.inputs == {"since(steps > 0)": 22 * 60.0, "bpm": 134.0, "limit.hr_very_high": 131.0}
    assert firing.message == RULE
    resolved = log.told[-1]
    assert (resolved.started_ms, resolved.event_ms) == (at("08:00:00"), at("08:12:00"))


def test_a_gap_of_three_minutes_goes_on(log):
    log.heart("08:00:00", 135)
    log.heart("08:03:00", 135)
    assert log.story(RULE) == ["pending run_began 08:00:00", "firing held 08:03:00"]


def test_a_longer_gap_starts_the_run_again(log):
    log.heart("08:00:00", 135)
    log.heart("08:03:01", 135)
    assert log.story(RULE) == [
        "pending run_began 08:00:00",
        "broken gap 08:03:01",
        "pending run_began 08:03:01",
    ]
    assert log.told[-1].started_ms == at("08:03:01")


def test_a_reading_eleven_seconds_behind_its_lane_is_ignored(log):
    log.heart("08:10:00", 80)
    log.heart("08:09:49", 140, arrives="08:10:01")
    assert log.story(RULE) == []


def test_a_reading_ten_seconds_behind_its_lane_is_taken_as_of_the_lane(log):
    log.heart("08:10:00", 80)
    log.heart("08:09:50", 140, arrives="08:10:01")
    assert log.story(RULE) == ["pending run_began 08:10:01"]
    assert log.told[-1].started_ms == at("08:10:00")
    assert log.told[-1].event_ms == at("08:09:50")


def test_a_fall_fires_when_its_timer_ends_not_when_the_tick_comes():
    log = Log(RULES)
    log.hear(Kind.FALL, "14:32:00", arrives="14:32:00.2")
    log.tick("14:32:09")
    log.tick("14:32:18")
    log.tick("14:32:27")
    log.tick("14:32:31")
    assert log.story("fall") == ["pending run_began 14:32:00.2", "firing timer 14:32:30.2"]
    assert [t.started_ms for t in log.told] == [at("14:32:00")] * 2
    assert log.told[0].due_ms == at("14:32:30.2")


def test_a_fall_called_off_in_time_never_fires():
    log = Log(RULES)
    log.hear(Kind.FALL, "14:32:00", arrives="14:32:00.2")
    log.hear(Kind.FALL, "14:32:20", cancelled=1)
    log.tick_to("14:40")
    assert log.story("fall") == ["pending run_began 14:32:00.2", "called_off unless 14:32:20"]


def test_silence_is_said_after_thirty_minutes():
    log = Log(RULES)
    log.heart("13:00", 70)
    log.tick_to("13:35")
    assert log.story("silent") == ["firing absent 13:30:00"]


def test_silence_does_not_count_the_time_when_carewatch_was_away():
    log = Log(RULES)
    log.heart("13:00", 70)
    log.tick_to("13:10")
    log.tick("13:50")
    log.tick_to("14:15")
    assert log.story("silent") == ["firing absent 14:10:00"]
    assert at("14:10") - at("13:50") == 20 * MINUTE
