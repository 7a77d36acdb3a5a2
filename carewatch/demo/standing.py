"""How the demo stands, as anybody could see it: from the roles' status files and the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from alerts.store.tables import alert, incident, message
from carewatch.places import status_file
from carewatch.status import read_status

if TYPE_CHECKING:
    from alerts.store.database import Store
    from carewatch.settings import Settings


@dataclass(frozen=True, slots=True)
class Standing:
    """Totals so far."""

    committed: int
    alerts: int
    waiting: int


def standing(settings: Settings, store: Store) -> Standing:
    """A look; call it in a thread."""
    ingest = read_status(status_file(settings, "ingest"))
    with store.reading() as connection:
        alerts = connection.execute(select(func.count()).select_from(alert)).scalar_one()
        open_ones = select(func.count()).select_from(incident).where(incident.c.state == "open")
        waiting = connection.execute(open_ones).scalar_one()
    return Standing(int(ingest.counters.get("readings_committed", 0)) if ingest else 0, alerts, waiting)


def is_settled(settings: Settings, store: Store) -> bool:
    """The engine is at the end of the log, and nothing is owed that is due."""
    ingest, alerts = (read_status(status_file(settings, role)) for role in ("ingest", "alerts"))
    if ingest is None or alerts is None:
        return False
    owed = message.c.state.in_(("owed", "sending")) & (message.c.tries == 0)
    with store.reading() as connection:
        is_owed = connection.execute(select(message.c.id).where(owed).limit(1)).first() is not None
    influx_lag = ingest.gauges.get("influx_lag_records", 0) if not ingest.problems else 0
    return alerts.gauges.get("lag_records", 1) <= 2 and influx_lag <= 50 and not is_owed
