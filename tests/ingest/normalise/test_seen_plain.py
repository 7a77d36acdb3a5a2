"""The fast duplicate filter says of every stream what the plain one says, row by row and across commits."""

import random
from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.normalise import seen_columns, seen_open
from ingest.normalise.seen import Judgement, Seen, SeenRefused
from ingest.reading import Flag, Readings
from tests.ingest.normalise import plain_seen
from tests.ingest.normalise.plain_seen import PlainSeen
from tests.ingest.normalise.streams import Town

COLUMNS = ("watch", "boot", "seq", "oldest", "kind", "raw_time_ms", "time_ms", "arrival_ms")


def readings_of(rows):
    columns = zip(*rows, strict=True)
    kinds = {"kind": np.int8}
    return Readings({n: np.array(c, kinds.get(n, np.int64)) for n, c in zip(COLUMNS, columns, strict=True)}, len(rows))


def state_of_plain(plain):
    """Everything that is known of each watch, comparable."""
    return {
        watch: (
            {boot: [run_words(run) for run in runs] for boot, runs in boots.items()},
            plain.senders._committed.get(watch),
            plain.lost.get(watch, 0),
        )
        for watch, boots in plain.committed.items()
    }


def run_words(run):
    return (run.generation, run.through, tuple(run.committed), run.newest_raw_ms, run.touched_ms, run.emergencies,
            run.top_time_ms)  # fmt: skip


def state_of(seen, plain):
    """The same of the fast one, for the watches and boots that the plain one knows."""
    found = {}
    for watch, boots in plain.committed.items():
        row = seen._columns.row(watch)
        runs = {boot: [run_words(run) for run in seen.committed_runs(watch, boot)] for boot in boots}
        began = (row[0], row[seen_columns.BEGAN_AT]) if row[seen_columns.BITS] & seen_columns.BEGAN else None
        assert row[seen_columns.OLDER] + bool(row[seen_columns.BITS] & seen_columns.RUN) == len(boots)
        found[watch] = (runs, began, row[seen_columns.LOST])
    return found


class Judged(NamedTuple):
    readings: Readings
    judgement: Judgement


def refuse_many(town, seen, plain, rng, met):
    """Mostly the next seqs of each watch, some again, some after a gap, some of a boot nobody heard of."""
    marked, arrival_ms = [], rng.randrange(2**41)
    for stream in rng.sample(town.streams, rng.randrange(1, len(town.streams) + 1)):
        sent = stream.sent[-rng.randrange(1, 4) :] or [(0, rng.randrange(3), rng.randrange(3))]
        _, boot, seq, *_ = rng.choice(sent)
        boot += rng.random() < 0.1
        for _ in range(rng.randrange(1, 6)):
            seq += rng.choice([1, 1, 1, 1, 0, -1, 3])
            marked.append(SeenRefused(stream.watch, boot, min(max(seq, 0), 2**32 - 1), arrival_ms))
    if rng.random() < 0.5:
        rng.shuffle(marked)
    refused = seen.mark_all_refused(marked)
    assert refused == [plain.mark_refused(*one) for one in marked]
    opened = {one.watch for one in marked} & set(seen._opened)
    met["refused by columns"] += len(marked) - sum(one.watch in opened for one in marked)
    met["refused one by one"] += sum(one.watch in opened for one in marked)


def live_through(town, seen, plain, rng, met, rows):
    """One batch into both."""
    batch = town.batch(rows)
    readings = readings_of(batch)
    judgement = seen.judge(readings)
    fast = list(zip(judgement.verdicts.tolist(), judgement.flags.tolist(), judgement.generations.tolist(), strict=True))
    slow = [plain.judge(row) for row in batch]
    for row, one, other in zip(batch, fast, slow, strict=True):
        assert one == tuple(map(int, other)), row
        met.update([f"verdict {other[0]}", *(flag.name for flag in Flag(other[1])), f"generation {min(other[2], 1)}"])
    for _ in range(rng.choice([0, 0, 0, 1, 3])):
        _, boot, seq, *_ = rng.choice(town.streams[rng.randrange(len(town.streams))].sent or [(0, 1, 1)])
        marked = (rng.randrange(len(town.streams)), boot, min(seq + rng.randrange(3), 2**32 - 1), rng.randrange(2**41))
        refused = seen.mark_refused(*marked)
        assert refused == plain.mark_refused(*marked)
        met[f"refused {int(refused)}"] += 1
    if rng.random() < 0.3:
        refuse_many(town, seen, plain, rng, met)
    return Judged(readings, judgement)


def compared(seed, watches, sizes, met):
    rng = random.Random(seed)  # noqa: S311 - a stream of faults, no secret
    town, seen, plain = Town(rng, watches), Seen(), PlainSeen()
    for rows in sizes:
        live_through(town, seen, plain, rng, met, rows)
        seen.runs()
        if rng.random() < 0.2:
            seen.rollback()
            plain.rollback()
            met["rollback"] += 1
        else:
            seen.commit()
            plain.commit()
        assert state_of(seen, plain) == state_of_plain(plain)
    assert seen.lost == sum(plain.lost.values())


SIZES = st.lists(st.sampled_from([1, 3, 30, 30, 120]), min_size=1, max_size=12)
EVERYTHING = {
    *(f"verdict {n}" for n in range(3)), "generation 0", "generation 1", "CLOCK_SET", "SEQ_JUMP", "SEQ_RESET",
    "BOOT_STORM", "TWO_SENDERS", "refused 0", "refused 1", "rollback",
}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), watches=st.sampled_from([1, 2, 5, 40]), sizes=SIZES)
def test_the_fast_filter_judges_as_the_plain_one(seed, watches, sizes):
    compared(seed, watches, sizes, Counter())


@pytest.fixture
def small(monkeypatch):
    """Few boots and ranges, so that storms come."""
    for name, module in (("MOST_BOOTS", seen_open), ("MOST_BOOTS", plain_seen)):
        monkeypatch.setattr(module, name, 3)
        monkeypatch.setattr(module, "MOST_GENERATIONS", 4)
    monkeypatch.setattr(plain_seen, "MOST_RANGES", 6)
    monkeypatch.setattr("ingest.normalise.boot_run.MOST_RANGES", 6)
    monkeypatch.setattr(seen_columns, "MOST_SIDE_RANGES", 2)


def test_storms_too_and_every_answer_comes_up(small):
    met = Counter()
    for seed in range(150):
        compared(seed, 3, [1, 40, 200, 5, 100, 60], met)
    assert set(met) >= EVERYTHING, met
