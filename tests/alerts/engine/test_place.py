"""Distances, homes, and the site's calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.contract import Person
from alerts.engine.place import calendar, metres_from_home
from ingest.reading import Kind
from tests.alerts.engine.one_watch import Log

AWAY = """
[[rule]]
name = "away"
severity = "warning"
when = "outside(home)"
"""
HOME = Person(home_lat=22.5431, home_lon=114.0579, home_radius_m=300)


def test_a_minute_of_arc_is_a_nautical_mile():
    (metres,) = metres_from_home(np.array([1 / 60]), np.array([0.0]), np.array([0.0]), np.array([0.0]))
    assert metres == pytest.approx(1853.2, abs=0.1)  # 6,371,008.8 m * pi / 10,800


def test_from_shenzhen_to_guangzhou():
    (metres,) = metres_from_home(*(np.array([each]) for each in (23.1291, 113.2644, 22.5431, 114.0579)))
    assert metres == pytest.approx(104_200, rel=0.005)


@pytest.mark.parametrize(
    ("lat", "accuracy_m", "expected"),
    [
        (22.5431 + 0.0030, 20, ["firing"]),  # 334 m
        (22.5431 + 0.0030, 50, []),  # it may be within
        (22.5431 + 0.0020, 5, []),  # 222 m
        (22.5431 + 0.0100, None, []),  # nobody knows how good the position is
    ],
)
def test_outside_is_what_the_position_error_cannot_explain(lat, accuracy_m, expected):
    log = Log(AWAY, {0: HOME})
    log.hear(
        Kind.LOCATION, "14:00", lat=lat, lon=114.0579, **({} if accuracy_m is None else {"accuracy_m": accuracy_m})
    )
    assert [t.change for t in log.told] == expected


def test_without_a_home_nobody_is_outside():
    log = Log(AWAY)
    log.hear(Kind.LOCATION, "14:00", lat=30, lon=114, accuracy_m=5)
    assert log.told == []


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"])
@settings(max_examples=20, deadline=None, database=None)
@given(times=st.lists(st.integers(1_600_000_000_000, 1_900_000_000_000), min_size=1, max_size=20))
def test_the_calendar_is_the_zones(zone, times):
    found = {
        name: calendar(name, np.array(times), ZoneInfo(zone)) for name in ("local_hour", "local_minute", "weekday")
    }
    for i, time_ms in enumerate(times):
        local = datetime.fromtimestamp(time_ms // 1000, UTC).astimezone(ZoneInfo(zone))
        assert found["local_hour"][i] == local.hour
        assert found["local_minute"][i] == local.hour * 60 + local.minute
        assert found["weekday"][i] == local.weekday()
