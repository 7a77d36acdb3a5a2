"""What the roles that run now say of themselves, beside what is tried here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carewatch.doctor.bounded import in_thread
from carewatch.doctor.finding import Finding, bad, good, warning
from carewatch.places import status_file
from carewatch.status import RoleStatus, read_status

if TYPE_CHECKING:
    from carewatch.settings import Settings

PART = "running carewatch"
ROLES = ("ingest", "alerts")
TRIED_HERE = frozenset({"broker", "influx", "email", "sms", "board", "rules", "roster", "consumer"})
"""Parts of /healthz that the doctor looks at by itself."""


async def running(settings: Settings) -> list[Finding]:
    """Reads the roles' status files."""
    return await in_thread(lambda: _running(settings))


def _running(settings: Settings) -> list[Finding]:
    statuses = [status for role in ROLES if (status := read_status(status_file(settings, role))) is not None]
    alive = [status for status in statuses if not status.is_stale]
    if not alive:
        return [good(PART, "no role runs here now")]
    return [finding for status in alive for finding in _of(status)]


def _of(status: RoleStatus) -> list[Finding]:
    told = [problem for problem in status.problems if problem.part not in TRIED_HERE]
    if not told:
        return [good(PART, f"{status.role} runs as process {status.pid}")]
    return [
        (bad if problem.is_grave else warning)(PART, f"{status.role}, {problem.part}: {problem.what}", problem.remedy)
        for problem in told
    ]
