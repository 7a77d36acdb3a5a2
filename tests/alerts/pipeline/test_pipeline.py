"""From a record of the log to a person told."""

from __future__ import annotations

from sqlalchemy import select

from alerts.incidents.read import duty_board
from alerts.store.tables import alert, message
from alerts.store.watch_status import statuses
from ingest.reading import Event, Flag, Kind
from tests.alerts.duty_office import START_NS
from tests.alerts.pipeline.watched_home import START_MS, Alerts, a_troubled_hour


def rows(store, table):
    with store.reading() as connection:
        return list(connection.execute(select(table)))


def test_an_sos_in_the_log_is_a_message_owed(home, alerts):
    home.sos(5)
    alerts.work()
    (found,) = rows(alerts.store, alert)
    assert (found.key, found.severity, found.fired_ms) == (f"w1:sos:{START_MS + 5000}", "emergency", START_MS + 5000)
    assert [(row.channel, row.template, row.variables["name"]) for row in rows(alerts.store, message)] == [
        ("sms", "alert", "张三"),
        ("email", "alert", "张三"),
    ]


def test_a_fall_fires_thirty_seconds_later_by_the_ticks_of_the_log(home, alerts):
    home.falls(2)
    home.ticks(3, 32)
    alerts.work()
    assert rows(alerts.store, alert) == []
    home.ticks(32, 34)
    alerts.work()
    (found,) = rows(alerts.store, alert)
    assert (found.rule, found.fired_ms) == ("fall", START_MS + 32_000)


def test_a_troubled_hour_raises_what_it_should(home, alerts):
    a_troubled_hour(home)
    alerts.work()
    fired = {(row.watch_id, row.rule) for row in rows(alerts.store, alert)}
    assert {("w1", "fall"), ("w2", "sos"), ("w3", "fall")} <= fired
    assert any(rule.startswith("heart_rate") for watch, rule in fired if watch == "w2")
    assert len(duty_board(alerts.store, START_NS).waiting) == 3


def test_the_newest_of_each_watch_is_kept_for_the_board(home, alerts):
    home.heart(1, 71, battery=55)
    home.heart(4, 73)
    home.ticks(5, 9)
    alerts.work()
    with alerts.store.reading() as connection:
        row = statuses(connection)["w1"]
    assert (row.bpm, row.battery, row.worn, row.last_event_ms) == (73, 55, 1, START_MS + 4000)


def test_after_a_restart_a_late_reading_is_not_the_newest(home, alerts, tmp_path):
    home.heart(1, 71, battery=55)
    home.heart(60, 73, battery=54)
    alerts.work()
    alerts.pipeline.keep_snapshot()
    alerts.die()
    home.hears(30, {"kind": Kind.HEART_RATE, "bpm": 120, "battery": 60}, arrives_s=65)
    home.ticks(66, 70)
    again = Alerts(tmp_path, home)
    again.work()
    with again.store.reading() as connection:
        row = statuses(connection)["w1"]
    again.store.close()
    assert (row.bpm, row.battery, row.last_event_ms) == (73, 54, START_MS + 60_000)
    assert row.last_arrival_ms == START_MS + 65_000


def test_a_replay_over_a_clock_set_back_ends_where_the_life_before_did(home, alerts, tmp_path):
    home.heart(1, 71)
    home.heart(60, 73)
    home.hears(-3500, {"kind": Kind.HEART_RATE, "bpm": 90, "flags": Flag.CLOCK_SET}, arrives_s=100)
    home.ticks(101, 105)
    alerts.work()
    alerts.die()
    home.hears(-3490, {"kind": Kind.HEART_RATE, "bpm": 91}, arrives_s=110)
    home.ticks(111, 115)
    again = Alerts(tmp_path, home)
    again.work()
    with again.store.reading() as connection:
        row = statuses(connection)["w1"]
    again.store.close()
    assert (row.bpm, row.last_event_ms, row.last_arrival_ms) == (91, START_MS - 3_490_000, START_MS + 110_000)


def test_a_watch_that_only_says_removed_is_not_worn_for_the_board_too(home, alerts):
    home.heart(1, 71)
    home.hears(60, {"kind": Kind.STATUS, "event": Event.REMOVED})
    home.ticks(61, 63)
    alerts.work()
    with alerts.store.reading() as connection:
        row = statuses(connection)["w1"]
    assert (row.worn, row.worn_since_ms) == (0, START_MS + 60_000)
