"""From a record of the log to a person told."""

from __future__ import annotations

from sqlalchemy import select

from alerts.incidents.read import duty_board
from alerts.store.tables import alert, message
from alerts.store.watch_status import statuses
from ingest.reading import Event, Kind
from tests.alerts.duty_office import START_NS
from tests.alerts.pipeline.watched_home import START_MS, a_troubled_hour


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


def test_a_watch_that_only_says_removed_is_not_worn_for_the_board_too(home, alerts):
    home.heart(1, 71)
    home.hears(60, {"kind": Kind.STATUS, "event": Event.REMOVED})
    home.ticks(61, 63)
    alerts.work()
    with alerts.store.reading() as connection:
        row = statuses(connection)["w1"]
    assert (row.worn, row.worn_since_ms) == (0, START_MS + 60_000)
