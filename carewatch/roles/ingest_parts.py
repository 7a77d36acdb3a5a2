"""What the role `ingest` is made of, for those who look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carewatch.clock import ScaledClock, WallClock
    from carewatch.settings import Settings
    from ingest.influx.server import InfluxServer
    from ingest.influx.writer import InfluxWriter
    from ingest.log.aging import Aging
    from ingest.log.room import DiskRoom
    from ingest.log.sqlite import SqliteLog
    from ingest.pipeline import Ingest
    from ingest.prepare import Preparation
    from ingest.watches import Watches


@dataclass(slots=True)
class Parts:
    """What the role is made of. `writer` is None where no InfluxDB is set."""

    settings: Settings
    clock: WallClock | ScaledClock
    reading_log: SqliteLog
    watches: Watches
    preparation: Preparation
    ingest: Ingest
    room: DiskRoom
    aging: Aging
    writer: InfluxWriter | None = None
    influx: InfluxServer | None = None
