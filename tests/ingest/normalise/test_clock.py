import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.normalise.clock import AHEAD_MS, EARLIEST_MS, repair_clock
from ingest.reading import Flag, Readings

ARRIVAL_MS = 1_760_000_000_000
MINUTE_MS = 60_000


def repaired(*raws, seqs=None, messages=None, arrival_ms=ARRIVAL_MS):
    rows = [
        {
            "kind": 0,
            "raw_time_ms": raw,
            "time_ms": raw if raw >= 0 else arrival_ms,
            "arrival_ms": arrival_ms,
            "seq": seq,
        }
        for raw, seq in zip(raws, seqs or range(1, len(raws) + 1), strict=True)
    ]
    messages = np.array(messages or [0] * len(raws), np.int64)
    found = repair_clock(Readings.of_rows(rows), messages)
    assert found["raw_time_ms"].tolist() == list(raws)
    return found["time_ms"].tolist(), [bool(f & Flag.CLOCK_REPAIRED) for f in found["flags"]]


def test_a_sound_clock_is_believed():
    times = [EARLIEST_MS, ARRIVAL_MS - MINUTE_MS, ARRIVAL_MS, ARRIVAL_MS + AHEAD_MS]
    assert repaired(*times) == (times, [False] * 4)


def test_a_clock_before_2020_or_two_minutes_ahead_gives_way_to_the_arrival():
    for raw in (0, EARLIEST_MS - 1, ARRIVAL_MS + AHEAD_MS + 1, 2**52):
        assert repaired(raw) == ([ARRIVAL_MS], [True])


def test_a_backlog_of_an_absurd_clock_keeps_its_spacing_up_to_the_arrival():
    times, _ = repaired(0, MINUTE_MS, 2 * MINUTE_MS)
    assert times == [ARRIVAL_MS - 2 * MINUTE_MS, ARRIVAL_MS - MINUTE_MS, ARRIVAL_MS]


def test_the_order_is_that_of_seq():
    times, _ = repaired(9, 5, 7, seqs=[3, 1, 2])
    assert times == [ARRIVAL_MS, ARRIVAL_MS - 4, ARRIVAL_MS - 2]


def test_readings_before_the_clock_was_set_lie_before_the_first_good_one():
    good = ARRIVAL_MS - 10 * MINUTE_MS
    times, flagged = repaired(0, MINUTE_MS, good)
    assert times == [good - 1 - MINUTE_MS, good - 1, good]
    assert flagged == [True, True, False]


def test_messages_are_repaired_apart():
    times, _ = repaired(0, MINUTE_MS, messages=[0, 1])
    assert times == [ARRIVAL_MS, ARRIVAL_MS]


def test_a_reading_without_a_time_stays_at_its_arrival_unflagged():
    assert repaired(-1) == ([ARRIVAL_MS], [False])


@given(st.lists(st.integers(0, ARRIVAL_MS * 2), min_size=1, max_size=12))
def test_repaired_times_never_lie_ahead_and_follow_seq(raws):
    times, flagged = repaired(*raws)
    repaired_times = [t for t, f in zip(times, flagged, strict=True) if f]
    assert repaired_times == sorted(repaired_times)
    assert all(t <= ARRIVAL_MS for t in repaired_times)
