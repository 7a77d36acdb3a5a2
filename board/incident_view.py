"""One incident in words: who, whom to call, why it fired, where, and what has happened since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.incidents.contract import State
from alerts.incidents.read import incident as read_incident
from board.duty_view import arrived_words, owner_words, row_view
from board.headline import headline, reason, rule_name
from board.moments import NS_PER_MS, moment
from board.timeline_view import Line, timeline_lines
from board.vitals_view import Vitals, vitals
from board.who import Who, surname
from board.words import NATIVE_NAMES, say

if TYPE_CHECKING:
    from alerts.incidents.views import AlertView, IncidentView, ResidentView, Row
    from board.context import BoardContext
    from board.front import Front
    from board.visitor import Visitor

VERSION_SHOWN = 8
SEES_EVERY_CARD = frozenset({"chief", "admin"})


@dataclass(frozen=True, slots=True)
class Call:
    """A button that dials."""

    text: str
    phone: str


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One of the incident's alerts."""

    at: str
    headline: str
    fate: str


@dataclass(frozen=True, slots=True)
class Details:
    """What templates/pane.html shows. `care` is None while the care card is closed to this visitor."""

    id: int
    version: int
    state: str
    severity: str
    headline: str
    who: Who
    owner_text: str
    owner_detail: str
    happened_text: str
    arrived_text: str
    calls: tuple[Call, ...]
    next_step: str
    care: tuple[str, ...] | None
    why: str
    alerts: tuple[AlertLine, ...]
    vitals: Vitals
    timeline: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class AckCard:
    """What a link in an email tells of an incident."""

    id: int
    severity: str
    headline: str
    surname: str
    age: str
    community: str
    happened_text: str
    holder_name: str
    holder_text: str
    is_closed: bool


def details(front: Front, incident_id: int, visitor: Visitor) -> Details | None:
    """The incident for this visitor; None if there is none. Blocks on the store and the log."""
    context, language = front.context, visitor.language
    found = read_incident(context.store, incident_id, front.now_ns, context.roster(), context.escalation)
    if found is None:
        return None
    row, shown = found.row, row_view(context, found.row, language)
    owner_text, owner_detail = _closed_words(context, row, language) or owner_words(context, row, language)
    return Details(
        id=row.incident_id,
        version=row.version,
        state=row.state.value,
        severity=row.severity.value,
        headline=shown.headline,
        who=shown.who,
        owner_text=owner_text,
        owner_detail=owner_detail,
        happened_text=shown.happened_text,
        arrived_text=arrived_words(context, row, language),
        calls=_calls(row.resident, language),
        next_step=_next_step(row, language),
        care=_care(row.resident, language) if may_see_care(row, visitor) else None,
        why=_why(context, row.headline, language),
        alerts=tuple(_alert_line(context, alert, language) for alert in found.alerts),
        vitals=vitals(front, row, language, is_exact=row.state is not State.OPEN),
        timeline=timeline_lines(context, found, language),
    )


def may_see_care(row: Row, visitor: Visitor) -> bool:
    """The care card is open to whoever has the incident, and to chiefs, until it is closed."""
    if row.state is not State.ACKNOWLEDGED or visitor.officer is None:
        return False
    return row.owner_id == visitor.officer_id or visitor.officer.role in SEES_EVERY_CARD


def ack_card(front: Front, incident_id: int, language: str) -> AckCard | None:
    """What the link's page may tell. Blocks on the store."""
    context = front.context
    found: IncidentView | None = read_incident(context.store, incident_id, front.now_ns)
    if found is None:
        return None
    row, shown = found.row, row_view(context, found.row, language)
    resident = row.resident
    holder = say(language, "row.owner", name=row.owner_name) if row.owner_name else say(language, "row.nobody")
    return AckCard(
        id=row.incident_id,
        severity=row.severity.value,
        headline=shown.headline,
        surname=shown.who.name if resident is None else surname(resident.name),
        age=shown.who.age,
        community="" if resident is None else resident.community,
        happened_text=shown.happened_text,
        holder_name=row.owner_name,
        holder_text=say(language, "ack.holder", holder=holder),
        is_closed=row.state is State.RESOLVED,
    )


def _closed_words(context: BoardContext, row: Row, language: str) -> tuple[str, str] | None:
    if row.state is not State.RESOLVED or row.resolved_ns is None:
        return None
    now_ms = context.clock.now_ns() // NS_PER_MS
    at = moment(row.resolved_ns // NS_PER_MS, now_ms, context.options.zone)
    outcome = say(language, f"outcome.{row.outcome}") if row.outcome else ""
    return say(language, "closed.at", at=at, outcome=outcome), row.note


def _calls(resident: ResidentView | None, language: str) -> tuple[Call, ...]:
    calls = []
    if resident is not None and resident.phone:
        calls.append(Call(say(language, "call.resident"), resident.phone))
    if resident is not None and resident.contact_phone:
        relation = resident.contact_relation or say(language, "call.family")
        calls.append(Call(say(language, "call.relation", relation=relation), resident.contact_phone))
    return (*calls, Call(say(language, "call.120"), "120"))


def _next_step(row: Row, language: str) -> str:
    if row.resident is None:
        return say(language, "next_step.unknown")
    return say(language, "next_step.silent" if row.headline.message == "silent" else "next_step")


def _care(resident: ResidentView | None, language: str) -> tuple[str, ...]:
    if resident is None:
        return ()
    lines = [line.strip() for line in resident.notes.splitlines() if line.strip()]
    if resident.language != language and resident.language in NATIVE_NAMES:
        lines.append(f"{say(language, 'care.language')} {NATIVE_NAMES[resident.language]}")
    if resident.contact_name:
        lines.append(" ".join(filter(None, (resident.contact_relation, resident.contact_name, resident.contact_phone))))
    return tuple(lines)


def _why(context: BoardContext, alert: AlertView, language: str) -> str:
    now_ms = context.clock.now_ns() // NS_PER_MS
    since, fired = (moment(ms, now_ms, context.options.zone) for ms in (alert.started_ms, alert.fired_ms))
    rule = rule_name(language, alert.message, alert.rule)
    parts = (
        reason(language, alert.message, alert.inputs),
        say(language, "why.since", since=since, fired=fired),
        say(language, "why.rule", rule=rule, version=alert.rule_version[:VERSION_SHOWN]),
    )
    return " · ".join(parts)


def _alert_line(context: BoardContext, alert: AlertView, language: str) -> AlertLine:
    now_ms = context.clock.now_ns() // NS_PER_MS
    zone = context.options.zone
    fate = say(language, "alert.ongoing")
    if alert.resolved_ms is not None:
        fate = say(language, "alert.over", at=moment(alert.resolved_ms, now_ms, zone))
    words = headline(language, alert.message, alert.rule, alert.inputs)
    return AlertLine(moment(alert.fired_ms, now_ms, zone), words, fate)
