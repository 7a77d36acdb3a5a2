"""Who is protected, and who is not and why."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.incidents.protection import Cause, protection
from alerts.store.tables import mute
from alerts.store.watch_status import NewestKnown, put_statuses, statuses
from ingest.reading import Flag, Kind, Readings
from ingest.watches import Watch, Watches
from tests.alerts.duty_office import LI, START_NS

MINUTE_S = 60


def hears(office, *readings: dict) -> None:
    """Readings of w1 (or `watch`) of `at_s` seconds from the start, that came at `came_s`; as after a restart."""
    rows = []
    for reading in readings:
        said = dict(reading)
        time_ms, arrival_ms = office.ms(said.pop("at_s", 0)), office.ms(said.pop("came_s", 0))
        rows.append({"watch": 0, "kind": Kind.STATUS, "time_ms": time_ms, "arrival_ms": arrival_ms, **said})
    with office.store.transaction() as connection:
        newest = NewestKnown(statuses(connection))
        newest.meet(Readings.of_rows(rows), office.watches)
        put_statuses(connection, newest.changed_rows())


def known_of(office, watch_id: str = "w1"):
    with office.store.reading() as connection:
        return statuses(connection)[watch_id]


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
        ({"at_s": -31 * MINUTE_S, "came_s": -31 * MINUTE_S, "battery": 80}, Cause.NO_SIGNAL),
        ({"at_s": -31 * MINUTE_S, "came_s": -31 * MINUTE_S, "battery": 4, "worn": 0}, Cause.FLAT),
        ({"at_s": -29 * MINUTE_S, "came_s": -29 * MINUTE_S, "battery": 4}, Cause.PROTECTED),
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
    row = known_of(office)
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
    assert known_of(office).last_event_ms == office.ms(0)


def test_since_when_the_watch_is_off_is_known(office):
    hears(office, {"at_s": -300, "worn": 1}, {"at_s": -200, "worn": 0}, {"at_s": -100, "worn": 0})
    (row,) = [each for each in protection(office.store, office.ms(0)).rows if each.watch_id == "w1"]
    assert (row.cause, row.since_ms) == (Cause.NOT_WORN, office.ms(-200))


@pytest.mark.parametrize("flags", [0, Flag.CLOCK_SET])
def test_a_watch_that_speaks_of_an_hour_ago_is_not_silent(office, flags):
    hears(office, {"at_s": -3600, "flags": flags, "worn": 1})
    assert cause_of(office) is Cause.PROTECTED


def test_no_signal_is_since_the_watch_last_spoke(office):
    hears(office, {"at_s": -7200, "came_s": -3600})
    (row,) = [each for each in protection(office.store, office.ms(0)).rows if each.watch_id == "w1"]
    assert (row.cause, row.since_ms, row.last_event_ms) == (Cause.NO_SIGNAL, office.ms(-3600), office.ms(-7200))


def test_what_the_broker_retained_is_not_the_watch_speaking(office):
    hears(office, {"at_s": -3600, "flags": Flag.RETAINED, "worn": 1})
    assert cause_of(office) is Cause.NO_SIGNAL


def test_after_a_restart_a_late_reading_overwrites_nothing_newer(office):
    hears(office, {"at_s": -90, "kind": Kind.LOCATION, "lat": 22.5, "lon": 114.0, "accuracy_m": 20})
    hears(office, {"at_s": -5, "kind": Kind.HEART_RATE, "bpm": 70, "battery": 49, "worn": 1})
    hears(
        office,
        {"at_s": -100, "kind": Kind.LOCATION, "lat": 23.5, "lon": 115.0, "accuracy_m": 9},
        {"at_s": -50, "kind": Kind.HEART_RATE, "bpm": 120, "battery": 60, "worn": 0},
    )
    row = known_of(office)
    assert (row.bpm, row.battery, row.worn, row.worn_since_ms) == (70, 49, 1, office.ms(-5))
    assert (row.latitude, row.longitude, row.accuracy_m, row.position_ms) == (22.5, 114.0, 20, office.ms(-90))


def test_after_a_restart_what_was_never_known_is_news_however_late(office):
    hears(office, {"at_s": -5, "kind": Kind.HEART_RATE, "bpm": 70})
    hears(office, {"at_s": -50, "battery": 60, "worn": 0})
    row = known_of(office)
    assert (row.bpm, row.battery, row.worn) == (70, 60, 0)


BEFORE_SET = (
    {"at_s": -200, "kind": Kind.LOCATION, "lat": 22.5, "lon": 114.0, "came_s": -200},
    {"at_s": -100, "kind": Kind.HEART_RATE, "bpm": 70, "worn": 1, "came_s": -100},
)
SET_BACK = (
    {"at_s": -3690, "kind": Kind.HEART_RATE, "bpm": 90, "worn": 0, "flags": Flag.CLOCK_SET, "came_s": -90},
    {"at_s": -3680, "kind": Kind.HEART_RATE, "bpm": 91, "worn": 0, "came_s": -80},
)
AFTER_SET = ({"at_s": -3670, "kind": Kind.LOCATION, "lat": 22.6, "lon": 114.1, "came_s": -70},)


@pytest.mark.parametrize(
    "lives",
    [
        (BEFORE_SET + SET_BACK + AFTER_SET,),
        (BEFORE_SET, SET_BACK + AFTER_SET),
        (BEFORE_SET + SET_BACK, AFTER_SET),
        (BEFORE_SET, SET_BACK[:1], SET_BACK[1:], AFTER_SET),
    ],
)
def test_a_clock_set_back_starts_again(office, lives):
    for readings in lives:
        hears(office, *readings)
    row = known_of(office)
    assert (row.bpm, row.worn, row.worn_since_ms) == (91, 0, office.ms(-3690))
    assert (row.latitude, row.position_ms) == (22.6, office.ms(-3670))
    assert (row.last_event_ms, row.last_arrival_ms) == (office.ms(-3670), office.ms(-70))


def test_a_clock_set_back_is_of_one_watch_only(office):
    hears(
        office,
        {"watch": 1, "at_s": -5, "kind": Kind.HEART_RATE, "bpm": 60},
        *BEFORE_SET,
        *SET_BACK,
        {"watch": 1, "at_s": -50, "kind": Kind.HEART_RATE, "bpm": 120},
    )
    assert (known_of(office).bpm, known_of(office, "w2").bpm) == (91, 60)
    assert known_of(office, "w2").last_event_ms == office.ms(-5)


KNOWN_MS = st.sampled_from((0, 1_000, 2_000, 3_000, 4_000))
READING = st.fixed_dictionaries(
    {
        "watch": st.sampled_from((0, 1)),
        "kind": st.just(Kind.HEART_RATE),
        "time_ms": KNOWN_MS,
        "arrival_ms": st.sampled_from((3_000, 4_000)),
        "flags": st.sampled_from((0, 0, 0, Flag.CLOCK_SET)),
        "bpm": st.sampled_from((math.nan, 60, 70)),
        "worn": st.sampled_from((-1, 0, 1)),
    }
)


@given(st.lists(READING, min_size=2, max_size=12), st.data())
def test_what_is_known_does_not_depend_on_how_the_log_is_cut(readings, data):
    watches = Watches([Watch(0, "w1"), Watch(1, "w2")])
    cut = data.draw(st.integers(1, len(readings) - 1))
    whole, parts = NewestKnown({}), NewestKnown({})
    whole.meet(Readings.of_rows(readings), watches)
    parts.meet(Readings.of_rows(readings[:cut]), watches)
    parts.meet(Readings.of_rows(readings[cut:]), watches)
    assert whole.changed_rows() == parts.changed_rows()
