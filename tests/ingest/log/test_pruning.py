"""What is old leaves the log, and a disk that refuses it ends nothing."""

import asyncio
from contextlib import closing, suppress

from structlog.testing import capture_logs

from carewatch.clock import SteppedClock
from ingest.log.contract import LogFullError
from ingest.log.pruning import DAY_MS, prune_for_ever
from ingest.log.sqlite import SqliteLog
from tests.ingest.log.batches import T0_MS
from tests.servers.waiting import eventually


class FullAtFirst(SqliteLog):
    """Refuses to prune once, as a full disk does."""

    refusals = 1

    def prune(self, before_ms):
        if self.refusals:
            self.refusals -= 1
            raise LogFullError("no room to prune; free space on that disk")
        return super().prune(before_ms)


async def test_what_is_older_than_the_days_kept_goes_as_soon_as_the_disk_lets_it(tmp_path):
    clock = SteppedClock((T0_MS + 3 * DAY_MS) * 1_000_000)
    with closing(FullAtFirst(tmp_path / "readings.sqlite")) as log, capture_logs() as told:
        for day in range(4):
            log.tick(T0_MS + day * DAY_MS)
        pruning = asyncio.create_task(prune_for_ever(log, clock, keep_days=2, every_s=0))
        await eventually(lambda: log.start() == 2, why="the record of day 0 is gone")
        pruning.cancel()
        with suppress(asyncio.CancelledError):
            await pruning
        assert log.end() == 4
    assert [one["problem"] for one in told if one["event"] == "log_not_pruned"] == [
        "no room to prune; free space on that disk"
    ]
