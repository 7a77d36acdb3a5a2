"""Whether somebody is on duty at every minute, and can be told by what is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.people.roster import RosterError, gaps_in_cover, load_roster
from carewatch.doctor.finding import Finding, bad, good, warning

if TYPE_CHECKING:
    from alerts.people.roster import Roster
    from carewatch.settings import Settings

PART = "roster"
SHOWN = 5
REMEDY = "mend it there, or name another with roster_file; the config/roster.toml of carewatch shows one"


async def roster(settings: Settings) -> list[Finding]:
    """Reads `roster_file`; shifts are weekly, so a gap in the week is one in the next seven days."""
    try:
        loaded = load_roster(settings.roster_file)
    except RosterError as error:
        return [bad(PART, line, REMEDY) for line in str(error).splitlines()]
    gaps = [
        bad(PART, str(gap), f"give a shift of {settings.roster_file} these hours")
        for gap in gaps_in_cover(loaded)[:SHOWN]
    ]
    told = f"{len(loaded.officers)} officers, {len(loaded.shifts)} shifts, somebody is on duty at every minute"
    return [*(gaps or [good(PART, told)]), *_alone(loaded), *_unreachable(loaded, settings)]


def _alone(loaded: Roster) -> list[Finding]:
    names = [shift.name for shift in loaded.shifts if not shift.backup and not shift.lead]
    if not names:
        return []
    told = f"shifts with nobody behind the one on duty: {', '.join(names)}; an emergency not taken goes to family only"
    return [warning(PART, told, "give them a backup or a lead")]


def _unreachable(loaded: Roster, settings: Settings) -> list[Finding]:
    """Named by login: names and numbers are nobody's business here."""
    named = {login for shift in loaded.shifts for login in (*shift.first, *shift.backup, *shift.lead)}
    by_sms, by_email = bool(settings.sms.gateway), bool(settings.email.host)
    if not by_sms and not by_email:
        told = "neither SMS nor email is set up: an alert is seen at the board only"
        return [bad(PART, told, "set sms.gateway or email.host")]
    return [
        bad(PART, f"{officer.login} can be told by nothing that is set up", "give the officer a phone or an email")
        for officer in loaded.officers
        if officer.login in named and not (by_sms and officer.phone) and not (by_email and officer.email)
    ]
