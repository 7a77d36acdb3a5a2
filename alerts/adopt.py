"""What the engine goes by from the next record on: rules, place and people become a settings version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.engine.contract import SettingsDocument
from alerts.engine.settings import EngineSettings
from alerts.people.wearers import engine_people
from alerts.store.places import read_place
from alerts.store.settings_versions import add_version, newest_version

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from alerts.store.database import Store
    from ingest.watches import Watches

DEAF_GAP_MS = 10_000
"""RULES.md section 3: a longer jump of log time means that carewatch was away."""


def adopt_settings(
    store: Store,
    rules_toml: str,
    time_zone: str,
    watches: Watches,
    now_ns: int,
    *,
    note: str = "",
    deaf_gap_ms: int = DEAF_GAP_MS,
) -> SettingsDocument:
    """Make these rules and the store's people hold from the next record on; the newest version if nothing changed.

    The rules are checked first. Raises RuleError if they are wrong; the version before goes on holding.
    """
    with store.transaction() as connection:
        wanted = SettingsDocument(0, 0, rules_toml, time_zone, deaf_gap_ms, engine_people(connection, watches))
        EngineSettings.of(wanted)
        return _add_if_new(connection, wanted, now_ns, note)


def adopt_people(connection: Connection, watches: Watches, now_ns: int) -> SettingsDocument | None:
    """After somebody put on a watch, or has other limits: the newest rules with the people as they are now."""
    newest = newest_version(connection)
    if newest is None:
        return None
    people = engine_people(connection, watches)
    wanted = SettingsDocument(0, 0, newest.rules_toml, newest.time_zone, newest.deaf_gap_ms, people)
    return _add_if_new(connection, wanted, now_ns, "people")


def _add_if_new(connection: Connection, wanted: SettingsDocument, now_ns: int, note: str) -> SettingsDocument:
    newest = newest_version(connection)
    if newest is not None and _same(newest, wanted):
        return newest
    return add_version(connection, wanted, read_place(connection).offset, now_ns, note)


def _same(one: SettingsDocument, other: SettingsDocument) -> bool:
    """Homes that are not known are NaN, unequal to themselves: compare as text."""
    parts = [
        (each.rules_toml, each.time_zone, each.deaf_gap_ms, repr(sorted(each.people.items()))) for each in (one, other)
    ]
    return parts[0] == parts[1]
