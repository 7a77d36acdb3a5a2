import numpy as np
import pytest

from ingest.normalise import boot_run, seen_open
from ingest.normalise.seen import Seen, Verdict
from ingest.reading import Flag, Kind, Readings
from tests.ingest.normalise.kept import KeptLog

T0 = 1_760_000_000_000
NEW, DUPLICATE, PENDING, VALUE = Verdict


def reading(seq, minute=None, kind=Kind.HEART_RATE, boot=7, oldest=1, watch=0, **more):
    raw = T0 + 60_000 * (seq if minute is None else minute)
    return {"watch": watch, "kind": kind, "boot": boot, "seq": seq, "oldest": oldest, "raw_time_ms": raw,
           "time_ms": raw, "arrival_ms": raw + 1_000} | more  # fmt: skip


def judged(known, *rows, commit=True):
    found = known.judge(Readings.of_rows(rows))
    if commit:
        known.commit()
    return found.verdicts.tolist()


def flags(known, *rows):
    found = known.judge(Readings.of_rows(rows))
    known.commit()
    return [Flag(int(f)) for f in found.flags]


def after_restart(known, rows):
    """As a second process finds it: what was kept with the batch, read back."""
    log, readings = KeptLog(), Readings.of_rows(rows)
    log.append(readings.take(known.judge(readings).is_new), known)
    return log.restarted()


def test_a_resent_reading_is_a_duplicate_once_it_is_committed():
    known = Seen()
    assert judged(known, reading(1), reading(2)) == [NEW, NEW]
    assert judged(known, reading(2), reading(3), reading(1)) == [DUPLICATE, NEW, DUPLICATE]


def test_a_duplicate_of_what_is_pending_waits_for_it():
    known = Seen()
    assert judged(known, reading(1), reading(1), commit=False) == [NEW, PENDING]
    known.rollback()
    assert judged(known, reading(1)) == [NEW]


def test_a_failed_commit_forgets_all_of_its_batch():
    known = Seen()
    judged(known, reading(1))
    judged(known, reading(2), reading(3, kind=Kind.SOS), reading(0, minute=9), reading(1, boot=8), commit=False)
    known.rollback()
    assert (known.runs(), known.values()) == ([], [])
    assert judged(known, reading(2), reading(3, kind=Kind.SOS), reading(0, minute=9), reading(1, boot=8)) == [NEW] * 4


def test_through_waits_at_a_gap_until_the_gap_is_filled_or_given_up():
    known = Seen()
    judged(known, reading(1), reading(2), reading(4), reading(6))
    run = known.committed_run(0, 7, 0)
    assert (run.through, list(run.committed)) == (2, [(1, 2), (4, 4), (6, 6)])
    judged(known, reading(3))
    assert run is not known.committed_run(0, 7, 0)
    assert known.committed_run(0, 7, 0).through == 4
    judged(known, reading(7, oldest=6))
    assert known.committed_run(0, 7, 0).through == 7
    assert known.lost == 1


def test_a_late_copy_from_below_oldest_is_new_once_even_after_a_restart():
    rows = [reading(1), reading(2), reading(9, oldest=9)]
    assert judged(after_restart(Seen(), rows), reading(5), reading(5), reading(2)) == [NEW, PENDING, DUPLICATE]
    again = after_restart(Seen(), rows)
    judged(again, reading(5))
    assert judged(again, reading(5)) == [DUPLICATE]
    assert again.committed_run(0, 7, 0).through == 9


@pytest.mark.parametrize(
    "rows",
    [
        [reading(1), reading(2)],
        [reading(2, oldest=-1)],
        [reading(150, oldest=150)],
        [reading(150, oldest=101)],
        [reading(1), reading(2), reading(9, oldest=9), reading(12, oldest=9), reading(5)],
    ],
)
def test_a_restart_knows_exactly_what_came(rows):
    again, known = after_restart(Seen(), rows).committed_run(0, 7, 0), Seen()
    judged(known, *rows)
    before = known.committed_run(0, 7, 0)
    assert (list(again.committed), again.through) == (list(before.committed), before.through)
    assert again.newest_raw_ms == before.newest_raw_ms


def test_an_oldest_above_its_own_seq_is_ignored():
    known = Seen()
    judged(known, reading(1), reading(3, oldest=900))
    assert known.committed_run(0, 7, 0).through == 1


def test_without_oldest_through_waits_at_the_gap():
    known = Seen()
    judged(known, reading(5, oldest=-1))
    assert known.committed_run(0, 7, 0).through == 0


def test_a_committed_seq_with_a_newer_time_is_a_reset_and_is_used():
    known = Seen()
    judged(known, reading(1), reading(2), reading(3))
    assert flags(known, reading(1, minute=10), reading(2, minute=11)) == [Flag.SEQ_RESET, Flag(0)]
    assert judged(known, reading(1, minute=10), reading(3), reading(2)) == [DUPLICATE, DUPLICATE, DUPLICATE]
    assert known.committed_run(0, 7, 1).through == 2


def test_a_late_reading_of_the_count_before_a_reset_is_used():
    known = Seen()
    judged(known, reading(1), reading(3))
    judged(known, reading(1, minute=10), reading(2, minute=11))
    assert judged(known, reading(2)) == [NEW]
    assert judged(known, reading(2), reading(2, minute=11)) == [DUPLICATE, DUPLICATE]


def test_a_new_boot_starts_a_new_count():
    known = Seen()
    judged(known, reading(1), reading(2))
    assert judged(known, reading(1, minute=5, boot=8), reading(2)) == [NEW, DUPLICATE]


def test_watches_do_not_share_counts():
    known = Seen()
    judged(known, reading(1))
    assert judged(known, reading(1, watch=1)) == [NEW]


def test_of_an_emergency_only_the_very_same_is_a_duplicate():
    known = Seen()
    sos = reading(5, kind=Kind.SOS)
    assert judged(known, sos) == [NEW]
    assert judged(known, sos) == [DUPLICATE]
    earlier = reading(5, minute=4, kind=Kind.SOS)
    fall = reading(5, kind=Kind.FALL)
    timeless = reading(5, kind=Kind.SOS, raw_time_ms=-1)
    assert judged(known, earlier, fall, timeless) == [NEW, NEW, NEW]
    assert judged(known, earlier, fall, timeless, sos) == [DUPLICATE] * 4


def test_an_emergency_is_known_after_a_restart():
    sos = reading(5, kind=Kind.SOS)
    assert judged(after_restart(Seen(), [sos]), sos) == [DUPLICATE]


def test_of_more_than_32_emergencies_the_oldest_is_used_again():
    known = Seen()
    many = [reading(n, kind=Kind.SOS) for n in range(1, 34)]
    judged(known, *many)
    assert judged(known, many[1], many[32]) == [DUPLICATE, DUPLICATE]
    assert judged(known, many[0]) == [NEW]


def test_without_seq_the_same_words_are_a_duplicate():
    known = Seen()
    row = reading(0, minute=1, boot=-1, bpm=70.0)
    other = row | {"bpm": 71.0}
    assert judged(known, row, row, other) == [NEW, VALUE, NEW]
    assert judged(known, row, row | {"arrival_ms": T0 * 2}) == [VALUE, VALUE]
    assert judged(after_restart(Seen(), [row]), row, other) == [VALUE, NEW]


def test_without_seq_a_resend_is_known_by_the_watchs_own_time_whatever_it_was_repaired_to():
    known = Seen()
    row = reading(0, minute=1, boot=-1, bpm=70.0)
    judged(known, row)
    assert judged(known, row | {"time_ms": T0 * 2}) == [VALUE]


def test_two_presses_of_a_button_that_tells_no_time_are_two():
    known = Seen()
    press = reading(0, kind=Kind.SOS, raw_time_ms=-1, boot=-1)
    again = press | {"time_ms": press["time_ms"] + 5_000}
    assert judged(known, press, again) == [NEW, NEW]


def test_values_are_forgotten_after_a_day_of_the_watchs_time():
    known = Seen()
    row = reading(0, minute=1, boot=-1, bpm=70.0)
    judged(known, row)
    judged(known, reading(0, minute=24 * 60, boot=-1))
    assert judged(known, row) == [VALUE]
    judged(known, reading(0, minute=24 * 60 + 70, boot=-1))
    assert judged(known, row) == [NEW]


def test_a_quarantined_element_counts_as_dealt_with():
    known = Seen()
    judged(known, reading(1), commit=False)
    assert known.mark_refused(0, 7, 2, T0) is NEW
    known.commit()
    assert known.committed_run(0, 7, 0).through == 2
    assert known.mark_refused(0, 7, 2, T0) is DUPLICATE
    assert known.mark_refused(0, 7, 0, T0) is NEW


def test_an_emergency_that_is_also_refused_stands_in_quarantine_once():
    known = Seen()
    judged(known, reading(1, kind=Kind.SOS), commit=False)
    assert known.mark_refused(0, 7, 1, T0) is NEW
    known.commit()
    assert judged(known, reading(1, kind=Kind.SOS)) == [DUPLICATE]
    assert known.mark_refused(0, 7, 1, T0) is DUPLICATE


@pytest.mark.parametrize(("minute", "expected"), [(3, Flag.CLOCK_SET), (4.9, Flag(0)), (6, Flag(0))])
def test_a_higher_seq_with_an_earlier_time_is_a_clock_set_back(minute, expected):
    known = Seen()
    judged(known, reading(5))
    assert flags(known, reading(6, minute=minute)) == [expected]


def test_a_late_reading_is_not_a_clock_set_back():
    known = Seen()
    judged(known, reading(1), reading(9, kind=Kind.SOS))
    assert flags(known, reading(2), reading(3), reading(10)) == [Flag(0)] * 3


def test_a_clock_set_back_is_seen_after_a_restart_too():
    again = after_restart(Seen(), [reading(5)])
    assert flags(again, reading(6, minute=-60), reading(7, minute=-59)) == [Flag.CLOCK_SET, Flag(0)]


def test_a_jump_is_flagged_and_not_counted_as_lost():
    known = Seen()
    judged(known, reading(1))
    assert flags(known, reading(1_000_002, minute=2, oldest=1_000_002)) == [Flag.SEQ_JUMP]
    assert known.lost == 0
    assert known.committed_run(0, 7, 0).through == 1_000_002


def test_two_watches_with_one_id_show():
    known = Seen()
    judged(known, reading(1, minute=1), reading(1, minute=5, boot=8))
    assert flags(known, reading(2, minute=2)) == [Flag(0)]  # sent late by the same watch
    assert flags(known, reading(3, minute=9), reading(2, minute=9, boot=8)) == [Flag.TWO_SENDERS, Flag(0)]


def test_the_backlog_of_a_boot_before_the_first_one_heard_is_no_second_sender():
    known = Seen()
    judged(known, reading(1, minute=5, boot=8), reading(1, minute=1), reading(2, minute=2))
    assert flags(known, reading(2, minute=9, boot=8), reading(3, minute=3)) == [Flag(0), Flag(0)]


def test_more_gaps_than_are_kept_are_committed_and_flagged(monkeypatch):
    monkeypatch.setattr(boot_run, "MOST_RANGES", 3)
    known = Seen()
    storm = flags(known, *[reading(2 * n) for n in range(1, 6)])
    assert storm == [Flag(0)] * 3 + [Flag.BOOT_STORM] * 2
    assert judged(known, reading(4), reading(8)) == [DUPLICATE, NEW]


def test_more_boots_than_are_kept_are_committed_and_flagged(monkeypatch):
    monkeypatch.setattr(seen_open, "MOST_BOOTS", 2)
    known = Seen()
    for boot in (1, 2):
        assert flags(known, reading(1, minute=boot, boot=boot)) == [Flag(0)]
    assert flags(known, reading(1, minute=3, boot=3)) == [Flag.BOOT_STORM]
    assert judged(known, reading(1, minute=3, boot=3), reading(1, minute=2, boot=2)) == [DUPLICATE, DUPLICATE]


def test_a_resend_beside_another_watchs_gap_is_a_resend():
    known = Seen()
    first = [reading(n, watch=watch) for watch in range(20) for n in (1, 2)]
    judged(known, *first)
    resent = [reading(n, watch=watch) for watch in range(19) for n in (1, 2)]
    assert judged(known, *resent, reading(9, watch=19)) == [DUPLICATE] * 38 + [NEW]
    assert list(known.committed_run(0, 7, 0).committed) == [(1, 2)]
    assert list(known.committed_run(19, 7, 0).committed) == [(1, 2), (9, 9)]


def test_a_watch_that_resets_its_count_for_ever_is_used_flagged_and_costs_a_bounded_memory(monkeypatch):
    monkeypatch.setattr(seen_open, "MOST_GENERATIONS", 10)
    known = Seen()
    found = [flags(known, reading(1, minute=minute)) for minute in range(30)]
    assert found[1] == [Flag.SEQ_RESET]
    assert found[10] == [Flag.SEQ_RESET | Flag.BOOT_STORM]
    assert known.newest_generation(0, 7) == 29
    assert len(known.runs_in_memory()) <= 10
    assert judged(known, reading(1, minute=29), reading(1, minute=28)) == [DUPLICATE, DUPLICATE]


def test_nothing_arrives():
    found = Seen().judge(Readings.empty())
    assert found.is_new.shape == (0,)
    assert found.is_new.dtype == np.bool_
