"""The timeline in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alerts.incidents.contract import What
from alerts.store.people import officers
from board.headline import headline
from board.moments import NS_PER_MS, moment
from board.words import knows, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.incidents.views import Event, IncidentView
    from board.context import BoardContext


@dataclass(frozen=True, slots=True)
class Line:
    """`what` is the kind of event, for its looks."""

    at: str
    what: str
    text: str


def timeline_lines(context: BoardContext, incident: IncidentView, language: str) -> tuple[Line, ...]:
    """Oldest first."""
    now_ms = context.clock.now_ns() // NS_PER_MS
    zone = context.options.zone
    heads = {a.key: headline(language, a.message, a.rule, a.inputs) for a in incident.alerts}
    family = {message.id for message in incident.messages if message.is_family}
    with context.store.reading() as connection:
        names = {row.id: row.name for row in officers(connection)}
    lines = []
    for event in incident.timeline:
        name = event.officer_name or (say(language, "family") if event.message_id in family else "")
        said = _said(context, event, names, language)
        key = f"happened.{event.what.value}"
        if event.what is What.FAILED and event.detail.get("retry_ns") is None:
            key = "happened.failed_for_good"
        text = say(language, key, name=name, what=heads.get(event.alert_key or "", ""), **said)
        at = moment(event.at_ns // NS_PER_MS, now_ms, zone, seconds=True)
        lines.append(Line(at, event.what.value, " ".join(text.split())))
    return tuple(lines)


def _said(context: BoardContext, event: Event, names: Mapping[int, str], language: str) -> dict[str, Any]:
    """What the texts of `happened.` may name, out of the event's detail."""
    detail = event.detail
    retry_ns = detail.get("retry_ns")
    now_ms = context.clock.now_ns() // NS_PER_MS
    to = [names.get(detail["to_id"], "")] if "to_id" in detail else detail.get("to", ())
    return {
        "channel": _word(language, "channel", detail.get("channel")),
        "via": _word(language, "via", detail.get("via")),
        "why": _word(language, "why.withheld", detail.get("why")),
        "outcome": _word(language, "outcome", detail.get("outcome")),
        "count": int(detail.get("count", 0)),
        "text": detail.get("text") or detail.get("note") or "",
        "to": ", ".join(to) or say(language, "family"),
        "at": "" if retry_ns is None else moment(retry_ns // NS_PER_MS, now_ms, context.options.zone),
    }


def _word(language: str, kind: str, value: object) -> str:
    key = f"{kind}.{value}"
    return say(language, key) if knows(key) else ""
