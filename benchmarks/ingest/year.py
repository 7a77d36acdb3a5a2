"""A year of a hundred residents by the minute, as the log keeps it once merged: bytes on disk.

The readings are made by benchmarks.ingest.residents; merged rows hold a record for whatever arrived within
15 ms and a tick for each quiet second, as ingest would have written them. Fewer days are made by default; the
year is then told by their proportion.

    python -m benchmarks.ingest.year --days 365
"""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.ingest import history
from benchmarks.ingest.residents import DAY_MINUTES, Wearers, day
from benchmarks.measured import in_child, machine, new_folder, report
from ingest.log.sqlite_reader import SqliteLogReader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

YEAR_DAYS = 365


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--residents", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    asked, on = parser.parse_args(arguments), machine()
    with new_folder() as folder:
        row = in_child(lived, folder / "readings.sqlite", asked.days, asked.residents, asked.seed)
    report("year", asked, {f"{asked.residents} residents, {asked.days} days": row}, on)


def lived(path: Path, days: int, residents: int, seed: int) -> dict[str, float]:
    """The table's row. LogDamagedError if the log is not whole."""
    rng = np.random.default_rng(seed)
    wearers = Wearers.made(residents, rng)
    started = time.process_time()
    size = history.write(path, history.merged((day(wearers, number, rng) for number in range(days)), 0))
    cpu_s = time.process_time() - started
    count = days * residents * DAY_MINUTES
    with closing(SqliteLogReader(path)) as reader:
        records = reader.verify()
    return {
        "readings": count,
        "records": records,
        "mb": round(size / 1e6, 1),
        "bytes_a_reading": round(size / count, 2),
        "gb_a_year": round(size / days * YEAR_DAYS / 1e9, 3),
        "made_cpu_s": round(cpu_s, 1),
    }


if __name__ == "__main__":
    main()
