"""`python -m tests.alerts.pipeline.one_life STORE_FOLDER LOG`: works through the log, a line a step, until killed."""

from __future__ import annotations

import sys
from pathlib import Path

from alerts.pipeline import PipelineOptions
from ingest.log.sqlite_reader import SqliteLogReader
from tests.alerts.pipeline.watched_home import Alerts


class ReadHome:
    """A home that another process writes."""

    def __init__(self, path: Path) -> None:
        self.log = SqliteLogReader(path)


if __name__ == "__main__":
    home = ReadHome(Path(sys.argv[2]))
    alerts = Alerts(Path(sys.argv[1]), home, PipelineOptions(snapshot_records=20))
    alerts.pipeline.catch_up()
    while records := home.log.read(alerts.pipeline.health.place.offset, 5):
        alerts.pipeline.step(records)
        sys.stdout.write(f"{records[-1].offset}\n")
        sys.stdout.flush()
