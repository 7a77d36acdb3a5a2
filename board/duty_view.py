"""The duty page's content: rows in words, and who is protected. What the store says, ready for the templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.engine.contract import Severity
from alerts.incidents.contract import State
from alerts.incidents.protection import Cause, protection
from alerts.incidents.read import duty_board
from alerts.people.roster import on_duty as chain_on_duty
from board.headline import headline
from board.moments import NS_PER_MS, moment
from board.who import Who, who
from board.words import say

if TYPE_CHECKING:
    from alerts.incidents.protection import Protection
    from alerts.incidents.views import Row
    from board.context import BoardContext

SHOWN_A_CAUSE = 4
CAUSES = (Cause.NO_SIGNAL, Cause.FLAT, Cause.NOT_WORN, Cause.CHARGING, Cause.MUTED, Cause.NEVER_HEARD)


@dataclass(frozen=True, slots=True)
class Person:
    """One on duty. `place`: `first`, `backup` or `lead`."""

    place: str
    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class RowView:
    """One line. `due_ms`: when the next person is asked."""

    id: int
    version: int
    severity: str
    is_taken: bool
    headline: str
    times: int
    who: Who
    happened_ms: int
    age_form: str
    happened_text: str
    arrived_text: str
    owner_text: str
    owner_detail: str
    due_ms: int | None
    due_text: str


@dataclass(frozen=True, slots=True)
class ListView:
    """`name`: `waiting`, `in_hand` or `notices`."""

    name: str
    rows: tuple[RowView, ...]


@dataclass(frozen=True, slots=True)
class Unprotected:
    """One who is not protected, and since when."""

    name: str
    since_ms: int | None


@dataclass(frozen=True, slots=True)
class CauseView:
    """`more`: how many beyond those shown."""

    name: str
    count: int
    shown: tuple[Unprotected, ...]
    more: int


@dataclass(frozen=True, slots=True)
class ProtectionView:
    """How many are protected, and the causes of the rest."""

    protected: int
    total: int
    causes: tuple[CauseView, ...]


@dataclass(frozen=True, slots=True)
class BoardView:
    """The whole of it."""

    lists: tuple[ListView, ...]
    empty_text: str
    protection: ProtectionView
    on_duty: tuple[Person, ...]
    may_act: bool


def board_view(context: BoardContext, language: str, *, may_act: bool) -> BoardView:
    """Read and put into words. Blocks on the store; raises SQLAlchemyError when it can't be read."""
    now_ns = context.clock.now_ns()
    now_ms = now_ns // NS_PER_MS
    board = duty_board(context.store, now_ns, context.roster(), context.escalation)
    names = ("waiting", "in_hand", "notices")
    lists = (board.waiting, board.in_hand, board.notices)
    empty = say(language, "list.empty")
    if board.last_closed_ns is not None:
        at = moment(board.last_closed_ns // NS_PER_MS, now_ms, context.options.zone)
        empty = say(language, "list.empty_since", at=at)
    return BoardView(
        lists=tuple(
            ListView(name, tuple(row_view(context, row, language) for row in rows))
            for name, rows in zip(names, lists, strict=True)
        ),
        empty_text=empty,
        protection=protection_view(protection(context.store, now_ms)),
        on_duty=on_duty(context),
        may_act=may_act,
    )


def row_view(context: BoardContext, row: Row, language: str) -> RowView:
    """One incident in words."""
    now_ms = context.clock.now_ns() // NS_PER_MS
    alert = row.headline
    is_taken = row.state is not State.OPEN
    owner_text, owner_detail = owner_words(context, row, language)
    due_ms, due_text = _next_step(row, language)
    at = moment(row.happened_ms, now_ms, context.options.zone)
    return RowView(
        id=row.incident_id,
        version=row.version,
        severity=row.severity.value,
        is_taken=is_taken,
        headline=headline(language, alert.message, alert.rule, alert.inputs),
        times=row.count,
        who=who(row.resident, row.watch_id, language),
        happened_ms=row.happened_ms,
        age_form="words" if row.severity is Severity.NOTICE else "clock",
        happened_text=say(language, "row.happened", at=at),
        arrived_text=arrived_words(context, row, language),
        owner_text=owner_text,
        owner_detail=owner_detail,
        due_ms=due_ms,
        due_text=due_text,
    )


def arrived_words(context: BoardContext, row: Row, language: str) -> str:
    """`14:31 才收到`, where the headline came late; else empty."""
    alert = row.headline
    if not alert.late or alert.arrived_ms is None:
        return ""
    now_ms = context.clock.now_ns() // NS_PER_MS
    return say(language, "row.arrived", at=moment(alert.arrived_ms, now_ms, context.options.zone))


def owner_words(context: BoardContext, row: Row, language: str) -> tuple[str, str]:
    """Who has it, and since when or until when; or that nobody has."""
    if row.owner_id is None:
        return say(language, "row.nobody"), ""
    now_ms = context.clock.now_ns() // NS_PER_MS
    zone = context.options.zone
    taken = "" if row.acknowledged_ns is None else moment(row.acknowledged_ns // NS_PER_MS, now_ms, zone)
    detail = say(language, "row.taken", at=taken) if taken else ""
    if row.retry_ns is not None:
        detail = say(language, "row.retry", at=moment(row.retry_ns // NS_PER_MS, now_ms, zone))
    return say(language, "row.owner", name=row.owner_name), detail


def _next_step(row: Row, language: str) -> tuple[int | None, str]:
    step = row.next_step
    if step is None:
        return None, ""
    if not step.names:
        return step.due_ns // NS_PER_MS, say(language, "row.escalates_on")
    names = "、".join(step.names) if language == "zh" else ", ".join(step.names)
    return step.due_ns // NS_PER_MS, say(language, "row.escalates", name=names)


def protection_view(found: Protection) -> ProtectionView:
    """The causes in the order in which they matter, the longest first in each."""
    causes = []
    for cause in CAUSES:
        rows = [row for row in found.rows if row.cause is cause]
        shown = tuple(Unprotected(row.name, row.since_ms) for row in rows[:SHOWN_A_CAUSE])
        if rows:
            causes.append(CauseView(cause.value, len(rows), shown, len(rows) - len(shown)))
    return ProtectionView(found.counts.get(Cause.PROTECTED, 0), found.total, tuple(causes))


def on_duty(context: BoardContext) -> tuple[Person, ...]:
    """Who is on duty now, in the order in which they are asked; empty without a roster or in a gap."""
    roster = context.roster()
    if roster is None:
        return ()
    chain = chain_on_duty(roster, context.clock.now_ns(), context.options.time_zone)
    places = (("first", chain.first), ("backup", chain.backup), ("lead", chain.lead))
    return tuple(Person(place, each.name, each.phone) for place, officers in places for each in officers)
