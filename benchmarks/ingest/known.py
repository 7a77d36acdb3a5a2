"""Memory and restart of ingest with a million known watches, one in a hundred of them with gaps in what came.

Every watch has committed a reading, those with gaps every second one of eight, all through the real preparation into a
real log. Then a new process builds the role ingest from that log: how long that takes, and how much it holds more than
before.

    python -m benchmarks.ingest.known --watches 1000000
"""

from __future__ import annotations

import argparse
import gc
import itertools
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from benchmarks.ingest import ours
from benchmarks.ingest.all_in import ARRIVAL_MS, delivered_of
from benchmarks.ingest.stream import reading
from benchmarks.measured import in_child, machine, new_folder, report, rss_mb
from carewatch.roles.ingest import build
from ingest.log.sqlite import SqliteLog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BATCH = 65_536
GAPS_OF_SEQS = range(1, 17, 2)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watches", type=int, default=1_000_000)
    parser.add_argument("--in-gaps", type=float, default=0.01, help="share of the watches that have gaps")
    asked, on = parser.parse_args(arguments), machine()
    with new_folder() as folder:
        in_child(heard, folder, asked.watches, asked.in_gaps)
        before = (folder / "readings.sqlite").stat().st_size
        rows = {f"{asked.watches} watches": in_child(restarted, folder, asked.watches)}
    rows[f"{asked.watches} watches"]["log_mb"] = round(before / 2**20)
    report("known", asked, rows, on)


def heard(folder: Path, watches: int, in_gaps: float) -> None:
    """A log in which every watch has been heard."""
    ours.quiet()
    ours.register(folder, watches)
    settings = ours.settings_of(folder, 0)
    sent = _sent(watches, in_gaps)
    with ExitStack() as stack:
        parts = build(settings, stack)
        preparation = parts.preparation
        while batch := list(itertools.islice(sent, BATCH)):
            prepared = preparation.prepare([delivered_of(batch)], ARRIVAL_MS, deaf=False)
            parts.reading_log.append(prepared.batch)
            preparation.seen.commit()


def _sent(watches: int, in_gaps: float) -> Iterator[tuple[bytes, bytes]]:
    every = round(1 / in_gaps) if in_gaps else watches + 1
    for watch in range(watches):
        for seq in GAPS_OF_SEQS if watch % every == 0 else (1,):
            yield reading(watch, seq, 0)


def restarted(folder: Path, watches: int) -> dict[str, float]:
    """Seconds until the role is built, and MB of memory that it took. RuntimeError if it does not know all."""
    ours.quiet()
    settings = ours.settings_of(folder, 0)
    _warmed(folder)
    gc.collect()
    before_mb = rss_mb()
    cpu_s, started = time.process_time(), time.perf_counter()
    with ExitStack() as stack:
        parts = build(settings, stack)
        wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_s
        gc.collect()
        after_mb = rss_mb()
        if len(parts.watches) != watches:
            raise RuntimeError(f"{len(parts.watches)} watches are known, not {watches}")
        if parts.preparation.seen.newest_generation(watches - 1, _boot(watches - 1)) is None:
            raise RuntimeError("the duplicate filter does not know the last watch")
    return {"restart_s": round(wall_s, 2), "restart_cpu_s": round(cpu_s, 2), "memory_mb": round(after_mb - before_mb)}


def _boot(watch: int) -> int:
    return int(reading(watch, 1, 0)[1].split(b'"boot":')[1].split(b",")[0])


def _warmed(folder: Path) -> None:
    """What every start needs, however few watches there are, is not counted."""
    small = folder / "small"
    small.mkdir()
    settings = ours.settings_of(small, 0)
    with closing(SqliteLog(settings.log.path)) as log:
        log.tick(1)
    with ExitStack() as stack:
        build(settings, stack)


if __name__ == "__main__":
    main()
