"""kill -9 at random moments: what was said to be committed is there, whole; nothing is there by half."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.log.contract import QuarantineQuery
from tests.ingest.log.appender import batch_of
from tests.ingest.log.batches import bits
from tests.ingest.log.kinds import KINDS

pytestmark = pytest.mark.slow


KILLS = 8
REPOSITORY = Path(__file__).parents[3]


def append_until_killed(kind: str, folder: Path, promises: int) -> int:
    """The last offset that the process promised before it was killed."""
    command = [sys.executable, "-m", "tests.ingest.log.appender", kind, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        for _ in range(promises):
            assert process.stdout.readline(), "the appending process ended by itself"
        process.kill()
        rest = process.stdout.read().splitlines()
    return int(rest[-1]) if rest and rest[-1].isdigit() else 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_promised_survives_kill_9_also_while_merged_and_nothing_is_half(kind: str, tmp_path: Path) -> None:
    chance = random.Random(3)  # noqa: S311 - how many promises before each kill
    for _ in range(KILLS):
        promised = append_until_killed(kind, tmp_path, chance.randrange(1, 12))

        opened = KINDS[kind](tmp_path)
        log = opened.writer()
        end = log.end()
        assert end >= promised
        assert log.verify() == end
        assert [run.through for run in log.seen_runs()] == [end]
        assert [watch.watch_id for watch in log.watches()] == [f"W{n}" for n in range(1, end + 1)]
        assert [q.detail for q in log.quarantine(QuarantineQuery(end + 1))] == [str(n) for n in range(end, 0, -1)]
        for record in log.read(max(end - 14, 0)):
            assert record.log_time_ms == batch_of(record.offset).log_time_ms
            assert bits(record.readings) == bits(batch_of(record.offset).readings)
        opened.close()
