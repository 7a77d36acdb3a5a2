"""Who is protected, and who is not and why."""

from __future__ import annotations

import pytest

from alerts.incidents.protection import Cause, protection
from alerts.store.tables import mute
from alerts.store.watch_status import NewestKnown, put_statuses, statuses
from ingest.reading import Kind, Readings
from tests.alerts.duty_office import LI, START_NS

MINUTE_S = 60


def hears(office, *readings: dict) -> None:
    """Readings of w1 (or `watch`), `at_s` seconds from the start."""
    rows = []
    for reading in readings:
        at_ms = office.ms(reading.pop("at_s", 0))
        rows.append({"watch": 0, "kind": Kind.STATUS, "time_ms": at_ms, "arrival_ms": office.ms(0), **reading})
    with office.store.transaction() as connection:
        newest = NewestKnown(statuses(connection))
        newest.meet(Readings.of_rows(rows), office.watches)
        put_statuses(connection, newest.changed_rows())


def cause_of(office, watch_id: str = "w1"):
    found = protection(office.store, office.ms(0))
    return next((row.cause for row in found.rows if row.watch_id == watch_id), Cause.PROTECTED)


@pytest.mark.parametrize(
    ("reading", "cause"),
    [
        ({"battery": 80, "worn": 1}, Cause.PROTECTED),
        ({"battery": 80}, Cause.PROTECTED),
        ({"worn": 0}, Cause.NOT_WORN),
        ({"charging": 1, "worn": 0}, Cause.CHARGING),
        ({"at_s": -31 * MINUTE_S, "battery": 80}, Cause.NO_SIGNAL),
        ({"at_s": -31 * MINUTE_S, "battery": 4, "worn": 0}, Cause.FLAT),
        ({"at_s": -29 * MINUTE_S, "battery": 4}, Cause.PROTECTED),
    ],
)
def test_the_cause_is_what_the_watch_last_said(office, reading, cause):
    hears(office, reading)
    assert cause_of(office) is cause


def test_a_watch_that_never_spoke_protects_nobody(office):
    found = protection(office.store, office.ms(0))
    assert (found.total, found.counts[Cause.NEVER_HEARD], found.counts[Cause.PROTECTED]) == (2, 2, 0)
    assert [row.name for row in found.rows] == ["张三", "李四"]


def test_a_muted_resident_is_counted_as_such(office):
    hears(office, {"worn": 1})
    with office.store.transaction() as connection:
        values = {"resident_id": 1, "until_ns": START_NS + 10**12, "officer_id": office.id_of(LI), "why": ""}
        connection.execute(mute.insert().values(**values))
    assert cause_of(office) is Cause.MUTED


def test_each_column_goes_by_its_own_time(office):
    hears(office, {"at_s": -100, "worn": 0, "battery": 50}, {"at_s": -10, "battery": 49})
    hears(office, {"at_s": -60, "kind": Kind.LOCATION, "lat": 22.5, "lon": 114.0, "accuracy_m": 20})
    with office.store.reading() as connection:
        row = statuses(connection)["w1"]
    assert (row.battery, row.latitude, row.position_ms, row.last_event_ms) == (
        49,
        22.5,
        office.ms(-60),
        office.ms(-10),
    )
    assert (row.worn, row.worn_since_ms) == (0, office.ms(-100))


def test_an_old_backlog_in_one_life_changes_nothing_that_is_newer(office):
    newest = NewestKnown({})
    base = {"watch": 0, "kind": Kind.HEART_RATE, "arrival_ms": office.ms(0)}
    newest.meet(Readings.of_rows([{**base, "time_ms": office.ms(-5), "bpm": 70}]), office.watches)
    newest.meet(Readings.of_rows([{**base, "time_ms": office.ms(-50), "bpm": 120}]), office.watches)
    (row,) = newest.changed_rows()
    assert (row["bpm"], row["last_event_ms"]) == (70, office.ms(-5))
    newest.kept()
    assert newest.changed_rows() == []


def test_a_clock_ahead_counts_as_the_arrival(office):
    hears(office, {"at_s": 100, "worn": 1})
    with office.store.reading() as connection:
        assert statuses(connection)["w1"].last_event_ms == office.ms(0)


def test_since_when_the_watch_is_off_is_known(office):
    hears(office, {"at_s": -300, "worn": 1}, {"at_s": -200, "worn": 0}, {"at_s": -100, "worn": 0})
    (row,) = [each for each in protection(office.store, office.ms(0)).rows if each.watch_id == "w1"]
    assert (row.cause, row.since_ms) == (Cause.NOT_WORN, office.ms(-200))
