"""What the role `alerts` is made of, for those who look at it: status, web, control socket."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from carewatch.status import RoleStatus

if TYPE_CHECKING:
    from alerts.delivery.outbox import Outbox
    from alerts.incidents.contract import Desk
    from alerts.pipeline import AlertPipeline
    from alerts.store.database import Store
    from carewatch.clock import ScaledClock, WallClock
    from carewatch.roles.alert_points import AlertPoints
    from carewatch.settings import Settings
    from ingest.log.sqlite_reader import SqliteLogReader
    from ingest.watches import Watches


@dataclass(slots=True)
class Parts:
    """What the role is made of. `points` is None where no InfluxDB is set."""

    settings: Settings
    clock: WallClock | ScaledClock
    store: Store
    reader: SqliteLogReader
    watches: Watches
    desk: Desk
    pipeline: AlertPipeline
    outbox: Outbox
    board_reader: SqliteLogReader
    points: AlertPoints | None = None
    web_problem: str = ""
    rules_problem: str = ""
    roster_problem: str = ""
    status: RoleStatus = field(default_factory=lambda: RoleStatus("alerts", os.getpid()))
    data_s: float | None = None
    engine_s: float | None = None
