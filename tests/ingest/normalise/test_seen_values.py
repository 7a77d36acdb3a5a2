"""Readings without boot and seq, as a stranger or a poor watch sends them."""

import pytest

from ingest.normalise import seen_values
from ingest.normalise.seen import Seen
from ingest.reading import Flag, Kind
from tests.ingest.normalise.test_seen import NEW, VALUE, judged, reading

HOUR_MS = 3_600_000
YEAR_2000_MS = 946_684_800_000


def press(hour, kind=Kind.SOS):
    row = reading(0, kind=kind, boot=-1, flags=Flag.CLOCK_REPAIRED)
    return row | {"raw_time_ms": YEAR_2000_MS, "time_ms": row["time_ms"] + hour * HOUR_MS}


@pytest.mark.parametrize("kind", [Kind.SOS, Kind.FALL])
def test_a_watch_whose_clock_stands_still_alerts_each_time(kind):
    known = Seen()
    assert [judged(known, press(hour, kind)) for hour in range(3)] == [[NEW]] * 3


def test_of_a_heart_rate_of_such_a_watch_a_resend_is_known():
    known = Seen()
    assert [judged(known, press(hour, Kind.HEART_RATE)) for hour in range(2)] == [[NEW], [VALUE]]


def test_an_alarm_that_is_repeated_until_it_is_answered_is_one_where_the_clock_goes():
    known = Seen()
    row = press(0) | {"flags": Flag(0), "raw_time_ms": press(0)["time_ms"]}
    assert [judged(known, row), judged(known, row)] == [[NEW], [VALUE]]


def test_a_flood_does_not_fill_the_memory_and_the_newest_are_known(monkeypatch):
    monkeypatch.setattr(seen_values, "MOST_VALUES", 40)
    known = Seen()
    rows = [reading(0, minute=1, boot=-1, bpm=float(20 + n)) for n in range(200)]
    for row in rows:
        judged(known, row)
    assert max(map(len, known._values._committed.values())) <= 40
    assert judged(known, *rows[-30:]) == [VALUE] * 30
    assert judged(known, rows[0]) == [NEW]
