"""An emergency does not rest until a person has it."""

from __future__ import annotations

from alerts.engine.contract import Change, Severity
from alerts.incidents import outbox, timers
from alerts.incidents.contract import Outcome
from alerts.policy.options import EscalationOptions
from tests.alerts.duty_office import CHEN, FAMILY, LI, ROSTER, START_NS, WANG, ZHAO, DutyOffice, Gateway, Told


def test_a_fall_is_told_to_the_first_officer_at_once_by_sms_and_email(office):
    office.fires("fall")
    assert office.told() == [Told(0, LI, "sms", "alert"), Told(0, LI, "email", "alert")]


def test_nobody_takes_it_then_backup_then_lead_then_family_then_everyone_again(office):
    office.fires("fall")
    office.until(1300)
    assert office.told(channel="sms") == [
        Told(0, LI, "sms", "alert"),
        Told(180, WANG, "sms", "backup"),
        Told(360, CHEN, "sms", "backup"),
        Told(540, FAMILY, "sms", "family"),
        *[Told(840, who, "sms", "backup") for who in (LI, WANG, CHEN)],
        *[Told(1140, who, "sms", "backup") for who in (LI, WANG, CHEN)],
    ]


def test_without_a_family_contact_the_round_begins_again_after_the_lead(office):
    office.fires("sos", watch=1)
    office.until(600)
    assert [(t.at_s, t.to) for t in office.told(361, "sms")] == [(540, LI), (540, WANG), (540, CHEN)]


def test_an_sms_that_is_not_delivered_in_a_minute_asks_the_next_person_at_once(office):
    office.sms = Gateway.SILENT
    office.fires("fall")
    office.until(59)
    assert [t.to for t in office.told(channel="sms")] == [LI]
    office.until(60)
    assert office.told(60, "sms") == [Told(60, WANG, "sms", "backup")]
    assert "no_receipt" in office.happened()


def test_where_no_gateway_sends_receipts_none_is_waited_for(tmp_path):
    options = EscalationOptions(has_receipts=False)
    office = DutyOffice(tmp_path, options=options)
    office.sms = Gateway.SILENT
    office.fires("fall")
    office.until(100)
    assert [t.to for t in office.told(channel="sms")] == [LI]
    office.close()


def test_an_sms_refused_for_good_asks_the_next_person_at_once(office):
    office.sms = Gateway.REFUSES
    office.fires("fall")
    office.sms = Gateway.DELIVERS
    office.until(1)
    assert [(t.at_s, t.to) for t in office.told(channel="sms")] == [(0, WANG)]


def test_a_failed_sms_of_a_warning_goes_by_email(office):
    office.sms = Gateway.REFUSES
    office.fires("silent", severity=Severity.WARNING)
    assert office.told() == [Told(0, LI, "email", "alert")]


def test_a_gateway_that_is_down_delays_nobody(office):
    office.sms = Gateway.DOWN
    office.fires("fall")
    office.until(200)
    assert [(t.at_s, t.to) for t in office.told(channel="email")] == [(0, LI), (60, WANG)]


def test_a_warning_is_told_to_the_first_officer_once(office):
    office.fires("silent", severity=Severity.WARNING)
    office.until(7200)
    assert office.told() == [Told(0, LI, "sms", "alert")]


def test_a_notice_is_on_the_board_only(office):
    office.fires("battery", severity=Severity.NOTICE)
    office.until(7200)
    assert office.told() == []
    assert [row.headline.rule for row in office.board().notices] == ["battery"]


def test_in_a_gap_of_the_roster_an_emergency_goes_to_everybody(tmp_path):
    office = DutyOffice(tmp_path, roster=ROSTER.replace('to = "20:00"', 'to = "09:00"'))
    office.fires("sos")
    assert {t.to for t in office.told()} == {LI, WANG, CHEN, ZHAO}
    assert "no_cover" in office.happened()
    office.until(700)
    assert {t.to for t in office.told(600)} == set()
    office.until(900)
    assert {t.to for t in office.told(300)} >= {LI, WANG, CHEN, ZHAO}
    office.close()


def test_overdue_timers_fire_once_after_a_long_sleep(office):
    office.fires("fall")
    office.now_s = 7200
    office.next_timer_ns()
    office.send_owed()
    assert [t.to for t in office.told(1, "sms")] == [WANG]
    assert office.next_timer_ns() == START_NS + (7200 + 180) * 10**9


def test_an_ack_without_action_expires_and_everyone_on_duty_hears(office):
    office.fires("fall")
    office.until(30)
    office.takes(WANG)
    office.until(930)
    assert office.told(900, "sms") == [Told(930, LI, "sms", "expired"), Told(930, WANG, "sms", "expired")]
    assert [row.incident_id for row in office.board().waiting] == [1]
    office.until(930 + 180)
    assert office.told(931, "sms") == [Told(1110, WANG, "sms", "backup")]


def test_an_action_keeps_the_ack_and_a_reminder_comes_after_45_minutes(office):
    office.fires("fall")
    office.takes(LI)
    office.resolves(LI, Outcome.NO_CONTACT)
    office.until(2699)
    assert office.told(1) == [Told(600, LI, "sms", "reminder")]
    office.until(600 + 2700)
    assert office.told(601) == [Told(3300, LI, "sms", "reminder")]


def test_a_taken_warning_is_reminded_of_and_never_expires(office):
    office.fires("silent", severity=Severity.WARNING)
    office.takes(LI)
    office.until(2700)
    assert office.told(1) == [Told(2700, LI, "sms", "reminder")]
    assert office.board().in_hand[0].owner_name == LI


def test_a_closed_incident_is_quiet_for_ever(office):
    office.fires("fall")
    office.takes(LI)
    office.resolves(LI, Outcome.VISITED)
    office.until(86_400)
    assert office.told(1) == []
    assert office.next_timer_ns() is None


def test_a_repeat_goes_to_whoever_has_it_at_most_every_two_minutes(office):
    office.fires("fall")
    office.takes(WANG)
    for at_s in (10, 60, 129, 130, 131):
        office.until(at_s)
        office.again(Change.REPEATED)
    assert office.told(5) == [Told(10, WANG, "sms", "repeat"), Told(130, WANG, "sms", "repeat")]
    assert office.board().in_hand[0].count == 6


def test_sos_pressed_again_after_somebody_closed_the_first_is_told_again(office):
    office.fires("sos")
    office.takes(LI)
    office.resolves(LI, Outcome.FALSE_ALARM)
    office.until(200)
    office.again(Change.REPEATED)
    assert [(each.to, each.channel, each.template) for each in office.told(200)] == [
        (LI, "sms", "alert"),
        (LI, "email", "alert"),
    ]
    assert [row.incident_id for row in office.board().waiting] == [2]
    office.until(381)
    assert Told(380, WANG, "sms", "backup") in office.told(380)
    assert [alert.rule for alert in office.incident(1).alerts] == ["sos"]  # the closed one still says what it was


def test_a_repeat_of_what_was_never_told_stays_untold(office):
    office.fires("sos", shadow=True)
    office.again(Change.REPEATED)
    assert office.told() == []
    assert office.board().waiting == ()


def test_the_same_emergency_again_goes_to_whoever_has_it(office):
    office.fires("fall")
    office.takes(WANG)
    office.until(300)
    office.fires("fall")
    assert office.told(300) == [Told(300, WANG, "sms", "repeat")]
    assert office.board().waiting == ()


def test_a_different_emergency_goes_to_everyone_on_duty_again(office):
    office.fires("fall")
    office.takes(WANG)
    office.until(300)
    office.fires("sos")
    assert {(t.to, t.template) for t in office.told(300, "sms")} == {(LI, "alert"), (WANG, "alert")}
    (row,) = office.board().waiting
    assert (row.headline.rule, row.count, row.owner_name) == ("sos", 2, "")
    office.until(480)
    assert office.told(301, "sms") == [Told(480, WANG, "sms", "backup")]


def test_a_warning_that_turns_into_an_emergency_wakes_everyone(office):
    office.fires("heart_rate_high_at_rest", severity=Severity.WARNING)
    office.takes(LI)
    office.until(60)
    office.fires("heart_rate_very_high_at_rest")
    assert office.board().waiting[0].severity is Severity.EMERGENCY
    assert [t.to for t in office.told(60, "sms")] == [LI]


def test_a_second_emergency_while_the_first_waits_is_told_to_all_who_were_reached(office):
    office.fires("fall")
    office.until(200)
    office.fires("sos")
    assert [(t.to, t.template) for t in office.told(200, "sms")] == [(LI, "alert"), (WANG, "backup")]
    office.until(360)
    assert [t.to for t in office.told(201, "sms")] == [CHEN]


def test_the_same_emergency_while_it_waits_is_counted_and_told_by_the_escalation_alone(office):
    office.fires("fall")
    office.until(60)
    office.fires("fall")
    assert office.told(60) == []
    assert office.board().waiting[0].count == 2


def test_a_timer_that_breaks_the_program_is_tried_again_and_keeps_no_other_from_firing(office, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    office.fires("fall")
    office.takes(LI)
    office.fires("sos", watch=1)
    with monkeypatch.context() as patched:
        patched.setitem(timers.EFFECTS, timers.Wait.ACK_EXPIRES, broken)
        office.until(950)
    assert [t.to for t in office.told(1, "sms")][:2] == [WANG, CHEN]
    assert [row.incident_id for row in office.board().in_hand] == [1]
    office.until(960)
    assert {row.incident_id for row in office.board().waiting} == {1, 2}


TWO_FIRST = ROSTER.replace('first = ["li"]', 'first = ["li", "chen"]').replace('lead = ["chen"]', "")


def test_one_of_two_first_officers_reached_is_enough_to_wait_for(tmp_path):
    office = DutyOffice(tmp_path, roster=TWO_FIRST)
    office.sms = Gateway.DOWN
    office.fires("fall")
    to_li, to_chen = (row.id for row in office.messages() if row.channel == "sms")
    outbox.mark_handed(office.store, to_li, "test", "1", ("", ""), office.now_ns)
    outbox.mark_delivered(office.store, to_li, office.now_ns)
    outbox.mark_failed(office.store, to_chen, "number unknown", office.now_ns)
    office.sms = Gateway.DELIVERS
    office.until(179)
    assert [t.to for t in office.told(1, "sms")] == []
    office.until(180)
    assert [t.to for t in office.told(1, "sms")] == [WANG]
    office.close()


def test_one_refusal_brings_the_next_person_forward_once(office):
    office.sms = Gateway.REFUSES
    office.fires("fall")
    office.sms = Gateway.DELIVERS
    office.until(179)
    assert [(t.at_s, t.to) for t in office.told(channel="sms")] == [(0, WANG)]
    assert "no_receipt" not in office.happened()
    office.until(180)
    assert [(t.at_s, t.to) for t in office.told(1, "sms")] == [(180, CHEN)]


def test_nobody_is_next_for_what_somebody_has(office):
    office.fires("fall")
    office.takes(LI)
    assert office.board().in_hand[0].next_step is None
