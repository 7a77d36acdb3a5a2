"""The officers of the roster as rows of the store: a message, an ack and a sign-in name one by id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from alerts.people.roster import gaps_in_cover
from alerts.store.people import officer_by_login, put_officer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from alerts.people.roster import Officer, Roster
    from alerts.store.database import Store

log = structlog.get_logger(__name__)


def keep_officers(store: Store, roster: Roster) -> dict[str, int]:
    """Add and change the officers of the roster; login -> id. One who has left keeps the row: timelines name it."""
    for gap in gaps_in_cover(roster):
        log.warning("gap_in_cover", gap=str(gap))
    with store.transaction() as connection:
        return {officer.login: _keep(connection, officer) for officer in roster.officers}


def officer_id(connection: Connection, officer: Officer) -> int:
    """The id of an officer of the roster, added if the roster was read after the last `keep_officers`."""
    row = officer_by_login(connection, officer.login)
    return _keep(connection, officer) if row is None else int(row.id)


def _keep(connection: Connection, officer: Officer) -> int:
    columns = {name: getattr(officer, name) for name in ("name", "phone", "email", "language", "role")}
    return put_officer(connection, officer.login, columns)
