"""A firing alert as rows: the alert, the incident that it opens or joins, the messages owed, the timers armed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alerts.engine.contract import Severity
from alerts.incidents.contract import State, What
from alerts.incidents.lifecycle import Effect, Standing, effect_of, effect_of_repeat
from alerts.incidents.owing import ROUTINE, Cause, message_variables, owe_messages
from alerts.incidents.recipients import duty_now, officer_recipient
from alerts.policy import decide
from alerts.policy.contract import Channel, Mute, Reason, Situation, Subject, Telling
from alerts.policy.escalate import FIRST
from alerts.policy.first_told import by_best_channel, by_every_channel, first_told, on_board
from alerts.policy.options import later
from alerts.store.alerts import alerts_of, find_alert, join_incident, open_rules
from alerts.store.incidents import (
    change_incident,
    find_incident,
    insert_incident,
    note_audit,
    note_event,
    unclosed_incident,
)
from alerts.store.messages import newest_due_ns, newest_owed_ns
from alerts.store.people import find_resident, mutes_of
from alerts.store.timers import Wait, clear_timers, set_timer

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from alerts.incidents.contract import Desk


@dataclass(frozen=True, slots=True)
class Occasion:
    """An alert that fires or repeats, and the incident as it stands. `standing` is None where there is none."""

    alert: Row[Any]
    subject: Subject
    incident: Row[Any] | None
    standing: Standing | None
    cause: Cause


def alert_fired(connection: Connection, desk: Desk, key: str, cause: Cause) -> None:
    """The alert `key`, whose row stands, has fired: open, worsen or join the resident's incident and tell people."""
    occasion = _occasion(connection, key, cause)
    effect = effect_of(occasion.alert.rule, occasion.subject.severity, occasion.standing)
    tellings = _decided(connection, desk, occasion, _wanted(connection, desk, occasion, effect))
    if _withheld_from_board(tellings):
        _note_untold(connection, occasion, tellings)
        return
    incident_id = _changed_incident(connection, occasion, effect)
    join_incident(connection, key, incident_id)
    detail = {"rule": occasion.alert.rule, "severity": occasion.alert.severity, "effect": effect.value}
    note_event(connection, incident_id, cause.now_ns, What.FIRED, alert_key=key, **detail)
    _tell(connection, desk, occasion, incident_id, tellings)


def alert_repeated(connection: Connection, desk: Desk, key: str, cause: Cause) -> None:
    """Another occurrence joined the alert: whoever has the incident hears of it, at most every `repeat_s`.

    Of an emergency whose incident was closed meanwhile everyone on duty hears again: nobody has it, and who pressed
    SOS a second time has pressed it. What no policy let through at first stays untold.
    """
    occasion = _occasion(connection, key, cause)
    if occasion.alert.incident_id is None:
        return
    if occasion.incident is None or occasion.standing is None or occasion.alert.incident_id != occasion.incident.id:
        if occasion.subject.severity is Severity.EMERGENCY:
            alert_fired(connection, desk, key, cause)
        return
    effect = effect_of_repeat(occasion.subject.severity, occasion.standing)
    tellings = _decided(connection, desk, occasion, _wanted(connection, desk, occasion, effect))
    change_incident(connection, occasion.incident.id)
    note_event(connection, occasion.incident.id, cause.now_ns, What.REPEATED, alert_key=key)
    _tell(connection, desk, occasion, occasion.incident.id, tellings)


def _occasion(connection: Connection, key: str, cause: Cause) -> Occasion:
    alert = find_alert(connection, key)
    if alert is None:
        raise LookupError(f"alert {key!r} is not in the store; the log holds its readings: replay it")
    subject = Subject(key, alert.rule, Severity(alert.severity), alert.watch_id, alert.resident_id, shadow=alert.shadow)
    incident = unclosed_incident(connection, alert.resident_id, alert.watch_id)
    standing = None
    if incident is not None:
        rules = frozenset(row.rule for row in alerts_of(connection, [incident.id]) if row.key != key)
        standing = Standing(State(incident.state), Severity(incident.severity), rules)
    return Occasion(alert, subject, incident, standing, cause)


def _wanted(connection: Connection, desk: Desk, occasion: Occasion, effect: Effect) -> list[Telling]:
    """Who would be told if no policy had a say."""
    subject, now_ns = occasion.subject, occasion.cause.now_ns
    if effect is Effect.JOINS:
        return [on_board(subject, now_ns)]
    if effect is Effect.TELLS_HOLDER:
        return [on_board(subject, now_ns), *_to_holder(connection, occasion)]
    step = occasion.incident.step if occasion.incident and effect is Effect.ADDS else FIRST
    told = first_told(subject, duty_now(connection, desk, now_ns), now_ns, step)
    if effect is Effect.SPEAKS_AGAIN and occasion.incident is not None:
        holder = officer_recipient(connection, occasion.incident.owner_id)
        if holder is not None and all(each.recipient != holder for each in told):
            told += by_every_channel(subject, holder, Reason.HOLDER, now_ns)
    return told


def _to_holder(connection: Connection, occasion: Occasion) -> list[Telling]:
    holder = officer_recipient(connection, occasion.incident.owner_id if occasion.incident else None)
    return [] if holder is None else by_best_channel(occasion.subject, holder, Reason.REPEAT, occasion.cause.now_ns)


def _decided(connection: Connection, desk: Desk, occasion: Occasion, wanted: list[Telling]) -> list[Telling]:
    incident_id = occasion.incident.id if occasion.incident else None
    now_ns = occasion.cause.now_ns
    situation = Situation(
        now_ns=now_ns,
        options=desk.options,
        mutes=tuple(
            Mute(row.rule, row.until_ns, row.why) for row in mutes_of(connection, occasion.alert.resident_id, now_ns)
        ),
        open_rules=open_rules(connection, occasion.alert.watch_id),
        newest_due_ns=newest_due_ns(connection, ROUTINE, later(now_ns, -desk.options.throttle_s)),
        newest_repeat_ns=None if incident_id is None else newest_owed_ns(connection, incident_id, Reason.REPEAT),
    )
    return decide(wanted, situation)


def _withheld_from_board(tellings: list[Telling]) -> bool:
    return all(each.withheld is not None for each in tellings if each.channel is Channel.BOARD)


def _note_untold(connection: Connection, occasion: Occasion, tellings: list[Telling]) -> None:
    """The alert's row stands; here is why nobody heard of it."""
    board = tellings[0]
    said = {"alert_key": occasion.alert.key, "withheld": str(board.withheld), **board.detail}
    note_audit(connection, occasion.cause.now_ns, "alert_withheld", **said)


def _changed_incident(connection: Connection, occasion: Occasion, effect: Effect) -> int:
    alert, incident, now_ns = occasion.alert, occasion.incident, occasion.cause.now_ns
    headline = {"headline_key": alert.key, "happened_ms": alert.event_ms if alert.event_ms >= 0 else alert.fired_ms}
    waiting = {"state": State.OPEN.value, "severity": alert.severity, "step": FIRST, **headline}
    if incident is None:
        whose = {"resident_id": alert.resident_id, "watch_id": alert.watch_id}
        return insert_incident(connection, **whose, **waiting, opened_ms=alert.fired_ms, opened_ns=now_ns)
    if effect is Effect.SPEAKS_AGAIN:
        detail = {"holder_id": incident.owner_id}
        note_event(connection, incident.id, now_ns, What.SPOKE_AGAIN, alert_key=alert.key, **detail)
        waiting |= {"owner_id": None, "acknowledged_ns": None, "acknowledged_via": None, "retry_ns": None}
    clears = effect.makes_it_wait
    if clears:
        clear_timers(connection, incident.id)
    change_incident(connection, incident.id, **(waiting if clears else {}))
    return int(incident.id)


def _tell(connection: Connection, desk: Desk, occasion: Occasion, incident_id: int, tellings: list[Telling]) -> None:
    cause = occasion.cause
    resident = find_resident(connection, occasion.alert.resident_id)
    said = message_variables(occasion.alert, resident, cause.now_ns)
    owe_messages(connection, incident_id, tellings, said, cause=cause, options=desk.options)
    _note_decisions(connection, incident_id, cause, tellings)
    standing = find_incident(connection, incident_id)
    is_waiting = standing is not None and standing.state == State.OPEN and standing.step == FIRST
    if is_waiting and occasion.subject.severity is Severity.EMERGENCY:
        _start_escalation(connection, desk, occasion, incident_id)


def _start_escalation(connection: Connection, desk: Desk, occasion: Occasion, incident_id: int) -> None:
    """From the first emergency on; a second one that joins does not put the next step off."""
    if occasion.standing is None or occasion.standing.state is not State.OPEN or occasion.standing.severity.rank > 0:
        due_ns = later(occasion.cause.now_ns, desk.options.next_step_s)
        set_timer(connection, incident_id, Wait.ESCALATE, due_ns)


def _note_decisions(connection: Connection, incident_id: int, cause: Cause, tellings: list[Telling]) -> None:
    if any(each.reason is Reason.NO_COVER for each in tellings):
        note_event(connection, incident_id, cause.now_ns, What.NO_COVER)
    for each in tellings:
        if each.withheld is not None:
            who = each.recipient.officer_id if each.recipient else None
            detail: dict[str, Any] = {"why": each.withheld.value, "channel": each.channel.value, **each.detail}
            note_event(connection, incident_id, cause.now_ns, What.WITHHELD, officer_id=who, **detail)
