"""`carewatch rules explain`: an officer asks why, or why not."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from alerts.adopt import adopt_settings
from alerts.store.database import open_store
from alerts.store.places import Place, move_place
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.watches import Watches
from tests.alerts.pipeline.watched_home import Alerts, Home
from tests.end_to_end.installed import ROOT

SHENZHEN = ZoneInfo("Asia/Shanghai")
RULE = "heart_rate_very_high_at_rest"
RULES = (ROOT / "config" / "rules.toml").read_text(encoding="utf-8")
HEART = [  # clock, beats a minute
    *((f"14:{minute:02}:00", 80) for minute in range(11)),
    ("14:11:00", 135),
    ("14:12:00", 136),
    ("14:12:20", 137),
    ("14:12:40", 120),
    ("14:20:00", 138),
    ("14:21:00", 139),
    ("14:22:00.400", 140),
    ("14:23:00", 141),
]


def ms(clock):
    return round(datetime.fromisoformat(f"2026-03-02T{clock}").replace(tzinfo=SHENZHEN).timestamp() * 1000)


@pytest.fixture
def replayed(carewatch, write, environment):
    """An afternoon of w1's, in the log through the same decoders, with the rules in force as at a start."""
    recorded = [
        {"at": ms(clock) / 1000, "topic": "watch/w1/heart_rate", "payload": payload}
        for seq, (clock, bpm) in enumerate(HEART, 1)
        for payload in [{"boot": 5, "seq": seq, "time": ms(clock), "bpm": bpm, "steps": 0}]
    ]
    file = write("recording.jsonl", "".join(json.dumps(line) + "\n" for line in recorded))
    assert carewatch("replay", "--log", environment / "readings.sqlite", file).code == 0
    put_in_force(environment, RULES)
    return carewatch


def put_in_force(environment, rules, from_offset=0):
    with (
        closing(SqliteLogReader(environment / "readings.sqlite")) as reader,
        closing(open_store(f"sqlite:///{environment / 'store.sqlite'}")) as store,
    ):
        with store.transaction() as connection:
            move_place(connection, Place(from_offset, 0))
        return adopt_settings(store, rules, "Asia/Shanghai", Watches(reader.watches()), 0).version


def explained(carewatch, time, rule=RULE, watch="w1"):
    said = carewatch("rules", "explain", watch, rule, time)
    assert (said.code, said.err) == (0, ""), said.err
    return said.out


def refused(carewatch, *arguments):
    said = carewatch("rules", "explain", *arguments)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1), said
    return said.err


def test_it_says_why_a_rule_did_not_fire_yet(replayed):
    page = explained(replayed, "2026-03-02 14:12:30")
    assert page.startswith(f"{RULE} (emergency), watch w1, as of 2026-03-02 14:12:30\n")
    assert "pending since 2026-03-02 14:11:00" in page
    assert "held 1 min 20 s of 2 min" in page
    assert "bpm >= limit.hr_very_high   [bpm = 137, limit.hr_very_high = 131]" in page


def test_it_says_by_what_a_hold_was_broken(replayed):
    page = explained(replayed, "2026-03-02 14:13")
    assert "false   bpm >= limit.hr_very_high   [bpm = 120, limit.hr_very_high = 131]" in page
    assert "14:12:40 broken (opposite)" in page


def test_it_says_why_it_fired(replayed):
    page = explained(replayed, "2026-03-02 14:22:00")
    assert "firing, started 2026-03-02 14:20:00" in page
    assert "14:22:00 firing (held)" in page
    assert "bpm 140.0" in page


def test_a_time_is_given_as_it_is_read_or_as_a_program_has_it(replayed):
    wanted = explained(replayed, "2026-03-02 14:12:20")
    assert explained(replayed, str(ms("14:12:20"))) == wanted
    assert explained(replayed, "2026-03-02T14:12:20") == wanted
    assert "held 1 min of 2 min" in explained(replayed, str(ms("14:12:20") - 1))


def test_a_time_alone_is_of_today(replayed, monkeypatch):
    started_ns = ms("18:00:00") * 1_000_000
    monkeypatch.setattr("carewatch.clock.WallClock.now_ns", lambda _clock: started_ns)
    assert explained(replayed, "14:12:30") == explained(replayed, "2026-03-02 14:12:30")
    assert explained(replayed, "14:12") == explained(replayed, "2026-03-02 14:12:00")


def test_the_rules_are_those_that_held_then(replayed, environment):
    records = len(HEART)
    put_in_force(environment, RULES.replace("hr_very_high = 131", "hr_very_high = 150"), records - 1)
    assert "limit.hr_very_high = 131" in explained(replayed, "2026-03-02 14:22:00")
    assert "limit.hr_very_high = 150" in explained(replayed, "2026-03-02 14:23:00")


@pytest.mark.slow
def test_an_alert_that_is_open_for_longer_than_a_day_has_its_own_start(carewatch, environment):
    with closing(Home(environment)) as home:
        for minute in range(-12, 0, 2):
            home.heart(60 * minute, 72)
        for minute in range(0, 27 * 60, 2):
            home.heart(60 * minute, 140)
        alerts = Alerts(environment, home)
        alerts.work(256)
        alerts.die()
    assert "firing, started 2026-11-24 14:32:00" in explained(carewatch, "2026-11-25 17:00:00")


def test_what_is_unknown_is_said_in_one_line(replayed):
    time = "2026-03-02 14:12:30"
    assert "watch 'W1': nobody knows it" in refused(replayed, "W1", RULE, time)
    said = refused(replayed, "w1", "heart_rate_very_hihg_at_rest", time)
    assert f"did you mean '{RULE}'?" in said
    assert "sos" in said
    assert "write HH:MM" in refused(replayed, "w1", RULE, "half past two")
    assert "write HH:MM" in refused(replayed, "w1", RULE, "25:00")


@pytest.mark.parametrize("time", ["2026-03-02 13:59:58", "2026-03-02 14:23:01", "2027-01-01 00:00"])
def test_a_time_that_the_log_does_not_hold_is_said_with_what_it_holds(replayed, time):
    said = refused(replayed, "w1", RULE, time)
    assert "the log does not hold it, but 2026-03-02 14:00:00 to 2026-03-02 14:23:00" in said


def test_no_log_no_store_and_no_rules_say_who_makes_them(carewatch, replayed, environment):
    time = "2026-03-02 14:12:30"
    put = environment / "store.sqlite"
    for each in environment.glob("store.sqlite*"):
        each.unlink()
    assert "no store there yet" in refused(carewatch, "w1", RULE, time)
    open_store(f"sqlite:///{put}").close()
    assert "no rules were in force" in refused(carewatch, "w1", RULE, time)
    for each in environment.glob("readings.sqlite*"):
        each.unlink()
    assert "carewatch run --roles ingest" in refused(carewatch, "w1", RULE, time)
