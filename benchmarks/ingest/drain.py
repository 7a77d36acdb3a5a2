"""A million queued QoS 1 messages from Mosquitto into our durable log, beside mosquitto_sub and Telegraf.

Ours is the whole of ingest as it is shipped: persistent sessions, decoding, normalisation, duplicate filter, SQLite
with synchronous FULL on this disk, PUBACK after the commit, receipts. It is pinned to one core, the broker to another.
mosquitto_sub, pinned likewise, only prints to /dev/null. Telegraf (its path by --telegraf) may use every core: once it
throws everything away, once it writes InfluxDB, its usual work.

    python -m benchmarks.ingest.drain --messages 1000000 --watches 1000 100000
"""

from __future__ import annotations

import argparse
import shutil
from typing import TYPE_CHECKING

from benchmarks.broker import HOST, Chunk, away, chunks_of, mosquitto, publish_chunks
from benchmarks.ingest import ours
from benchmarks.ingest.influxd import add_influxd
from benchmarks.ingest.stream import FILTERS, messages
from benchmarks.ingest.telegraf import add_telegraf, telegraf_drain, telegraf_influx
from benchmarks.measured import SERVERS, Taken, in_child, machine, middle, new_folder, of_command, report, with_ratios

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Drain = Callable[[int], Taken]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--watches", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--rounds", type=int, default=1, help="of each, in turns; the median counts")
    add_influxd(parser)
    add_telegraf(parser)
    asked, on = parser.parse_args(arguments), machine()
    for watches in asked.watches:
        stream = list(chunks_of(messages(asked.messages, watches)))
        rows = side_by_side(drains(asked, watches), stream, asked.rounds)
        report(f"drain, {watches} watches", asked, with_ratios(rows), on)


def drains(asked: argparse.Namespace, watches: int) -> dict[str, Drain]:
    """Who takes part."""
    count, telegraf = asked.messages, asked.telegraf
    found: dict[str, Drain] = {"carewatch, durable": lambda port: ours_of(port, count, watches)}
    if shutil.which("mosquitto_sub"):
        found["mosquitto_sub"] = lambda port: mosquitto_sub(port, count)
    else:
        print("mosquitto_sub is not on this machine (Debian: mosquitto-clients): left out")
    if telegraf is not None:
        found["telegraf, discarding"] = lambda port: telegraf_drain(telegraf, port, count)
    if telegraf is not None and asked.influxd.exists():
        found["telegraf, InfluxDB"] = lambda port: telegraf_influx(telegraf, port, count, asked.influxd)
    return found


def side_by_side(
    taking_part: dict[str, Drain], stream: Sequence[Chunk], rounds: int, broker_core: int | None = SERVERS
) -> dict[str, dict[str, float]]:
    """Each in turns, with the same messages queued for its session."""
    count = sum(chunk.messages for chunk in stream)
    taken: dict[str, list[Taken]] = {name: [] for name in taking_part}
    for _ in range(rounds):
        for name, drain in taking_part.items():
            with new_folder() as folder, mosquitto(folder, broker_core) as port:
                away(port, "drain", FILTERS)
                publish_chunks(port, stream)
                taken[name].append(drain(port))
    return {name: middle(results).per_million(count) for name, results in taken.items()}


def ours_of(port: int, count: int, watches: int) -> Taken:
    """RuntimeError if a reading is missing in the log, or there twice."""
    with new_folder() as folder:
        ours.register(folder, watches)
        taken: Taken = in_child(ours.drain, folder, port, count)
        found = ours.kept(folder)
    if found != count:
        raise RuntimeError(f"{count} readings were sent, {found} are in the log")
    return taken


def mosquitto_sub(port: int, count: int) -> Taken:
    """The same session, printed to /dev/null."""
    session = ["mosquitto_sub", "-h", HOST, "-p", str(port), "-i", "drain", "-c", "-q", "1", "-C", str(count)]
    return of_command([*session, *(part for one in FILTERS for part in ("-t", one))])


if __name__ == "__main__":
    main()
