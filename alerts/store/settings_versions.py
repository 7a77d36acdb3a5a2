"""Settings of the engine by version, each with the log offset from which it holds: a replay meets the same ones."""

from __future__ import annotations

from dataclasses import asdict, replace
from math import isnan
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from alerts.engine.contract import Person, SettingsDocument
from alerts.store.tables import settings_version as table

if TYPE_CHECKING:
    from sqlalchemy import Connection


def add_version(
    connection: Connection, document: SettingsDocument, from_offset: int, now_ns: int, note: str = ""
) -> SettingsDocument:
    """Add the next version, holding from the record after `from_offset`; returns the document with both filled in."""
    newest = connection.execute(select(func.max(table.c.version))).scalar() or 0
    numbered = replace(document, version=newest + 1, from_offset=from_offset)
    row = {"version": numbered.version, "from_offset": from_offset, "created_ns": now_ns, "note": note}
    connection.execute(insert(table).values(**row, document=_to_json(numbered)))
    return numbered


def all_versions(connection: Connection, after_version: int = 0) -> list[SettingsDocument]:
    """Every version above `after_version`, oldest first."""
    rows = connection.execute(select(table).where(table.c.version > after_version).order_by(table.c.version))
    return [_from_json(row.version, row.from_offset, row.document) for row in rows]


def newest_version(connection: Connection) -> SettingsDocument | None:
    """The newest version, whether or not it holds yet."""
    row = connection.execute(select(table).order_by(table.c.version.desc()).limit(1)).one_or_none()
    return None if row is None else _from_json(row.version, row.from_offset, row.document)


def hold_back(connection: Connection, known_version: int, offset: int) -> None:
    """Versions newer than the engine knew when it worked up to `offset` hold only from there on."""
    late = (table.c.version > known_version) & (table.c.from_offset < offset)
    connection.execute(update(table).where(late).values(from_offset=offset))


def _to_json(document: SettingsDocument) -> dict[str, Any]:
    return {
        "rules_toml": document.rules_toml,
        "time_zone": document.time_zone,
        "deaf_gap_ms": document.deaf_gap_ms,
        "people": {str(watch): _person(person) for watch, person in document.people.items()},
    }


def _person(person: Person) -> dict[str, Any]:
    """JSON has no NaN: a home that is not known is left out."""
    named = {"limits": dict(person.limits), "facts": dict(person.facts)}
    return {**named, **{k: v for k, v in asdict(person).items() if k.startswith("home_") and not isnan(v)}}


def _from_json(version: int, from_offset: int, document: dict[str, Any]) -> SettingsDocument:
    people = {int(watch): Person(**person) for watch, person in document["people"].items()}
    return SettingsDocument(version, from_offset, **{**document, "people": people})
