"""Rows of residents, of who wears which watch, and of officers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from alerts.store.tables import api_token, mute, officer, resident, wearer
from alerts.store.upsert import put

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, Row


def put_resident(connection: Connection, watch_id: str, columns: Mapping[str, Any], now_ns: int) -> int:
    """The wearer of `watch_id`: changed if the watch has one, else added. Returns the resident's id."""
    known = connection.execute(select(wearer.c.resident_id).where(wearer.c.watch_id == watch_id)).scalar()
    if known is not None:
        connection.execute(update(resident).where(resident.c.id == known).values(**columns))
        return int(known)
    added = int(connection.execute(insert(resident).values(**columns).returning(resident.c.id)).scalar_one())
    put(connection, wearer, [{"watch_id": watch_id, "resident_id": added, "since_ns": now_ns}])
    return added


def wearer_of(connection: Connection, watch_id: str) -> Row[Any] | None:
    """The resident who wears the watch."""
    worn = select(resident).join(wearer, wearer.c.resident_id == resident.c.id)
    return connection.execute(worn.where(wearer.c.watch_id == watch_id)).one_or_none()


def find_resident(connection: Connection, resident_id: int | None) -> Row[Any] | None:
    """The resident of this id."""
    if resident_id is None:
        return None
    return connection.execute(select(resident).where(resident.c.id == resident_id)).one_or_none()


def residents_by_id(connection: Connection, chosen: Iterable[int]) -> dict[int, Row[Any]]:
    """The residents of these ids."""
    return {row.id: row for row in connection.execute(select(resident).where(resident.c.id.in_(tuple(chosen))))}


def wearers(connection: Connection) -> list[Row[Any]]:
    """Every watch that is worn, with its wearer's columns and `watch_id`, by watch id."""
    query = select(wearer.c.watch_id, wearer.c.since_ns, resident).join(resident, wearer.c.resident_id == resident.c.id)
    return list(connection.execute(query.order_by(wearer.c.watch_id)))


def put_officer(connection: Connection, login: str, columns: Mapping[str, Any]) -> int:
    """Add the officer, or change the one of this login; the password stays. Returns the id."""
    known = connection.execute(select(officer.c.id).where(officer.c.login == login)).scalar()
    if known is None:
        statement = insert(officer).values(login=login, **columns).returning(officer.c.id)
        return int(connection.execute(statement).scalar_one())
    connection.execute(update(officer).where(officer.c.id == known).values(**columns))
    return int(known)


def find_officer(connection: Connection, officer_id: int | None) -> Row[Any] | None:
    """The officer of this id."""
    if officer_id is None:
        return None
    return connection.execute(select(officer).where(officer.c.id == officer_id)).one_or_none()


def officer_by_login(connection: Connection, login: str) -> Row[Any] | None:
    """The officer of this login."""
    return connection.execute(select(officer).where(officer.c.login == login)).one_or_none()


def officers(connection: Connection) -> list[Row[Any]]:
    """Every officer, by id."""
    return list(connection.execute(select(officer).order_by(officer.c.id)))


def set_password_hash(connection: Connection, login: str, password_hash: str) -> bool:
    """Keep an argon2 hash; False if there is no such officer."""
    changed = connection.execute(update(officer).where(officer.c.login == login).values(password_hash=password_hash))
    return bool(changed.rowcount)


def let_go(connection: Connection, officer_id: int, role: str, now_ns: int) -> None:
    """Take from an officer all by which they are known; the name stays."""
    nothing = {"phone": "", "email": "", "password_hash": "", "role": role}
    connection.execute(update(officer).where(officer.c.id == officer_id).values(**nothing))
    alive = (api_token.c.officer_id == officer_id) & api_token.c.revoked_ns.is_(None)
    connection.execute(update(api_token).where(alive).values(revoked_ns=now_ns))


def mutes_of(connection: Connection, resident_id: int | None, now_ns: int) -> list[Row[Any]]:
    """The resident's mutes that have not ended."""
    query = select(mute).where(mute.c.resident_id == resident_id, mute.c.until_ns > now_ns)
    return list(connection.execute(query.order_by(mute.c.until_ns)))


def muted_residents(connection: Connection, now_ns: int) -> dict[int, int]:
    """Resident id -> when the last of the mutes ends."""
    query = select(mute.c.resident_id, mute.c.until_ns).where(mute.c.until_ns > now_ns).order_by(mute.c.until_ns)
    return {row[0]: row[1] for row in connection.execute(query)}
