"""`carewatch influx setup` as an operator runs it, with a real InfluxDB."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.server


def test_it_says_what_it_did_and_then_that_all_is_there(carewatch, influxdb, monkeypatch):
    monkeypatch.setenv("CAREWATCH_INFLUX__URL", influxdb.url)
    monkeypatch.setenv("CAREWATCH_INFLUX__BUCKET", "set_up_by_hand/readings")
    monkeypatch.setenv("CAREWATCH_INFLUX__TOKEN", influxdb.token)
    said = carewatch("influx", "setup", "--keep-days", 90)
    assert said.code == 0
    assert said.out.splitlines() == [
        "set_up_by_hand/readings, kept 90 days: created",
        "set_up_by_hand/readings_hourly, kept for ever: created",
        "continuous query carewatch_readings_heart_rate, heart_rate by the hour: created",
        "continuous query carewatch_readings_status, status by the hour: created",
    ]
    again = carewatch("influx", "setup", "--keep-days", 90)
    assert [line.rsplit(": ", 1)[1] for line in again.out.splitlines()] == ["already there"] * 4
    assert len(carewatch("influx", "setup", "--no-hourly").out.splitlines()) == 1


def test_a_wrong_token_is_told_with_the_remedy(carewatch, influxdb, monkeypatch):
    monkeypatch.setenv("CAREWATCH_INFLUX__URL", influxdb.url)
    monkeypatch.setenv("CAREWATCH_INFLUX__TOKEN", "carewatch:wrong")
    said = carewatch("influx", "setup")
    assert said.code == 1
    assert "correct influx.token" in said.err


def test_without_an_address_it_is_a_matter_of_configuration(carewatch, monkeypatch):
    said = carewatch("influx", "setup")
    assert said.code == 2
    assert "influx.url is empty" in said.err
