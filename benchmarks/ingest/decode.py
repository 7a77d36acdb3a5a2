"""What a reading costs before it is durable: every format's decoder alone, and our own format all in.

Payloads of the other formats are those of tests/ingest/formats/golden that become readings whole, over and over. "All
in" is what `Preparation.prepare` does (route, decode, identify, normalise, judge) and the packing into a record. All is
CPU time of the process, so that a busy machine spoils it less.

    python -m benchmarks.ingest.decode --readings 65536
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.ingest.all_in import all_in
from benchmarks.ingest.stream import BASE_MS, EVERY_MS, messages
from benchmarks.measured import in_child, machine, report
from ingest.formats import DECODERS, decoder_for
from ingest.formats.contract import Message, Messages
from ingest.formats.profile import load_profiles
from ingest.reading import KIND_BY_TOPIC
from ingest.sources import Source, Sources, matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.formats.contract import Decoder

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "ingest" / "formats" / "golden"
DEVICES = ROOT / "config" / "devices"
SOURCES = (
    Source("3g/+/up", "watch_3g"),
    Source("iw/+/up", "watch_iw"),
    Source("owntracks/+/+", "owntracks"),
    Source("atom/g616/status/#", "flat_json", "g616"),
    Source("iot/+/+/data", "flat_json", "gateway"),
)
"""On whose topics the golden inputs came."""
WATCHES = 1_000
ARRAY = 500


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=65_536, help="in a batch")
    parser.add_argument("--rounds", type=int, default=5, help="batches; the median counts")
    asked, on = parser.parse_args(arguments), machine()
    report("decode", asked, in_child(measured, asked.readings, asked.rounds), on)


def measured(readings: int, rounds: int) -> dict[str, dict[str, float]]:
    """Every row of the table."""
    rows: dict[str, dict[str, float]] = {}
    native = DECODERS["native"]
    for name, batch in native_batches(readings).items():
        rows[name] = {"ns_a_reading": ns_a_reading(native, batch, rounds)}
    profiles = load_profiles(DEVICES)
    for source in SOURCES:
        decoder = decoder_for(source.format, profiles.get(source.profile or source.format))
        batch = list(itertools.islice(itertools.cycle(golden(source, decoder)), readings))
        rows[f"{source.format} {source.profile}".strip()] = {"ns_a_reading": ns_a_reading(decoder, batch, rounds)}
    rows |= {f"native, {stage}": {"ns_a_reading": ns} for stage, ns in all_in(readings, WATCHES, rounds).items()}
    return rows


def ns_a_reading(decoder: Decoder, batch: Sequence[Message], rounds: int) -> int:
    """CPU time, the median over batches."""
    columns = columns_of(batch)
    taken = []
    for _ in range(rounds):
        started = time.process_time_ns()
        decoded = decoder.decode(columns)
        taken.append((time.process_time_ns() - started) / len(decoded.readings))
    return round(statistics.median(taken))


def columns_of(batch: Sequence[Message]) -> Messages:
    """As ingest hands a batch to a decoder."""
    return Messages(
        [one.topic for one in batch],
        [one.payload for one in batch],
        [one.watch_id for one in batch],
        [one.kind for one in batch],
        [one.is_backlog for one in batch],
        [one.retained for one in batch],
        batch[0].arrival_ms,
    )


def native_batches(readings: int) -> dict[str, list[Message]]:
    """The same readings one a message, as arrays of a kind, and as backlogs."""
    arrival_ms = BASE_MS + 1000 * EVERY_MS
    by_kind: defaultdict[str, list[bytes]] = defaultdict(list)
    singles, mixed = [], []
    for topic, payload in messages(readings, WATCHES):
        kind = topic.decode().rpartition("/")[2]
        singles.append(Sources().route(topic.decode()).message(topic.decode(), payload, arrival_ms))
        by_kind[kind].append(payload)
        mixed.append(b'{"kind":"%s",%s' % (kind.encode(), payload[1:]))
    arrays = [
        Message(f"watch/w000001/{kind}", array, arrival_ms, "w000001", KIND_BY_TOPIC[kind])
        for kind, elements in by_kind.items()
        for array in _arrays(elements)
    ]
    backlogs = [
        Message("watch/w000001/backlog", array, arrival_ms, "w000001", None, is_backlog=True)
        for array in _arrays(mixed)
    ]
    return {"native, one a message": singles, "native, arrays of 500": arrays, "native, backlogs of 500": backlogs}


def _arrays(elements: Sequence[bytes]) -> Iterator[bytes]:
    for first in range(0, len(elements), ARRAY):
        yield b"[" + b",".join(elements[first : first + ARRAY]) + b"]"


def golden(source: Source, decoder: Decoder) -> list[Message]:
    """Of the golden inputs on the source's topics those in which nothing is refused."""
    recordings = sorted((GOLDEN / source.format).glob("*/input.jsonl"))
    found = [
        message
        for message in itertools.chain.from_iterable(map(_recorded, recordings))
        if matches(source.filter, message.topic)
        and len((decoded := decoder.decode([message])).readings)
        and not decoded.refusals
    ]
    if not found:
        raise RuntimeError(f"{GOLDEN / source.format}: no input on {source.filter} that becomes readings only")
    return found


def _recorded(recording: Path) -> Iterator[Message]:
    sources = Sources(SOURCES)
    for line in recording.read_text("utf-8").splitlines():
        entry = json.loads(line)
        payload = entry["payload"] if isinstance(entry["payload"], str) else json.dumps(entry["payload"])
        yield sources.route(entry["topic"]).message(entry["topic"], payload.encode(), int(entry["at"] * 1000))


if __name__ == "__main__":
    main()
