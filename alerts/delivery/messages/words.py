"""One message row -> the words that a person reads. Pure; times are shown in the site's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from alerts.delivery.messages import budget
from alerts.delivery.messages.catalogue import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from zoneinfo import ZoneInfo

    Build = Callable[[str, str], str]

SHORTEST_ADDRESS = 6
SHORTEST_NAME = 4
TOLD_LATE_MS = 120_000
"""From this long between happening and arrival on, a message says both times."""


@dataclass(frozen=True, slots=True)
class Words:
    """`subject` is empty for an SMS."""

    subject: str
    body: str


def sms_words(template: str, variables: Mapping[str, Any], language: str, zone: ZoneInfo, code: str | None) -> Words:
    """In one SMS where that is possible: the address gives way first (its end says most), then a long name.

    What happened, the call-back number and the code are never cut; what is still too long goes out in parts.
    """

    def build(name: str, address: str) -> str:
        shown = _shown({**variables, "name": name, "address": address}, language, zone)
        shown["code"] = say(language, "code", code=code) if code else ""
        return " ".join(say(language, f"sms.{template}", **shown).split())  # an empty address leaves no gap

    name, address = str(variables.get("name") or ""), str(variables.get("address") or "")
    return Words("", _fitted(build, name, address))


def email_words(
    template: str, variables: Mapping[str, Any], language: str, zone: ZoneInfo, code: str | None, link: str | None
) -> Words:
    """Subject and body, with the signed link where there is one."""
    shown = _shown(variables, language, zone)
    subject = say(language, f"email.{template}.subject", **shown)
    body = f"{subject}\n\n" + say(language, "email.body", **shown)
    if link:
        body += say(language, "email.body.link", link=link)
    if code:
        body += say(language, "email.body.code", code=code)
    return Words(subject, body)


def _fitted(build: Build, name: str, address: str) -> str:
    # What no SMS holds goes at once: letter by letter, a whole page for an address would hold everybody up.
    name, address = name[: budget.GSM_SINGLE], address[-budget.GSM_SINGLE :]
    text = build(name, address)
    while budget.parts(text) > 1 and len(address) > SHORTEST_ADDRESS:
        address = address[1:]
        text = build(name, address)
    while budget.parts(text) > 1 and len(name) > SHORTEST_NAME:
        name = name[:-1]
        text = build(name, address)
    return text


def _shown(variables: Mapping[str, Any], language: str, zone: ZoneInfo) -> dict[str, Any]:
    inputs = variables.get("inputs") or {}
    bpm = _number(inputs.get("bpm"))
    phone = str(variables.get("phone") or "").removeprefix("+86")  # as one dials it here
    return {
        "severity": say(language, f"severity.{variables.get('severity', 'emergency')}"),
        "what": say(language, f"what.{variables['message']}", bpm=bpm).strip(),
        "who": who(variables, language),
        "address": variables.get("address") or "",
        "when": _when(variables, language, zone),
        "phone": say(language, "phone", phone=phone) if phone else "",
        "phone_plain": phone or "-",
        "holder": variables.get("holder") or "",
        "why": say(language, f"why.{variables['message']}", bpm=bpm, limit=_number(_limit(inputs))),
    }


def who(variables: Mapping[str, Any], language: str) -> str:
    """The resident's name and age, or the number of a watch that nobody is known to wear."""
    if not variables.get("name"):
        return say(language, "who.unknown", watch_id=variables.get("watch_id", "?"))
    key = "who" if variables.get("age") is not None else "who.no_age"
    return say(language, key, name=variables["name"], age=variables.get("age"))


def _when(variables: Mapping[str, Any], language: str, zone: ZoneInfo) -> str:
    """What came long after it happened says both, also where the engine does not call it late (a first backlog)."""
    at_ms, arrived_ms = variables["at_ms"], variables.get("arrived_ms")
    if arrived_ms and (variables.get("late") or arrived_ms - at_ms >= TOLD_LATE_MS):
        at = _clock(at_ms, zone, today_ms=arrived_ms)
        return say(language, "late", at=at, arrived=_clock(arrived_ms, zone))
    if variables.get("since_ms"):
        return say(language, "since", at=_clock(variables["since_ms"], zone))
    return say(language, "at", at=_clock(at_ms, zone))


def _clock(time_ms: int, zone: ZoneInfo, today_ms: int | None = None) -> str:
    """The time of day, on another day than that of `today_ms` month and day before it; of another year the date."""
    moment = datetime.fromtimestamp(time_ms / 1000, zone)
    today = moment if today_ms is None else datetime.fromtimestamp(today_ms / 1000, zone)
    if moment.year != today.year:
        return moment.strftime("%Y-%m-%d")
    return moment.strftime("%H:%M" if moment.date() == today.date() else "%m-%d %H:%M")


def _limit(inputs: Mapping[str, Any]) -> object:
    return next((value for name, value in inputs.items() if name.startswith("limit.")), None)


def _number(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
