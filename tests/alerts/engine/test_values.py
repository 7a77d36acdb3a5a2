"""Three-valued columns: what is unknown is in neither, and float32 does not bend a constant."""

from __future__ import annotations

import numpy as np
import pytest

from alerts.engine.values import Range, calculate, compare, constant, exact
from ingest.reading import Event, Kind
from tests.alerts.engine.one_watch import Log, clock_of

SIGNS = ("<", "<=", ">", ">=", "==", "!=")


def test_a_constant_that_float32_cannot_hold_is_compared_in_float64():
    bpm = exact(np.array([100.3], np.float32))  # 100.30000305...
    assert compare(">", bpm, constant(100.3)).true.tolist() == [True]
    assert compare("==", bpm, constant(100.3)).false.tolist() == [True]
    assert compare("==", exact(np.array([100.5], np.float32)), constant(100.5)).true.tolist() == [True]


@pytest.mark.parametrize("sign", SIGNS)
def test_nothing_is_known_of_nan(sign):
    nan, some = exact(np.array([np.nan, 3.0, np.nan])), exact(np.array([3.0, np.nan, np.nan]))
    assert not compare(sign, nan, some).known.any()


@pytest.mark.parametrize("sign", SIGNS)
def test_of_known_numbers_exactly_one_of_true_and_false_holds(sign):
    left, right = np.meshgrid([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    true, false = compare(sign, exact(left.ravel()), exact(right.ravel()))
    expected = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
    expected |= {"==": np.equal, "!=": np.not_equal}
    assert true.tolist() == expected[sign](left, right).ravel().tolist()
    assert false.tolist() == (~true).tolist()


def test_at_least_so_long_may_be_true_against_at_least_and_never_false():
    lasted = Range(np.array([5.0]), np.array([np.inf]))
    assert compare(">=", lasted, constant(5)).true.all()
    assert compare("<", lasted, constant(5)).false.all()
    for sign in ("<", "<=", "==", "!=", ">=", ">"):
        assert not compare(sign, lasted, constant(6)).known.any()


def test_division_by_zero_is_unknown():
    assert np.isnan(calculate("/", np.array([1.0, 0.0]), np.array([0.0, 0.0]))).all()


def rule(when, **more):
    keys = "".join(f"{key} = {value!r}\n" for key, value in more.items())
    return f'[[rule]]\nname = "r"\nseverity = "notice"\nwhen = {when!r}\n{keys}'


def test_a_bedridden_person_has_never_stepped_and_is_at_rest():
    log = Log(rule("since(steps > 0) >= 10 * minute and bpm > 100"))
    for minute in range(12):
        log.heart(f"08:{minute:02}", 120, steps=0)
    assert log.story() == ["firing held 08:10:00"]


def test_a_watch_without_a_step_counter_is_neither_at_rest_nor_not():
    for when in (
        "since(steps > 0) >= 10 * minute and bpm > 100",
        "not (since(steps > 0) >= 10 * minute) and bpm > 100",
    ):
        log = Log(rule(when))
        for minute in range(20):
            log.heart(f"08:{minute:02}", 120)
        assert log.told == []


def test_steps_that_a_status_reading_carries_end_the_rest():
    log = Log(rule("since(steps > 0) < 2 * minute and bpm > 100"))
    log.heart("08:00", 120)
    log.hear(Kind.STATUS, "08:01", steps=30)
    log.heart("08:02", 120)
    assert log.story() == ["firing held 08:02:00"]


def test_what_is_carried_goes_stale():
    log = Log(rule("not worn and bpm > 100", clear="bpm < 90"))
    log.hear(Kind.STATUS, "08:00", event=Event.REMOVED)
    log.heart("08:59", 120)
    log.heart("08:59:30", 80)
    log.heart("09:01", 120)
    assert [f"{t.change} {clock_of(t.at_ms)}" for t in log.told] == ["firing 08:59:00", "resolved 08:59:30"]


def test_after_a_fall_that_was_called_off_there_was_no_fall():
    log = Log(rule("after(fall) < 5 * minute and bpm > 100", on="heart_rate"))
    log.hear(Kind.FALL, "08:00")
    log.hear(Kind.FALL, "08:00:20", cancelled=1)
    log.heart("08:01", 120)
    assert log.told == []
    log.hear(Kind.FALL, "08:02")
    log.heart("08:03", 120)
    assert log.story() == ["firing held 08:03:00"]
