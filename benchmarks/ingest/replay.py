"""Ten million readings read back from the log, as a consumer reads it: `SqliteLogReader.read` until its end.

Records of 8,192 readings, as ingest commits a backlog, plain; records of 256, as 10,000 watches a second make them,
plain as they were appended and merged as they are kept later; and readings of a hundred residents by the minute,
merged, nearly each a record of its own. The file is in the page cache; plain columns are views of what was read,
merged ones are decoded.

    python -m benchmarks.ingest.replay --readings 10000000
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.ingest import history
from benchmarks.ingest.residents import DAY_MINUTES, Wearers, day
from benchmarks.measured import Taken, in_child, machine, new_folder, report
from ingest.log.sqlite_reader import SqliteLogReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.reading import Readings

A_RECORD, FULL_RECORD = 256, 8_192
AT_ONCE = 4_096
"""Records asked for in a call."""
MANY, FEW = 1_000, 100
"""Residents."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=10_000_000)
    parser.add_argument("--single", type=int, default=1_000_000, help="readings nearly each a record of its own")
    asked, on = parser.parse_args(arguments), machine()
    rows: dict[str, dict[str, float]] = {}
    with new_folder() as folder:
        rows["plain, full commits"] = replayed(folder / "full.sqlite", asked.readings, "full")
        rows["plain"] = replayed(folder / "plain.sqlite", asked.readings, "plain")
        rows["merged"] = replayed(folder / "merged.sqlite", asked.readings, "merged")
        rows["merged, single"] = replayed(folder / "single.sqlite", asked.single, "single")
    report("replay", asked, rows, on)


def replayed(path: Path, readings: int, form: str) -> dict[str, float]:
    """Written in one process, read in another."""
    size = in_child(written, path, readings, form)
    taken, records, found = in_child(read, path)
    return {"readings": found, "records": records, "mb": round(size / 1e6), **taken.per_million(found)}


def written(path: Path, readings: int, form: str) -> int:
    """At least so many readings; bytes of the file."""
    residents = FEW if form == "single" else MANY
    days = -(-readings // (residents * DAY_MINUTES))
    if form in {"plain", "full"}:
        return history.write(path, history.plain(lived(residents, days), FULL_RECORD if form == "full" else A_RECORD))
    return history.write(path, history.merged(lived(residents, days), 0 if form == "single" else A_RECORD))


def lived(residents: int, days: int) -> Iterator[Readings]:
    """Day after day."""
    rng = np.random.default_rng(7)
    wearers = Wearers.made(residents, rng)
    for number in range(days):
        yield day(wearers, number, rng)


def read(path: Path) -> tuple[Taken, int, int]:
    """What it took, records, readings."""
    reader = SqliteLogReader(path)
    cpu_s, started = time.process_time(), time.perf_counter()
    place = records = readings = 0
    while found := reader.read(place, AT_ONCE):
        place = found[-1].offset
        records += len(found)
        readings += sum(len(record.readings) for record in found)
    taken = Taken(time.perf_counter() - started, time.process_time() - cpu_s)
    reader.close()
    return taken, records, readings


if __name__ == "__main__":
    main()
