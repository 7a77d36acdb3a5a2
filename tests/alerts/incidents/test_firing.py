"""Alerts as rows: applied once, withheld with a reason, and one that breaks does not silence the rest."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import delete, select

from alerts.engine.contract import Change, Severity, Why
from alerts.incidents.contract import Outcome
from alerts.policy.options import EscalationOptions
from alerts.store.tables import alert, audit, message, mute, transition, wearer
from tests.alerts.duty_office import LI, START_NS, DutyOffice


def rows(office, table):
    with office.store.reading() as connection:
        return list(connection.execute(select(table)))


def test_applying_a_record_twice_changes_nothing(office):
    office.fires("fall")
    before = [rows(office, table) for table in (alert, message, transition)], office.happened(), office.incident()
    office.keep(office.change, offset=office.offset)
    after = [rows(office, table) for table in (alert, message, transition)], office.happened(), office.incident()
    assert after == before


def test_what_is_only_pending_is_kept_and_told_to_nobody(office):
    office.fires("fall", change=Change.PENDING, why=Why.RUN_BEGAN)
    office.again(Change.CALLED_OFF)
    assert [row.change for row in rows(office, transition)] == ["pending", "called_off"]
    assert rows(office, alert) == []
    assert office.told() == []


def test_a_message_holds_all_that_its_words_need(office):
    office.now_s = 1740
    office.fires("heart_rate_very_high", started_ms=office.ms(-120), inputs={"bpm": 138.0, "gone": float("nan")})
    sms = office.messages()[0]
    assert sms.variables == {
        "message": "heart_rate_very_high",
        "severity": "emergency",
        "rule": "heart_rate_very_high",
        "watch_id": "w1",
        "name": "张三",
        "age": 82,
        "address": "3栋502",
        "phone": "+8617000000001",
        "at_ms": office.ms(1740),
        "since_ms": office.ms(-120),
        "inputs": {"bpm": 138.0, "gone": None},
        "late": False,
        "arrived_ms": office.ms(1740),
        "holder": "",
        "incident_id": 1,
        "code": sms.reply_code,
    }
    assert (sms.address, sms.language, sms.priority, sms.reason) == ("+8617099000001", "zh", 0, "first")


def test_a_deadline_has_no_reading_of_its_own(office):
    office.fires("silent", severity=Severity.WARNING, event_ms=-1, arrival_ms=-1, started_ms=office.ms(-1800))
    variables = office.messages()[0].variables
    assert (variables["at_ms"], variables["since_ms"], variables["arrived_ms"]) == (
        office.ms(0),
        office.ms(-1800),
        None,
    )


def test_a_watch_that_nobody_is_known_to_wear_alerts_all_the_same(office):
    office.fires("sos", watch=2)
    (row,) = office.board().waiting
    assert (row.watch_id, row.resident) == ("w3", None)
    assert office.messages()[0].variables["name"] == ""
    office.fires("fall", watch=2)
    assert len(office.board().waiting) == 1


def test_a_muted_warning_opens_nothing_and_says_why(office):
    with office.store.transaction() as connection:
        values = {"resident_id": 1, "until_ns": START_NS + 10**12, "officer_id": office.id_of(LI), "why": "住院"}
        connection.execute(mute.insert().values(**values))
    key = office.fires("silent", severity=Severity.WARNING)
    assert office.board().waiting == ()
    (note,) = rows(office, audit)
    assert note.detail == {"alert_key": key, "withheld": "muted", "until_ns": START_NS + 10**12, "why": "住院"}
    office.fires("fall")
    assert [t.to for t in office.told(0, "sms")] == [LI]


def test_a_heart_rate_warning_after_an_sos_is_silent(office):
    office.fires("sos")
    told = office.told()
    office.fires("heart_rate_high_at_rest", severity=Severity.WARNING)
    assert office.told() == told
    assert office.board().waiting[0].count == 1


def test_a_shadow_rule_keeps_its_alert_and_nothing_else(office):
    office.fires("trial", shadow=True)
    assert [(row.shadow, row.incident_id) for row in rows(office, alert)] == [(True, None)]
    assert office.board().waiting == ()
    assert office.told() == []
    office.again(Change.RESOLVED)
    assert rows(office, alert)[0].resolved_why == "event"


def test_a_second_warning_waits_for_its_turn(office):
    office.fires("silent", severity=Severity.WARNING)
    office.until(60)
    office.fires("silent", watch=1, severity=Severity.WARNING)
    assert len(office.told()) == 1
    office.until(700)
    assert [(t.at_s, t.to) for t in office.told(1)] == [(600, LI)]


def test_a_resolved_alert_rises_again_under_its_own_key(office):
    key = office.fires("heart_rate_very_high_at_rest")
    office.again(Change.RESOLVED)
    office.keep(replace(office.change, reopened=True))
    (row,) = rows(office, alert)
    assert (row.key, row.reopenings, row.resolved_ms) == (key, 1, None)
    assert office.board().waiting[0].count == 2


def test_after_a_closed_incident_the_next_alert_opens_a_new_one(office):
    office.fires("fall")
    office.takes(LI)
    office.resolves(LI, Outcome.VISITED)
    office.until(60)
    office.fires("fall")
    assert [row.incident_id for row in office.board().waiting] == [2]
    assert [t.to for t in office.told(60, "sms")] == [LI]


def test_one_transition_that_breaks_the_program_does_not_silence_the_others(office, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("alerts.incidents.transitions.mark_resolved", broken)
    office.fires("fall")
    fall = replace(office.change, change=Change.RESOLVED)
    office.keep(fall, replace(office.change, rule="sos", message="sos"))
    assert [row.rule for row in rows(office, alert)] == ["fall", "sos"]
    assert [row.what for row in rows(office, audit)] == ["transition_failed"]
    assert len(rows(office, transition)) == 2


def test_a_contradicted_alert_says_so_in_the_timeline(office):
    office.fires("fall")
    office.again(Change.CONTRADICTED)
    assert office.happened()[-1] == "contradicted"


def test_a_watch_that_changes_its_wearer_alerts_for_the_new_one(office):
    office.fires("fall")
    with office.store.transaction() as connection:
        connection.execute(delete(wearer).where(wearer.c.watch_id == "w2"))
        connection.execute(wearer.update().where(wearer.c.watch_id == "w1").values(resident_id=2))
    office.until(60)
    office.fires("fall")
    assert [row.resident.name for row in office.board().waiting] == ["张三", "李四"]


def test_the_numbers_of_the_escalation_are_settings(tmp_path):
    office = DutyOffice(tmp_path, options=EscalationOptions(next_step_s=30))
    office.fires("fall")
    office.until(30)
    assert len(office.told(30, "sms")) == 1
    office.close()
