"""Settings change while alerts are open; snapshots carry everything."""

from __future__ import annotations

import pytest

from alerts.engine.apply import apply
from alerts.engine.change import change_settings
from alerts.engine.contract import Person, SettingsDocument
from alerts.engine.settings import EngineSettings
from alerts.engine.snapshot import SnapshotError, dump, load
from ingest.log.contract import Record, RecordKind
from ingest.reading import Kind, Readings
from tests.alerts.engine.one_watch import Log, at, clock_of
from tests.alerts.engine.streams import SETTINGS, Stream
from tests.alerts.engine.test_agrees_with_oracle import run, whole

HIGH = """
[[rule]]
name = "high"
severity = "warning"
when = "bpm >= {limit}"
hold = "{hold}"
clear_hold = "1 min"
"""
FALL = """
[[rule]]
name = "fall"
severity = "emergency"
event = true
when = "on_fall"
wait = "{wait}"
"""
SILENT = """
[[rule]]
name = "silent"
severity = "warning"
absent = "any"
wait = "{wait}"
"""
RULES = HIGH.format(limit=120, hold="2 min") + FALL.format(wait="30 s") + SILENT.format(wait="30 min")


def settings(rules, people=None):
    return EngineSettings.of(SettingsDocument(2, 0, rules, people=people or {}))


def change(log, rules):
    new = settings(rules)
    log.state, told = change_settings(log.state, log.settings, new)
    log.settings = new
    log.told += told
    return told


@pytest.fixture
def log():
    log = Log(RULES)
    log.heart("08:00", 125)
    return log


def test_an_unchanged_rule_keeps_its_run_when_others_change(log):
    change(log, SILENT.format(wait="20 min") + HIGH.format(limit=120, hold="2 min") + FALL.format(wait="10 s"))
    log.heart("08:02", 125)
    assert log.story("high") == ["pending run_began 08:00:00", "firing held 08:02:00"]


def test_an_edited_rule_starts_its_hold_again(log):
    told = change(log, RULES.replace("bpm >= 120", "bpm >= 121"))
    assert [(t.change, t.why) for t in told] == [("broken", "rule_changed")]
    log.heart("08:02", 125)
    log.heart("08:04", 125)
    assert log.story("high")[2:] == ["pending run_began 08:02:00", "firing held 08:04:00"]


def test_an_edited_rule_keeps_its_open_alert(log):
    log.heart("08:02", 125)
    assert change(log, RULES.replace("bpm >= 120", "bpm >= 110")) == []
    log.heart("08:03", 125)
    log.heart("08:04", 100)
    log.heart("08:05", 100)
    assert log.story("high")[1:] == ["firing held 08:02:00", "resolved cleared 08:05:00"]
    assert log.told[-1].started_ms == at("08:00")


def test_a_rule_that_is_gone_ends_its_alert(log):
    log.heart("08:02", 125)
    told = change(log, FALL.format(wait="30 s") + SILENT.format(wait="30 min"))
    assert [(t.change, t.why, t.started_ms) for t in told] == [("resolved", "rule_changed", at("08:00"))]


def test_a_running_timer_survives_an_edit_of_its_rule(log):
    log.hear(Kind.FALL, "08:01")
    change(log, RULES.replace("30 s", "50 s"))
    log.tick_to("08:02")
    assert log.story("fall") == ["pending run_began 08:01:00", "firing timer 08:01:30"]


def test_a_shorter_wait_for_silence_is_decided_at_the_next_record(log):
    log.tick_to("08:20")
    change(log, RULES.replace("30 min", "10 min"))
    log.tick_to("08:21")
    assert log.story("silent") == ["firing absent 08:20:00"]


def test_settings_of_other_rules_are_refused(log):
    with pytest.raises(ValueError, match="change_settings"):
        apply(log.state, Record(9, RecordKind.TICK, log.now), settings(HIGH.format(limit=1, hold="1 min")))


def test_a_persons_own_limit_comes_before_the_default():
    rules = "[limit]\nhigh = 120\n" + HIGH.format(limit="limit.high", hold="1 min")
    log = Log(rules, {1: Person(limits={"high": 140})})
    for clock in ("08:00", "08:01"):
        for watch in (0, 1):
            log.heart(clock, 130, watch=watch)
    assert [(t.watch, t.inputs["limit.high"]) for t in log.told if t.change == "firing"] == [(0, 120)]


def test_a_snapshot_goes_on_where_it_stood(log):
    log.hear(Kind.FALL, "08:01:50", watch=70)
    log.state = load(dump(log.state), log.settings)
    log.heart("08:02", 125)
    log.tick_to("08:40")
    assert log.story() == [
        "pending run_began 08:00:00",
        "pending run_began 08:01:50",
        "firing held 08:02:00",
        "firing timer 08:02:20",
        "firing absent 08:31:50",
        "firing absent 08:32:00",
    ]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "checksum"),
        (lambda data: data[:-7], "checksum"),
        (lambda _data: b"", "no engine snapshot"),
        (lambda data: data.replace(b"state \x00\x01", b"state \x00\x09"), "version 9"),
    ],
)
def test_a_damaged_snapshot_is_refused_with_its_reason(log, damage, told):
    with pytest.raises(SnapshotError, match=told):
        load(damage(dump(log.state)), log.settings)


def test_a_snapshot_of_other_rules_is_refused(log):
    with pytest.raises(SnapshotError, match="other rules"):
        load(dump(log.state), settings(RULES.replace("120", "121")))


def test_nothing_heard_for_twelve_hours_ends_an_alert(log):
    log.heart("08:02", 125)
    for clock in range(at("08:30"), at("21:00"), 60_000):
        log.hear(Kind.STATUS, clock_of(clock))
    ended = [t for t in log.told if t.rule == "high"][-1]
    assert (ended.change, ended.why, clock_of(ended.at_ms)) == ("resolved", "no_readings", "20:02:00")


def test_a_watch_that_samples_every_ten_minutes_is_not_cut_by_gaps():
    log = Log(HIGH.format(limit=120, hold="20 min"))
    for minute in range(0, 60, 10):
        log.heart(f"08:{minute:02}", 80)
    for clock in ("09:00", "09:10", "09:20"):
        log.heart(clock, 125)
    assert log.story() == ["pending run_began 09:00:00", "firing held 09:20:00"]


def test_a_large_record_means_what_its_pieces_mean(monkeypatch):
    records = Stream(5, 300).records(whole)
    _, at_once = run(records)
    monkeypatch.setattr("alerts.engine.apply.MOST_ROWS", 7)
    state, in_pieces = run(records)
    assert at_once == in_pieces
    assert state.rules == tuple((rule.name, rule.version) for rule in SETTINGS.rules)


def test_one_long_pause_does_not_lengthen_the_gap_that_a_run_may_have():
    log = Log(HIGH.format(limit=120, hold="2 min"))
    for minute in range(6):
        log.heart(f"08:{minute:02}", 80)
    for minute in range(40, 43):  # the block with the pause has a mean of nine minutes
        log.heart(f"08:{minute:02}", 80)
    log.heart("08:43", 125)
    log.heart("08:47", 125)
    assert log.story() == ["pending run_began 08:43:00", "broken gap 08:47:00", "pending run_began 08:47:00"]


def test_an_alert_expires_with_the_first_record_that_reaches_its_deadline():
    log = Log(HIGH.format(limit=120, hold="0 s") + 'expire = "1 min"\n')
    log.heart("08:00", 125)
    log.tick_to("08:00:59")
    assert log.story() == ["firing held 08:00:00"]
    log.tick("08:01:00")
    assert log.story() == ["firing held 08:00:00", "resolved no_readings 08:01:00"]


def test_a_deadline_that_ends_as_deaf_time_begins_is_told_before_it(log):
    log.hear(Kind.FALL, "08:01:00")
    log.tick_to("08:01:25")
    rows = [
        {"watch": 3, "kind": Kind.STATUS, "time_ms": at(clock), "arrival_ms": at(clock)}
        for clock in ("08:01:30", "08:09")
    ]
    record = Record(log.state.offset + 1, RecordKind.READINGS, at("08:09"), readings=Readings.of_rows(rows))
    _, told = apply(log.state, record, log.settings)
    assert [(t.change, clock_of(t.at_ms)) for t in told] == [("firing", "08:01:30")]
