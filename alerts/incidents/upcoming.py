"""Who is asked next if nobody takes an incident, so that the board can say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.incidents.recipients import family_recipient
from alerts.incidents.views import NextStep
from alerts.people.roster import on_duty
from alerts.policy.contract import Duty, Reason, Recipient
from alerts.policy.escalate import FAMILY, STEP_REASONS, next_step
from alerts.store.timers import Wait, armed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from alerts.incidents.contract import Desk
    from alerts.people.roster import Officer


def next_steps(
    connection: Connection,
    incidents: Sequence[Row[Any]],
    people: Mapping[int, Row[Any]],
    desk: Desk | None,
    now_ns: int,
) -> dict[int, NextStep]:
    """Incident id -> its next step, of those that wait for one. Without a desk the reason is known, but no name."""
    due = armed(connection, Wait.ESCALATE)
    return {
        row.id: _next(row.step, due[row.id], family_recipient(people.get(row.resident_id)), desk, now_ns)
        for row in incidents
        if row.id in due
    }


def _next(step: int, due_ns: int, family: Recipient | None, desk: Desk | None, now_ns: int) -> NextStep:
    if desk is None:
        reason = STEP_REASONS[step + 1] if step < FAMILY else Reason.ROUND_AGAIN
        return NextStep(due_ns, reason, ())
    chain = on_duty(desk.roster, max(now_ns, due_ns), desk.options.time_zone)
    duty = Duty(_named(chain.first), _named(chain.backup), _named(chain.lead), _named(desk.roster.officers))
    coming = next_step(step, duty, family, desk.options)
    return NextStep(due_ns, coming.reason, tuple(each.name for each in coming.recipients))


def _named(officers: Iterable[Officer]) -> tuple[Recipient, ...]:
    """As recipients by name alone: nothing is sent to them from here."""
    return tuple(Recipient(0, each.name, each.phone, each.email, each.language) for each in officers)
