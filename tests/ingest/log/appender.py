"""A process that appends until it is killed: `python -m tests.ingest.log.appender KIND FOLDER`.

Meanwhile it settles what is older, as aging does.
It prints each offset after `append` has returned it: a promise that the test holds it to.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from ingest.log.contract import Batch, Quarantined
from ingest.normalise.seen import SeenRun
from ingest.watches import Watch
from tests.ingest.log.batches import T0_MS, batch
from tests.ingest.log.kinds import KINDS


def batch_of(offset: int) -> Batch:
    """What stands at an offset; sizes from one reading to some megabytes."""
    return batch(
        rows=(1, 40, 3000, 30_000)[offset % 4],
        log_time_ms=T0_MS + offset,
        seed=offset,
        new_watches=[Watch(offset - 1, f"W{offset}")],
        seen_runs=[SeenRun(0, 1, 0, offset, (), T0_MS, T0_MS)],
        quarantined=[Quarantined("t", T0_MS, "not_json", str(offset), b"x" * (offset % 9000))],
    )


if __name__ == "__main__":
    opened = KINDS[sys.argv[1]](Path(sys.argv[2]))
    log = opened.writer()
    settling = threading.Thread(target=lambda: [opened.settle(log) for _ in range(1_000_000)], daemon=True)
    settling.start()
    while True:
        sys.stdout.write(f"{log.append(batch_of(log.end() + 1))}\n")
        sys.stdout.flush()
