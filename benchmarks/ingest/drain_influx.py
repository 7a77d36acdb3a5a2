"""The drain of benchmarks.ingest.drain with InfluxDB 1.8 written too, until the last point can be queried.

Ours writes the log, acknowledges, and fills InfluxDB from the log behind it; Telegraf (its path by --telegraf) writes
InfluxDB only. Nothing is pinned: whoever is measured, the broker and InfluxDB share every core.

    python -m benchmarks.ingest.drain_influx --messages 300000 --watches 1000
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from benchmarks.broker import chunks_of
from benchmarks.ingest import ours
from benchmarks.ingest.drain import side_by_side
from benchmarks.ingest.influxd import add_influxd, influxd
from benchmarks.ingest.stream import messages
from benchmarks.ingest.telegraf import add_telegraf, telegraf_influx
from benchmarks.measured import Taken, in_child, machine, new_folder, report, with_ratios

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.ingest.drain import Drain


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=300_000)
    parser.add_argument("--watches", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=1, help="of each, in turns; the median counts")
    add_influxd(parser)
    add_telegraf(parser)
    asked, on = parser.parse_args(arguments), machine()
    if not asked.influxd.exists():
        parser.exit(2, f"{asked.influxd}: no InfluxDB there; `make servers` gets it, or give --influxd PATH\n")
    stream = list(chunks_of(messages(asked.messages, asked.watches)))
    rows = side_by_side(drains(asked), stream, asked.rounds, broker_core=None)
    report("drain_influx", asked, with_ratios(rows), on)


def drains(asked: argparse.Namespace) -> dict[str, Drain]:
    """Who takes part."""
    found: dict[str, Drain] = {
        "carewatch, log and InfluxDB": lambda port: ours_of(port, asked.messages, asked.watches, asked.influxd),
    }
    if asked.telegraf is not None:
        found["telegraf, InfluxDB"] = lambda port: telegraf_influx(
            asked.telegraf, port, asked.messages, asked.influxd, core=None
        )
    return found


def ours_of(port: int, count: int, watches: int, program: Path) -> Taken:
    """RuntimeError if a reading is missing in InfluxDB, or there twice."""
    with new_folder() as folder, influxd(program, folder, core=None) as server:
        ours.register(folder, watches)
        taken: Taken = in_child(ours.drain, folder, port, count, server, core=None)
        if (found := server.points()) != count:
            raise RuntimeError(f"{count} readings were sent, {found} can be queried in InfluxDB")
    return taken


if __name__ == "__main__":
    main()
