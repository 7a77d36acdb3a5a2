"""A process that judges and commits until it is killed: `python -m tests.ingest.log.seen_appender FOLDER`."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import numpy as np

from ingest.log.contract import Batch
from ingest.log.sqlite import SqliteLog
from ingest.normalise.seen_restore import restored
from ingest.reading import Kind, Readings

WATCHES = 40
T0_MS = 1_780_000_000_000


class Appender:
    """Each watch counts on; each third has a gap of one at every tenth seq; each boots anew after 50."""

    def __init__(self, folder: Path) -> None:
        self.log = SqliteLog(folder / "log.sqlite")
        self.seen = restored(self.log, 0)

    def _readings(self, steps: range) -> Readings:
        made = [(step, watch) for step in steps for watch in range(WATCHES)]
        step, watch = np.array(made, np.int64).reshape(-1, 2).T
        seq = step % 50 + 1
        sent = ~((watch % 3 == 0) & (seq % 10 == 0))
        time_ms = T0_MS + step * 60_000
        columns = {"watch": watch, "boot": step // 50, "seq": seq, "oldest": np.ones(len(seq), np.int64)}
        times = {"raw_time_ms": time_ms, "time_ms": time_ms, "arrival_ms": time_ms + 500}
        kind = np.where(seq == 7, Kind.SOS, Kind.HEART_RATE).astype(np.int8)
        return Readings({**columns, **times, "kind": kind}).take(sent)

    def following(self) -> Readings:
        """What comes after the log's end: one step a record."""
        return self._readings(range(self.log.end(), self.log.end() + 1))

    def same_again(self) -> Readings:
        """Everything that is in the log."""
        return self._readings(range(self.log.end()))

    def append(self) -> int:
        """Judge the next step and commit it; returns its offset."""
        readings, seen = self.following(), self.seen
        judgement = seen.judge(readings)
        batch = Batch(
            readings.take(judgement.is_new), T0_MS, seen_runs=seen.runs(), seen_forgotten=seen.forgotten(),
            seen_refused=seen.refused(), seen_chunks=seen.chunks(),
        )  # fmt: skip
        offset = self.log.append(batch)
        seen.commit()
        return offset


if __name__ == "__main__":
    appender = Appender(Path(sys.argv[1]))
    for _ in count():
        sys.stdout.write(f"{appender.append()}\n")
        sys.stdout.flush()
