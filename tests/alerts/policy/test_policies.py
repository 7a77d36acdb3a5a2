"""Each policy by itself: who is told after all, who is not, and why."""

from __future__ import annotations

import pytest

from alerts.engine.contract import Severity
from alerts.policy import POLICIES, decide
from alerts.policy.contract import Channel, Duty, Mute, Reason, Recipient, Situation, Subject, Withheld
from alerts.policy.escalate import FAMILY, FIRST, LEAD, next_step
from alerts.policy.first_told import by_every_channel, first_told
from alerts.policy.options import EscalationOptions

S = 10**9
NOW_NS = 1_000 * S
OPTIONS = EscalationOptions()
LI = Recipient(1, "李静", "+8617099000001", "li@example.org", "zh")
WANG = Recipient(2, "王强", "+8617099000002", "", "zh")
CHEN = Recipient(3, "陈芳", "", "chen@example.org", "zh")
SON = Recipient(None, "张小明", "+8617000000002", "", "zh")
DUTY = Duty((LI,), (WANG,), (CHEN,), (LI, WANG, CHEN))


def subject(rule: str = "fall", severity: Severity = Severity.EMERGENCY, *, shadow: bool = False) -> Subject:
    return Subject(f"w1:{rule}:1", rule, severity, "w1", 1, shadow=shadow)


def decided(rule: str, severity: Severity, *, shadow: bool = False, **situation):
    told = first_told(subject(rule, severity, shadow=shadow), DUTY, NOW_NS)
    return decide(told, Situation(NOW_NS, OPTIONS, **situation))


def test_the_order_of_the_policies_is_the_plans():
    assert [policy.__name__ for policy in POLICIES] == ["mute", "inhibit", "shadow", "throttle", "escalate"]


@pytest.mark.parametrize(
    ("severity", "ways"),
    [
        (Severity.EMERGENCY, [Channel.BOARD, Channel.SMS, Channel.EMAIL]),
        (Severity.WARNING, [Channel.BOARD, Channel.SMS]),
        (Severity.NOTICE, [Channel.BOARD]),
    ],
)
def test_who_is_told_first_by_severity(severity, ways):
    told = decided("some", severity)
    assert [each.channel for each in told] == ways
    assert all(each.withheld is None for each in told)


def test_a_muted_warning_is_not_heard_and_says_until_when_and_why():
    told = decided("silent", Severity.WARNING, mutes=(Mute(None, NOW_NS + S, "住院"),))
    assert {each.withheld for each in told} == {Withheld.MUTED}
    assert told[0].detail == {"until_ns": NOW_NS + S, "why": "住院"}


@pytest.mark.parametrize(
    ("rule", "severity", "until_ns"),
    [
        (None, Severity.EMERGENCY, NOW_NS + S),  # an emergency cannot be muted
        ("silent", Severity.EMERGENCY, NOW_NS + S),
        ("other", Severity.WARNING, NOW_NS + S),
        (None, Severity.WARNING, NOW_NS),  # ended
    ],
)
def test_what_a_mute_does_not_cover_is_heard(rule, severity, until_ns):
    told = decided("silent", severity, mutes=(Mute(rule, until_ns, ""),))
    assert {each.withheld for each in told} == {None}


def test_an_sos_silences_notices_and_warnings_of_heart_rate_but_no_emergency():
    assert {t.withheld for t in decided("heart_rate_high_at_rest", Severity.WARNING, open_rules={"sos"})} == {
        Withheld.INHIBITED
    }
    assert {t.withheld for t in decided("heart_rate_very_high", Severity.EMERGENCY, open_rules={"sos"})} == {None}
    assert {t.withheld for t in decided("silent", Severity.WARNING, open_rules={"sos"})} == {None}
    assert {t.withheld for t in decided("heart_rate_high_at_rest", Severity.WARNING, open_rules={"fall"})} == {None}


def test_not_worn_silences_silence():
    told = decided("silent", Severity.WARNING, open_rules={"not_worn"})
    assert told[0].detail == {"by": "not_worn"}


def test_a_shadow_rule_is_heard_by_nobody_even_of_an_emergency():
    told = decided("trial", Severity.EMERGENCY, shadow=True)
    assert {each.withheld for each in told} == {Withheld.SHADOW}
    assert not any(each.escalates for each in told)


def test_a_warning_waits_until_ten_minutes_after_the_one_before():
    earlier = {(1, "sms"): NOW_NS - 100 * S}
    board, sms = decided("silent", Severity.WARNING, newest_due_ns=earlier)
    assert sms.due_ns == NOW_NS + 500 * S
    assert board.due_ns == NOW_NS


def test_throttling_is_per_person_and_channel_and_never_of_an_emergency():
    others = {(1, "email"): NOW_NS, (2, "sms"): NOW_NS, (1, "sms"): NOW_NS - 601 * S}
    assert {each.due_ns for each in decided("silent", Severity.WARNING, newest_due_ns=others)} == {NOW_NS}
    busy = {(1, "sms"): NOW_NS, (1, "email"): NOW_NS}
    assert {each.due_ns for each in decided("fall", Severity.EMERGENCY, newest_due_ns=busy)} == {NOW_NS}


@pytest.mark.parametrize(("told_s", "withheld"), [(119, Withheld.TOO_SOON), (120, None), (None, None)])
def test_a_repeat_is_told_at_most_every_two_minutes(told_s, withheld):
    told_ns = None if told_s is None else NOW_NS - told_s * S
    repeat = by_every_channel(subject(), WANG, Reason.REPEAT, NOW_NS)
    (decision,) = decide(repeat, Situation(NOW_NS, OPTIONS, newest_repeat_ns=told_ns))
    assert decision.withheld is withheld


def test_only_an_emergency_starts_the_clocks():
    assert [t.escalates for t in decided("fall", Severity.EMERGENCY)] == [False, True, True]
    assert not any(t.escalates or t.awaits_receipt for t in decided("silent", Severity.WARNING))


def test_family_is_told_by_sms_alone_and_not_waited_for():
    (telling,) = decide(by_every_channel(subject(), SON, Reason.FAMILY, NOW_NS), Situation(NOW_NS, OPTIONS))
    assert (telling.channel, telling.escalates, telling.awaits_receipt) == (Channel.SMS, False, False)


def test_a_person_without_a_phone_is_told_by_email_and_the_other_way_round():
    assert [t.channel for t in by_every_channel(subject(), WANG, Reason.FIRST, NOW_NS)] == [Channel.SMS]
    assert [t.channel for t in by_every_channel(subject(), CHEN, Reason.FIRST, NOW_NS)] == [Channel.EMAIL]


def test_the_steps_go_from_backup_to_lead_to_family_and_round_again():
    steps = []
    done = FIRST
    for _ in range(5):
        step = next_step(done, DUTY, SON, OPTIONS)
        steps.append((step.reason, step.recipients, step.wait_s))
        done = step.number
    everyone = (LI, WANG, CHEN)
    assert steps == [
        (Reason.BACKUP, (WANG,), 180),
        (Reason.LEAD, (CHEN,), 180),
        (Reason.FAMILY, (SON,), 300),
        (Reason.ROUND_AGAIN, everyone, 300),
        (Reason.ROUND_AGAIN, everyone, 300),
    ]


@pytest.mark.parametrize(
    ("duty", "family", "reason"),
    [
        (Duty((LI,), (), (CHEN,)), SON, Reason.LEAD),
        (Duty((LI,)), SON, Reason.FAMILY),
        (Duty((LI,)), None, Reason.ROUND_AGAIN),
    ],
)
def test_a_step_with_nobody_in_it_is_passed_over_at_once(duty, family, reason):
    assert next_step(FIRST, duty, family, OPTIONS).reason is reason


def test_when_nobody_is_on_duty_everybody_is_asked():
    nobody = Duty(anybody=(LI, WANG))
    told = first_told(subject(), nobody, NOW_NS)
    assert {(t.recipient, t.reason) for t in told[1:]} == {(LI, Reason.NO_COVER), (WANG, Reason.NO_COVER)}
    assert next_step(FAMILY, nobody, None, OPTIONS).recipients == (LI, WANG)
    warned = first_told(subject("silent", Severity.WARNING), nobody, NOW_NS)
    assert [t.recipient for t in warned[1:]] == [LI]


def test_one_who_is_first_and_lead_is_told_once():
    told = first_told(subject(), Duty((LI,), (WANG,), (LI,)), NOW_NS, LEAD)
    assert [(t.recipient, t.channel, t.reason) for t in told[1:]] == [
        (LI, Channel.SMS, Reason.FIRST),
        (LI, Channel.EMAIL, Reason.FIRST),
        (WANG, Channel.SMS, Reason.BACKUP),
    ]
