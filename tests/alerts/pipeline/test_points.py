"""Changes of alerts as points, after a place that the store keeps."""

from __future__ import annotations

import pytest

from alerts.points import keep_place, next_points
from alerts.store.places import read_place
from ingest.reading import Kind
from ingest.watches import Watch
from tests.alerts.pipeline.watched_home import RULES, START_MS, Alerts, a_troubled_hour


def taken(alerts, take=1_000):
    """The points after the place, which moves on."""
    with alerts.store.reading() as connection:
        found = next_points(connection, alerts.watches, "main", take)
    if found.place is not None:
        with alerts.store.transaction() as connection:
            keep_place(connection, found.place)
    return found.points


def one_by_one(alerts):
    points, more = [], True
    while more:
        with alerts.store.reading() as connection:
            more = next_points(connection, alerts.watches, "main", 1).more
        points += taken(alerts, 1)
    return points


def said(points):
    return [(point.watch_id, point.rule, point.severity, point.state) for point in points]


def test_an_alert_is_a_point_when_it_fires_repeats_and_is_called_off(home, alerts):
    home.sos(5)
    home.sos(65)
    home.hears(70, {"kind": Kind.SOS, "cancelled": 1})
    alerts.work()
    points = taken(alerts)
    assert said(points) == [("w1", "sos", "emergency", state) for state in ("firing", "repeated", "resolved")]
    assert [point.log_time_ms - START_MS for point in points] == [5_000, 65_000, 70_000]
    assert len({point.rule_version for point in points}) == 1
    assert points[0].rule_version


def test_nothing_is_a_point_before_it_fires(home, alerts):
    home.falls(2)
    home.ticks(3, 20)
    alerts.work()
    assert taken(alerts) == []
    home.ticks(20, 40)
    alerts.work()
    (point,) = taken(alerts)
    assert (point.state, point.log_time_ms) == ("firing", START_MS + 32_000)


def test_a_shadow_rule_is_left_out_and_the_place_goes_past_it(home, tmp_path, monkeypatch):
    shadow = RULES.replace('name = "sos"\n', 'name = "sos"\nshadow = true\n', 1)
    monkeypatch.setattr("tests.alerts.pipeline.watched_home.RULES", shadow)
    alerts = Alerts(tmp_path, home)
    home.falls(5, still_s=30)
    last = home.sos(6)
    alerts.work()
    assert {point.rule for point in taken(alerts)} == {"fall"}
    with alerts.store.reading() as connection:
        assert read_place(connection, "alert_points").offset == last
    alerts.store.close()


def test_the_site_is_the_watchs_own_or_the_installations(home, alerts):
    home.sos(5)
    home.sos(6, watch=1)
    alerts.work()
    alerts.watches.put(Watch(1, "w2", site="east"))
    assert [(point.watch_id, point.site) for point in taken(alerts)] == [("w1", "main"), ("w2", "east")]


@pytest.mark.slow
def test_however_it_is_cut_and_whenever_it_is_asked_the_points_are_the_same(home, alerts, tmp_path):
    a_troubled_hour(home)
    alerts.work()
    whole = taken(alerts)
    assert {point.state for point in whole} == {"firing", "resolved"}
    (tmp_path / "other").mkdir()
    met, cut = 0, []
    while records := home.log.read(met, 5):
        met = records[-1].offset
        other = Alerts(tmp_path / "other", home)  # another life
        other.pipeline.catch_up()
        other.pipeline.step(records)
        cut += one_by_one(other)
        other.die()
    assert cut == whole
    assert taken(alerts) == []


def test_no_two_points_of_an_alert_have_one_time(home, alerts):
    for _ in range(5):
        home.sos(5)
    alerts.work()
    points = taken(alerts)
    assert len(points) == 5
    assert len({(point.log_time_ms, point.number % 1_000_000) for point in points}) == 5
