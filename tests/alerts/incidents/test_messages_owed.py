"""What becomes of messages owed: receipts, failures, crashes, and who goes first."""

from __future__ import annotations

from alerts.engine.contract import Severity
from alerts.incidents import outbox
from tests.alerts.duty_office import START_NS, Gateway


def test_a_receipt_that_comes_again_or_for_a_stranger_changes_nothing(office):
    office.fires("fall")
    before = office.happened()
    outbox.mark_delivered(office.store, 1, office.now_ns)
    outbox.mark_delivered(office.store, 999, office.now_ns)
    outbox.mark_failed(office.store, 1, "late failure", office.now_ns)
    assert office.happened() == before


def test_a_message_is_tried_again_when_the_channel_says_so(office):
    office.sms = Gateway.DOWN
    office.fires("fall")
    (row,) = outbox.take_owed(office.store, office.now_ns, channels=["sms"])
    outbox.mark_failed(office.store, row.id, "busy", office.now_ns, retry_at_ns=START_NS + 5 * 10**9)
    assert outbox.take_owed(office.store, START_NS + 4 * 10**9, channels=["sms"]) == []
    (again,) = outbox.take_owed(office.store, START_NS + 5 * 10**9, channels=["sms"])
    assert (again.id, again.problem) == (row.id, "busy")


def test_what_was_in_hand_at_a_crash_is_owed_again(office):
    office.sms = Gateway.DOWN
    office.fires("fall")
    (row,) = outbox.take_owed(office.store, office.now_ns, channels=["sms"])
    assert outbox.take_owed(office.store, office.now_ns, channels=["sms"]) == []
    assert outbox.owe_again(office.store) == 1
    assert [each.id for each in outbox.take_owed(office.store, office.now_ns, channels=["sms"])] == [row.id]


def test_an_emergency_is_sent_before_older_warnings(office):
    office.sms = Gateway.DOWN
    office.fires("silent", severity=Severity.WARNING)
    office.until(10)
    office.fires("sos", watch=1)
    (row,) = outbox.take_owed(office.store, office.now_ns, 1, ["sms"])
    assert row.variables["rule"] == "sos"
