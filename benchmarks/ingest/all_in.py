"""Our own format through every stage of ingest, without a broker: where the time of a drain goes."""

from __future__ import annotations

import itertools
import statistics
import time
from collections import defaultdict
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.ingest import ours
from benchmarks.ingest.stream import BASE_MS, EVERY_MS, messages
from benchmarks.measured import new_folder
from carewatch.roles.ingest import build
from ingest.log.contract import Record, RecordKind
from ingest.log.record import pack
from ingest.mqtt.delivered import Delivered
from ingest.receipts import Receipts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ARRIVAL_MS = BASE_MS + 10_000 * EVERY_MS
RECEIPTS_AGAIN_MS = 11_000


def all_in(readings: int, watches: int, rounds: int) -> dict[str, int]:
    """Stage -> ns of CPU a reading, the median over batches of `readings`, one a message."""
    ours.quiet()
    taken: defaultdict[str, list[float]] = defaultdict(list)
    with new_folder() as folder:
        ours.register(folder, watches)
        for stages in _rounds(folder, readings, watches, rounds):
            for stage, ns in stages.items():
                taken[stage].append(ns / readings)
    return {stage: round(statistics.median(values)) for stage, values in taken.items()}


def _rounds(folder: Path, readings: int, watches: int, rounds: int) -> Iterator[dict[str, int]]:
    settings = ours.settings_of(folder, 0)
    sent = messages(readings * rounds, watches)
    with ExitStack() as stack:
        parts = build(settings, stack)
        log, preparation = parts.reading_log, parts.preparation
        receipts = Receipts(preparation.seen, lambda index: parts.watches.at(index).watch_id)
        for number in range(rounds):
            delivered = delivered_of(list(itertools.islice(sent, readings)))
            steady_ms = number * RECEIPTS_AGAIN_MS
            at = [time.process_time_ns()]
            prepared = preparation.prepare([delivered], ARRIVAL_MS, deaf=False)
            at.append(time.process_time_ns())
            pack(Record(1, RecordKind.READINGS, ARRIVAL_MS, readings=prepared.batch.readings))
            at.append(time.process_time_ns())
            log.append(prepared.batch)
            at.append(time.process_time_ns())
            preparation.seen.commit()
            receipts.note_committed(prepared.readings, prepared.judgement, prepared.refused, steady_ms)
            receipts.due(steady_ms)
            at.append(time.process_time_ns())
            if len(prepared.batch.readings) != readings:
                raise RuntimeError(f"{readings} new readings went in, {len(prepared.batch.readings)} came out")
            prepare, packed, append, after = (later - earlier for earlier, later in itertools.pairwise(at))
            yield {
                "all in (prepare and pack)": prepare + packed,
                "of that prepare": prepare,
                "append (packs, and gives to the disk)": append,
                "after the commit (filter, receipts)": after,
            }


def delivered_of(sent: list[tuple[bytes, bytes]]) -> Delivered:
    """(topic, payload) pairs as the subscriber hands them over."""
    count = len(sent)
    topics, payloads = [topic.decode() for topic, _ in sent], [payload for _, payload in sent]
    return Delivered(1, topics, payloads, [False] * count, list(range(count)))
