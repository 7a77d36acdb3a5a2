"""What is looked at, in the order in which it is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from carewatch.doctor.board import board
from carewatch.doctor.bounded import looked_at
from carewatch.doctor.broker import broker
from carewatch.doctor.folder import folder
from carewatch.doctor.influx import influx
from carewatch.doctor.mail import mail
from carewatch.doctor.people import people
from carewatch.doctor.programs import programs
from carewatch.doctor.reading_log import reading_log
from carewatch.doctor.roster import roster
from carewatch.doctor.rules import rules
from carewatch.doctor.running import running
from carewatch.doctor.sms import sms
from carewatch.doctor.store import store

if TYPE_CHECKING:
    from carewatch.doctor.bounded import Check
    from carewatch.doctor.finding import Finding
    from carewatch.settings import Settings

CHECKS: tuple[tuple[str, Check], ...] = (
    ("Python and SQLite", programs),
    ("folder of the log", folder),
    ("reading log", reading_log),
    ("store", store),
    ("residents and watches", people),
    ("rules", rules),
    ("roster", roster),
    ("broker", broker),
    ("InfluxDB", influx),
    ("email", mail),
    ("SMS", sms),
    ("board", board),
    ("running carewatch", running),
)


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything at once, each part for at most 5 s. Changes and sends nothing, and disturbs no running role.

    Never raises for what it meets: that is a finding.
    """
    found = await asyncio.gather(*(looked_at(part, check, settings) for part, check in CHECKS))
    return [finding for findings in found for finding in findings]
