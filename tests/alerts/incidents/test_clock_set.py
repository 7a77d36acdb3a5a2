"""The wall clock is set while people are being asked."""

from __future__ import annotations

from alerts.incidents.clock_set import move_what_is_due
from tests.alerts.duty_office import NS, WANG, Gateway, Told

DAY_S = 86_400


def test_the_next_person_is_asked_in_time_though_the_clock_was_set_back(office):
    office.fires("fall")
    office.until(100)
    office.now_s = 100 - DAY_S
    move_what_is_due(office.store, -DAY_S * NS, office.now_ns)
    office.until(181 - DAY_S)
    assert Told(180 - DAY_S, WANG, "sms", "backup") in office.told(-DAY_S)


def test_a_clock_set_ahead_asks_early_rather_than_late(office):
    office.fires("fall")
    office.until(100)
    office.now_s = 3700
    move_what_is_due(office.store, 3600 * NS, office.now_ns)
    office.until(3701)
    assert Told(3700, WANG, "sms", "backup") in office.told()


def test_what_is_owed_goes_out_after_the_clock_was_set_back(office):
    office.sms = Gateway.DOWN
    office.fires("fall")
    office.now_s = -DAY_S
    move_what_is_due(office.store, -DAY_S * NS, office.now_ns)
    office.sms = Gateway.DELIVERS
    office.send_owed()
    assert "sms" in {each.channel for each in office.told(-DAY_S)}
