"""The roster that holds: the file's or, while that is wrong, the last good one, so that somebody is told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from alerts.people.roster import Roster, RosterError, load_roster

if TYPE_CHECKING:
    from pathlib import Path

    from carewatch.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RosterInForce:
    """`problem` is empty where the file itself is good."""

    roster: Roster
    problem: str = ""


def roster_in_force(settings: Settings) -> RosterInForce:
    """Raises `RosterError` for a wrong file if there was never a good one."""
    last_good = settings.log.path.parent / "roster.last_good.toml"
    try:
        roster = load_roster(settings.roster_file)
    except RosterError as error:
        if not last_good.exists():
            raise
        log.warning("roster_refused", problem=str(error), remedy="mend roster_file and restart")
        return RosterInForce(load_roster(last_good), f"the last good roster goes on: {error}")
    try:
        _keep(settings.roster_file, last_good)
    except OSError as error:  # a full disk must not keep alerts from starting: who is on duty is known
        log.warning("roster_not_kept", problem=str(error), remedy="see the disk; the next start keeps it")
    return RosterInForce(roster)


def _keep(file: Path, last_good: Path) -> None:
    last_good.parent.mkdir(parents=True, exist_ok=True)
    fresh = last_good.with_suffix(f".{os.getpid()}")
    try:
        fresh.write_bytes(file.read_bytes())
        fresh.replace(last_good)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
