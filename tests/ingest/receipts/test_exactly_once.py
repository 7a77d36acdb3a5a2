"""A watch that follows WIRE.md section 2 over a bad network, to an ingest that crashes: every reading once."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.reading import Kind, Readings
from ingest.receipts import Receipts
from tests.effort import examples
from tests.ingest.normalise.kept import KeptLog

T0 = 1_760_000_000_000
KINDS = [Kind.HEART_RATE, Kind.LOCATION, Kind.STATUS, Kind.SOS]


class WatchModel:
    """Holds what is not receipted, and may be switched off and on: then it draws a new boot and still holds the old."""

    def __init__(self, rng, *, capacity):
        self.rng, self.capacity = rng, capacity
        self.boot, self.seq, self.clock_ms = rng.randrange(2**32), 0, T0
        self.held, self.made, self.given_up = [], [], []

    def measure(self):
        self.clock_ms += self.rng.randrange(1, 120_000)
        if self.rng.random() < 0.05:
            self.seq, self.boot = 0, self.rng.randrange(2**32)
        self.seq += 1
        reading = (self.boot, self.seq, int(self.rng.choice(KINDS)), self.clock_ms)
        self.made.append(reading)
        self.held.append(reading)
        if len(self.held) > self.capacity:
            self.given_up.append(self.held.pop(0))

    def send(self):
        """Some of what is held; `oldest` is told once for each boot."""
        some = [r for r in self.held if self.rng.random() < 0.6]
        oldest = min((r[1] for r in self.held if r[0] == self.boot), default=self.seq)
        return [(*r, oldest if r[0] == self.boot else -1) for r in some]

    def take(self, payload):
        receipt = msgspec.json.decode(payload)
        if receipt["boot"] == self.boot and receipt["through"] > self.seq:
            return
        self.held = [r for r in self.held if not self._covered(r, receipt)]

    @staticmethod
    def _covered(reading, receipt):
        boot, seq, _, time_ms = reading
        named = seq <= receipt["through"] or any(a <= seq <= b for a, b in receipt["also"])
        return boot == receipt["boot"] and named and time_ms <= receipt["until"]


class Ingest:
    """Durable is only what `commit` kept; a crash starts from there."""

    def __init__(self):
        self.used, self.log = [], KeptLog()
        self.start()

    def start(self):
        self.seen = self.log.restarted()
        self.receipts = Receipts(self.seen, str)

    def batch(self, messages, now_ms, outcome):
        rows = [
            {"watch": 0, "boot": b, "seq": s, "kind": k, "raw_time_ms": t, "time_ms": t, "oldest": o,
             "arrival_ms": now_ms}
            for b, s, k, t, o in messages
        ]  # fmt: skip
        readings = Readings.of_rows(rows) if rows else Readings.empty()
        judgement = self.seen.judge(readings)
        if outcome == "log refuses":
            self.seen.rollback()
        elif outcome == "crash before commit":
            self.start()
        else:
            if judgement.is_new.any():
                self.log.append(readings.take(judgement.is_new), self.seen)
            self.used += [m[:4] for m, new in zip(messages, judgement.is_new, strict=True) if new]
            if outcome == "crash after commit":
                self.start()
            else:
                self.seen.commit()
                self.receipts.note_committed(readings, judgement, (), now_ms)
        return self.receipts.due(now_ms)


OUTCOMES = ["kept"] * 5 + ["log refuses", "crash before commit", "crash after commit"]


@settings(max_examples=examples(200), deadline=None)
@given(seed=st.integers(0, 2**32), capacity=st.sampled_from([3, 8, 1000]))
def test_every_reading_is_used_exactly_once_or_was_given_up_by_the_watch(seed, capacity):
    rng = random.Random(seed)  # noqa: S311 - a model, not a secret
    watch, ingest, now_ms, delayed = WatchModel(rng, capacity=capacity), Ingest(), T0, []
    for step in range(60):
        settling = step >= 40
        for _ in range(0 if settling else rng.randrange(4)):
            watch.measure()
        sent = watch.send()
        arriving = [m for m in delayed + sent + sent[:2] if settling or rng.random() < 0.8]
        delayed = sent if rng.random() < 0.3 else []
        now_ms += rng.choice([200, 2_000, 15_000])
        for _, payload in ingest.batch(arriving, now_ms, "kept" if settling else rng.choice(OUTCOMES)):
            durable = set(ingest.used)
            before = set(watch.held)
            if settling or rng.random() < 0.7:
                watch.take(payload)
            assert before - set(watch.held) <= durable  # nothing is let go that is not kept
    assert watch.held == []
    assert len(ingest.used) == len(set(ingest.used))
    assert set(watch.made) - set(watch.given_up) <= set(ingest.used)
