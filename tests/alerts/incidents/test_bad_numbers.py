"""A number that fails each time: everybody is asked, and nobody is rung without end."""

from __future__ import annotations

import pytest

from alerts.policy.options import EscalationOptions
from tests.alerts.duty_office import CHEN, WANG, DutyOffice, Gateway

QUARTER_S = 900


def pass_a_quarter(office, sms: Gateway, email: Gateway) -> None:
    """Each message takes its gateway half a second, as real ones do: a refusal comes later than its cause."""
    for at_s in range(0, QUARTER_S, 5):
        office.sms = office.email = Gateway.DOWN
        office.until(at_s)
        office.sms, office.email, office.now_s = sms, email, at_s + 0.5
        office.send_owed()


@pytest.mark.parametrize("watch", [0, 1])  # a resident with a family contact, and a watch that nobody wears
@pytest.mark.parametrize("has_receipts", [True, False])
def test_numbers_that_fail_each_time_do_not_ring_anybody_without_end(tmp_path, watch, has_receipts):
    office = DutyOffice(tmp_path, options=EscalationOptions(has_receipts=has_receipts))
    office.sms = office.email = Gateway.DOWN
    office.fires("sos", watch=watch)
    pass_a_quarter(office, Gateway.REFUSES, Gateway.REFUSES)
    rounds = QUARTER_S / office.options.round_s + 1
    assert len(office.messages()) <= 2 * 3 * (1 + rounds) + 1
    office.close()


def test_one_bad_number_does_not_ring_the_good_ones_without_end(tmp_path):
    office = DutyOffice(tmp_path, options=EscalationOptions(has_receipts=False))
    office.sms = office.email = Gateway.DOWN
    office.bad = {WANG}
    office.fires("sos", watch=1)
    pass_a_quarter(office, Gateway.SILENT, Gateway.REFUSES)
    rung = [told.at_s for told in office.told(channel="sms") if told.to == CHEN]
    assert 1 <= len(rung) <= QUARTER_S / office.options.round_s + 1
    office.close()
