"""Falls and SOS calls: every doubt alerts."""

from __future__ import annotations

import pytest

from alerts.engine.contract import Person
from ingest.reading import Flag, Kind
from tests.alerts.engine.one_watch import Log, at

RULES = """
[[rule]]
name = "fall"
severity = "emergency"
event = true
when = "on_fall and maybe(not cancelled)"
wait = "30 s"
unless = "cancelled"
sooner = "still_s >= 20 or confidence >= 0.9 or watch.counts_down"
same_within = "10 min"
[[rule]]
name = "sos"
severity = "emergency"
event = true
when = "on_sos and maybe(not cancelled)"
unless = "cancelled"
same_within = "10 min"
"""


@pytest.fixture
def log():
    return Log(RULES)


@pytest.mark.parametrize("flag", [Flag.UNDECODABLE, Flag.UNKNOWN_VERSION, Flag.TIME_MISSING, Flag.UNKNOWN_WATCH])
@pytest.mark.parametrize("kind", [Kind.FALL, Kind.SOS])
def test_an_emergency_of_which_only_the_topic_is_known_fires(log, kind, flag):
    log.hear(kind, "14:00", flags=flag)
    log.tick_to("14:01")
    assert "firing" in [t.change for t in log.told]


@pytest.mark.parametrize("cells", [{"still_s": 20}, {"confidence": 0.95}])
def test_a_fall_without_doubt_does_not_wait(log, cells):
    log.hear(Kind.FALL, "14:00", **cells)
    assert log.story() == ["pending run_began 14:00:00", "firing sooner 14:00:00"]


def test_a_watch_that_counts_down_itself_is_not_waited_for():
    log = Log(RULES, {0: Person(facts={"counts_down": 1.0})})
    log.hear(Kind.FALL, "14:00")
    assert log.story() == ["pending run_began 14:00:00", "firing sooner 14:00:00"]


def test_stillness_reported_later_confirms_a_pending_fall(log):
    log.hear(Kind.FALL, "14:00:00", still_s=0)
    log.hear(Kind.FALL, "14:00:20", still_s=20)
    log.tick_to("14:02")
    assert log.story() == ["pending run_began 14:00:00", "firing sooner 14:00:20"]
    assert [t.started_ms for t in log.told] == [at("14:00")] * 2


def test_an_old_cancellation_does_not_call_off_a_new_fall(log):
    log.hear(Kind.FALL, "14:00:00")
    log.hear(Kind.FALL, "13:59:00", arrives="14:00:10", cancelled=1)
    log.tick_to("14:01")
    assert log.story() == ["pending run_began 14:00:00", "firing timer 14:00:30"]


def test_a_cancellation_after_the_alert_is_said(log):
    log.hear(Kind.FALL, "14:00:00")
    log.hear(Kind.FALL, "14:00:50", cancelled=1)
    assert log.story()[1:] == ["firing timer 14:00:30", "resolved unless 14:00:50"]


def test_a_fall_soon_after_a_resolved_one_is_marked_a_reopening(log):
    log.hear(Kind.SOS, "14:00:00")
    log.hear(Kind.SOS, "14:00:50", cancelled=1)
    log.hear(Kind.SOS, "14:05:00")
    assert [t.reopened for t in log.told] == [False, False, True]
    log.hear(Kind.SOS, "14:05:30", cancelled=1)
    log.hear(Kind.SOS, "14:15:31")
    assert log.told[-1].reopened is False


def test_a_repeat_within_ten_minutes_joins_and_is_counted(log):
    log.hear(Kind.SOS, "14:00:00")
    log.hear(Kind.SOS, "14:09:00")
    log.hear(Kind.SOS, "14:11:00")
    assert log.story() == ["firing event 14:00:00", "repeated same 14:09:00", "firing event 14:11:00"]
    assert [t.started_ms for t in log.told] == [at("14:00"), at("14:00"), at("14:11")]


def test_a_late_sos_fires_and_says_so(log):
    log.hear(Kind.SOS, "14:31")
    told = log.hear(Kind.SOS, "14:02", arrives="14:31:05")
    assert [(t.change, t.late, t.started_ms, t.arrival_ms) for t in told] == [
        ("firing", True, at("14:02"), at("14:31:05"))
    ]


def test_every_fall_of_a_backlog_alerts(log):
    for hour in range(8, 13):
        log.hear(Kind.FALL, f"{hour:02}:00", arrives="14:00")
    log.tick_to("14:01")
    assert [t.started_ms for t in log.told if t.change == "firing"] == [at(f"{hour:02}:00") for hour in range(8, 13)]


def test_two_watches_fall_at_once(log):
    log.hear(Kind.FALL, "14:00:00", watch=3)
    log.hear(Kind.FALL, "14:00:00", watch=1)
    log.tick_to("14:01")
    assert [t.watch for t in log.told if t.change == "firing"] == [1, 3]


def test_a_timer_does_not_run_while_carewatch_is_away(log):
    log.hear(Kind.FALL, "14:00:00")
    log.tick("14:05:00")
    log.tick_to("14:05:40")
    assert log.story()[-1] == "firing timer 14:05:30"


@pytest.mark.parametrize(("by_s", "fires"), [(3600, "15:00:30"), (-1800, "13:30:30")])
def test_a_step_of_the_wall_clock_moves_the_timer(log, by_s, fires):
    log.hear(Kind.FALL, "14:00:00")
    log.tick_to("14:00:10")
    log.step(log.now + by_s * 1000, by_s * 1000)
    log.tick_to(log.now + 60_000)
    assert log.story()[-1] == f"firing timer {fires}"
