"""Rows of people as recipients of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.people.officers import officer_id
from alerts.people.roster import on_duty
from alerts.policy.contract import Duty, Recipient
from alerts.store.people import find_officer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

    from alerts.incidents.contract import Desk
    from alerts.people.roster import Officer


def duty_now(connection: Connection, desk: Desk, now_ns: int) -> Duty:
    """The chain on duty, and the whole roster for when it is empty."""
    chain = on_duty(desk.roster, now_ns, desk.options.time_zone)
    staff = tuple(each for each in desk.roster.officers if each.role in ("officer", "chief", "admin"))
    return Duty(
        first=_recipients(connection, chain.first),
        backup=_recipients(connection, chain.backup),
        lead=_recipients(connection, chain.lead),
        anybody=_recipients(connection, staff),
    )


def officer_recipient(connection: Connection, chosen_id: int | None) -> Recipient | None:
    """The officer of this id."""
    row = find_officer(connection, chosen_id)
    return None if row is None else Recipient(row.id, row.name, row.phone, row.email, row.language)


def family_recipient(resident: Row[Any] | None) -> Recipient | None:
    """The resident's contact, if there is one that can be reached."""
    if resident is None or not resident.contact_phone:
        return None
    return Recipient(None, resident.contact_name, resident.contact_phone, "", resident.language)


def _recipients(connection: Connection, officers: Iterable[Officer]) -> tuple[Recipient, ...]:
    return tuple(
        Recipient(officer_id(connection, each), each.name, each.phone, each.email, each.language) for each in officers
    )
