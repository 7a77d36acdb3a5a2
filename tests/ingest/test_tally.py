"""What ingest counts."""

from __future__ import annotations

import numpy as np

from ingest.heard import LastHeard
from ingest.histogram import Histogram
from ingest.reading import Flag, Kind, Readings
from ingest.tally import LATE_MS, _two_senders, late

T0_MS = 1_790_000_000_000


def reading(kind, late_ms):
    return {"watch": 0, "kind": kind, "time_ms": T0_MS, "arrival_ms": T0_MS + late_ms}


def test_a_reading_is_late_beyond_ten_minutes_and_an_emergency_never():
    readings = Readings.of_rows(
        [
            reading(Kind.HEART_RATE, 0),
            reading(Kind.HEART_RATE, LATE_MS),
            reading(Kind.HEART_RATE, LATE_MS + 1),
            reading(Kind.LOCATION, 10 * LATE_MS),
            reading(Kind.SOS, 10 * LATE_MS),
            reading(Kind.FALL, 10 * LATE_MS),
        ]
    )
    assert late(readings) == 2
    assert late(Readings.empty()) == 0


def test_a_bucket_takes_what_is_not_above_its_bound():
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.1, 99.0):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 2]
    assert histogram.cumulative() == [2, 4, 6]
    assert histogram.total == 106.1


def test_a_watch_was_last_heard_of_at_its_newest_arrival():
    heard = LastHeard()
    heard.note(Readings.empty())
    assert heard.at(np.arange(2)).tolist() == [0, 0]
    heard.note(Readings.of_rows([{**reading(Kind.SOS, 1), "watch": 3}, {**reading(Kind.SOS, 2), "watch": 3}]))
    heard.note(Readings.of_rows([{**reading(Kind.SOS, 5), "watch": 0}]))
    assert heard.at(np.arange(5)).tolist() == [T0_MS + 5, 0, 0, T0_MS + 2, 0]
    heard.note(Readings.of_rows([{**reading(Kind.SOS, 9), "watch": 5000}]))
    assert heard.at(np.array([0, 5000, 99_999])).tolist() == [T0_MS + 5, T0_MS + 9, 0]


def test_watches_that_share_an_id_are_kept_with_their_newest_sign():
    assert _two_senders(Readings.of_rows([reading(Kind.SOS, 1)])) == {}
    shared = {"flags": Flag.TWO_SENDERS | Flag.SEQ_RESET}
    rows = [
        reading(Kind.SOS, 1) | shared,
        reading(Kind.SOS, 2) | {"watch": 4, "flags": Flag.SEQ_RESET},
        reading(Kind.SOS, 3) | shared,
        reading(Kind.SOS, 4) | {"watch": 9} | shared,
    ]
    assert _two_senders(Readings.of_rows(rows)) == {0: T0_MS + 3, 9: T0_MS + 4}
