"""The officers of the roster as rows of the store: a message, an ack and a sign-in name one by id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from alerts.people.roster import gaps_in_cover
from alerts.store.people import let_go, officer_by_login, officers, put_officer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from alerts.people.roster import Officer, Roster
    from alerts.store.database import Store

log = structlog.get_logger(__name__)


LEFT = "left"
"""Role of one who stands in the roster no more: signs in nowhere, takes nothing."""


def keep_officers(store: Store, roster: Roster, now_ns: int) -> dict[str, int]:
    """Add and change the officers of the roster; login -> id.

    One who has left keeps the row, since timelines name it, and loses everything else: password, telephone number
    (by which replies are believed) and API tokens.
    """
    for gap in gaps_in_cover(roster):
        log.warning("gap_in_cover", gap=str(gap))
    with store.transaction() as connection:
        kept = {officer.login: _keep(connection, officer) for officer in roster.officers}
        for row in officers(connection):
            if row.login not in kept and row.role != LEFT:
                log.warning("officer_left", officer=row.id)
                let_go(connection, row.id, LEFT, now_ns)
        return kept


def officer_id(connection: Connection, officer: Officer) -> int:
    """The id of an officer of the roster, added if the roster was read after the last `keep_officers`."""
    row = officer_by_login(connection, officer.login)
    return _keep(connection, officer) if row is None else int(row.id)


def _keep(connection: Connection, officer: Officer) -> int:
    columns = {name: getattr(officer, name) for name in ("name", "phone", "email", "language", "role")}
    return put_officer(connection, officer.login, columns)
