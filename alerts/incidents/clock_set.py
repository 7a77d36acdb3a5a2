"""The wall clock was set: what was due in so many seconds is due no later for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from alerts.store.incidents import note_audit
from alerts.store.messages import MessageState
from alerts.store.tables import message, timer

if TYPE_CHECKING:
    from alerts.store.database import Store


def move_what_is_due(store: Store, step_ns: int, now_ns: int) -> None:
    """Move timers and messages owed with a clock that is set back: an escalation must not be put off by a day.

    After a step ahead they stay: what is due too early asks one more person, and moving what was armed since the step
    would be asking too late. `now_ns` is after the step. Raises what the database raises, with nothing moved.
    """
    with store.transaction() as connection:
        note_audit(connection, now_ns, "clock_set", step_ms=step_ns // 1_000_000)
        if step_ns > 0:
            return
        connection.execute(update(timer).values(due_ns=timer.c.due_ns + step_ns))
        owed = message.c.state == MessageState.OWED
        connection.execute(update(message).where(owed).values(due_ns=message.c.due_ns + step_ns))
