"""The fast receipts say to every watch what the plain ones say, at the same times and in the same words."""

import random
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats.identity import stand_in_id
from ingest.normalise.seen import Seen
from ingest.reading import Event, Kind
from ingest.receipts import Receipts
from tests.ingest.normalise.streams import Town
from tests.ingest.normalise.test_seen_plain import readings_of
from tests.ingest.receipts.plain_receipts import PlainReceipts

T0 = 1_760_000_000_000


def compared(seed, watches, batches, met):
    rng = random.Random(seed)  # noqa: S311 - a stream of faults, no secret
    town, seen, now_ms = Town(rng, watches), Seen(), T0
    fast, plain = Receipts(seen, lambda index: f"w{index}"), PlainReceipts(seen, lambda index: f"w{index}")
    for rows in batches:
        batch = town.batch(rows)
        online = np.array(
            [Event.ONLINE if row[4] == Kind.STATUS and rng.random() < 0.2 else -1 for row in batch], np.int8
        )
        readings = readings_of(batch).replace(event=online)
        judgement = seen.judge(readings)
        refused = [(row[0], row[1], row[2]) for row in batch if rng.random() < 0.02]
        for one in refused:
            seen.mark_refused(*one, now_ms)
        seen.commit()
        fast.note_committed(readings, judgement, refused, now_ms)
        plain.note_committed(readings, judgement, refused, now_ms)
        for _ in range(rng.randrange(3)):
            assert fast.next_due_ms() == plain.next_due_ms()
            said = fast.due(now_ms)
            assert said == plain.due(now_ms)
            met.update("one range" if payload.count(b"[") == 2 else "more ranges" for _, payload in said)
            now_ms += rng.choice([0, 1, 50, 300, 1_000, 4_000, 9_999])
    assert fast.due(now_ms + 20_000) == plain.due(now_ms + 20_000)
    assert fast.next_due_ms() is None


BATCHES = st.lists(st.sampled_from([1, 5, 40, 150]), min_size=1, max_size=15)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), watches=st.sampled_from([1, 3, 60]), batches=BATCHES)
def test_the_fast_receipts_are_the_plain_ones(seed, watches, batches):
    compared(seed, watches, batches, Counter())


def test_both_forms_come_up():
    met = Counter()
    for seed in range(12):
        compared(seed, 8, [5, 40, 150, 3, 80, 40], met)
    assert min(met["one range"], met["more ranges"]) > 50


def test_a_watch_whose_id_cannot_be_used_gets_no_receipt_on_a_topic_that_nobody_hears():
    seen = Seen()
    ids = ["w0", stand_in_id("watch one"), "bad-id.of-our-own"]
    receipts = Receipts(seen, ids.__getitem__)
    readings = readings_of([(watch, 7, 1, 1, int(Kind.SOS), T0, T0, T0) for watch in range(3)])
    judgement = seen.judge(readings)
    seen.commit()
    receipts.note_committed(readings, judgement, (), T0)
    assert [watch_id for watch_id, _ in receipts.due(T0)] == ["w0", "bad-id.of-our-own"]
