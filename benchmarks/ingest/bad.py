"""Messages that cannot be readings, and how fast they pass: no bad message may stall the flow.

Ours drains the same queue filled with good messages, with bad ones, and with both in turns; each as in the drain, with
every bad payload kept in quarantine. A ratio of 0.5 means half the speed of good messages.

    python -m benchmarks.ingest.bad --messages 300000
"""

from __future__ import annotations

import argparse
from itertools import chain
from typing import TYPE_CHECKING

from benchmarks.broker import Chunk, away, chunks_of, mosquitto, publish_chunks
from benchmarks.ingest import ours
from benchmarks.ingest.stream import FILTERS, bad_messages, messages
from benchmarks.measured import Taken, in_child, machine, middle, new_folder, report, with_ratios

if TYPE_CHECKING:
    from collections.abc import Sequence

WATCHES = 1_000


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=1, help="of each, in turns; the median counts")
    asked, on = parser.parse_args(arguments), machine()
    count = asked.messages
    turns = chain.from_iterable(
        zip(messages(count // 2, WATCHES), bad_messages(count - count // 2, WATCHES), strict=False)
    )
    streams = {
        "good": list(chunks_of(messages(count, WATCHES))),
        "bad": list(chunks_of(bad_messages(count, WATCHES))),
        "in turns": list(chunks_of(turns)),
    }
    taken: dict[str, list[Taken]] = {name: [] for name in streams}
    for _ in range(asked.rounds):
        for name, stream in streams.items():
            taken[name].append(drained(stream))
    report("bad", asked, with_ratios({name: middle(all_).per_million(count) for name, all_ in taken.items()}), on)


def drained(stream: Sequence[Chunk]) -> Taken:
    """Ours, from a queue of its own into a log of its own."""
    with new_folder() as folder, mosquitto(folder) as port:
        away(port, "drain", FILTERS)
        publish_chunks(port, stream)
        ours.register(folder, WATCHES)
        taken: Taken = in_child(ours.drain, folder, port, sum(chunk.messages for chunk in stream))
    return taken


if __name__ == "__main__":
    main()
