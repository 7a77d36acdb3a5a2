"""Random streams, random cuts, snapshots in between: engine and oracle tell the same story, bit for bit."""

from __future__ import annotations

from collections import Counter

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from alerts.engine.apply import apply, new_state
from alerts.engine.snapshot import dump, load
from tests.alerts.engine.oracle import Oracle
from tests.alerts.engine.streams import ORACLE_PEOPLE, RULESET, SETTINGS, Stream, in_order, open_in, told_by

ROWS = 400
PHASES = (Phase.generate,)  # no shrinking: a smaller seed is no smaller stream


def any_size(rng):
    return rng.choice((1, 2, 5, 40, 1000))


def whole(_rng):
    return 1000


def single(_rng):
    return 1


WAYS = (
    "pending run_began",
    "firing held",
    "firing event",
    "firing sooner",
    "firing timer",
    "firing absent",
    "repeated same",
    "called_off unless",
    "broken opposite",
    "broken gap",
    "broken clock_set",
    "broken no_readings",
    "resolved cleared",
    "resolved no_readings",
    "resolved unless",
    "resolved heard_again",
)


def run(records, restart_every=0):
    state, told = new_state(SETTINGS), []
    for record in records:
        state, transitions = apply(state, record, SETTINGS)
        told += transitions
        if restart_every and record.offset % restart_every == 0:
            state = load(dump(state), SETTINGS)
    return state, told


def oracle_of(records):
    oracle = Oracle(RULESET, ORACLE_PEOPLE)
    for record in records:
        oracle.take(record)
    return oracle


@seed(20260105)
@settings(max_examples=8, deadline=None, database=None, phases=PHASES)
@given(number=st.integers(0, 1 << 32))
def test_engine_and_oracle_agree(number):
    records = Stream(number, ROWS).records(any_size)
    state, told = run(records)
    oracle = oracle_of(records)
    assert in_order(told_by(told)) == in_order(oracle.told)
    assert open_in(state) == oracle.open()


@seed(20260106)
@settings(max_examples=5, deadline=None, database=None, phases=PHASES)
@given(number=st.integers(0, 1 << 32), restart_every=st.integers(3, 40))
def test_neither_cuts_nor_restarts_change_a_bit(number, restart_every):
    stream = Stream(number, ROWS)
    _, told = run(stream.records(any_size), restart_every)
    whole_state, at_once = run(stream.records(whole))

    def order(transition):
        return (transition.at_ms, transition.watch, transition.rule)

    assert sorted(told, key=order) == sorted(at_once, key=order)
    assert dump(load(dump(whole_state), SETTINGS)) == dump(whole_state)


def test_a_column_ends_the_same_however_the_log_is_cut():
    stream = Stream(7, ROWS)
    one, _ = run(stream.records(single))
    at_once, _ = run(stream.records(whole))
    assert one.columns.names == at_once.columns.names
    for name in one.columns.names:
        assert one.columns.filled(name)[0].tobytes() == at_once.columns.filled(name)[0].tobytes(), name


def test_every_kind_of_change_comes_up():
    """A test of the tests: random streams that never resolve or reopen would prove nothing."""
    seen, late, reopened = Counter(), 0, 0
    for number in range(12):
        oracle = oracle_of(Stream(number, ROWS).records(whole))
        seen.update(f"{change.value} {why.value}" for _, _, _, change, why, *_ in oracle.told)
        late += sum(each[8] for each in oracle.told)
        reopened += sum(each[9] for each in oracle.told)
    assert {way: seen[way] for way in WAYS if seen[way] < 3} == {}
    assert late >= 5
    assert reopened >= 5
