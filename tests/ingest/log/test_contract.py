"""What every reading log promises (ingest/log/contract.py), asked of each implementation."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.log.contract import (
    Batch,
    LogDamagedError,
    LogError,
    LogOwnedElsewhereError,
    Quarantined,
    QuarantineQuery,
    RecordKind,
)
from ingest.normalise.seen import SeenRun, SeenValue
from ingest.reading import Readings
from ingest.watches import Watch
from tests.ingest.log.batches import T0_MS, batch, bits, offsets


def test_an_empty_log_says_so(log) -> None:
    assert (log.start(), log.end(), log.read(0)) == (1, 0, [])
    assert log.offset_before(T0_MS) == 0
    assert log.verify() == 0


def test_offsets_count_up_from_one_over_batches_ticks_and_steps(log) -> None:
    given = [log.append(batch()), log.tick(T0_MS + 1), log.clock_step(T0_MS + 3, 2), log.append(batch(1, T0_MS + 4))]

    assert given == [1, 2, 3, 4]
    assert offsets(log.read(0)) == given
    assert (log.start(), log.end(), log.verify()) == (1, 4, 4)


def test_a_reader_meets_what_was_appended_bit_for_bit(kind, log) -> None:
    given = [batch(rows, T0_MS + rows, seed=rows) for rows in (1, 7, 500)]
    for one in given:
        log.append(one)

    for record, one in zip(kind.reader().read(0), given, strict=True):
        assert record.kind is RecordKind.READINGS
        assert record.log_time_ms == one.log_time_ms
        assert bits(record.readings) == bits(one.readings)


def test_readings_keep_the_order_of_arrival(log) -> None:
    readings = batch(50).readings.take(np.random.default_rng(1).permutation(50))
    log.append(Batch(readings, T0_MS))

    assert log.read(0)[0].readings["seq"].tolist() == readings["seq"].tolist()


def test_ticks_and_steps_tell_what_they_were_told(log) -> None:
    log.tick(T0_MS, deaf=True)
    log.clock_step(T0_MS - 5000, -6000)
    log.append(Batch(Readings.empty(), T0_MS, deaf=True))

    tick, step, nothing = log.read(0)
    assert (tick.kind, tick.log_time_ms, tick.deaf, len(tick.readings)) == (RecordKind.TICK, T0_MS, True, 0)
    assert (step.kind, step.log_time_ms, step.deaf) == (RecordKind.CLOCK_STEP, T0_MS - 5000, True)
    assert step.step_ms == -6000
    assert (nothing.kind, nothing.deaf, len(nothing.readings)) == (RecordKind.READINGS, True, 0)


def test_log_time_never_goes_back_but_by_a_step_of_the_clock(log) -> None:
    log.tick(T0_MS)
    log.append(batch(1, T0_MS - 500))
    log.clock_step(T0_MS - 9000, -9000)
    log.tick(T0_MS - 8000)

    assert [record.log_time_ms - T0_MS for record in log.read(0)] == [0, 0, -9000, -8000]


def test_reading_goes_on_from_any_offset_in_pieces_of_any_size(log) -> None:
    for n in range(10):
        log.append(batch(2, T0_MS + n))

    assert offsets(log.read(4, limit=3)) == [5, 6, 7]
    assert offsets(log.read(8)) == [9, 10]
    assert log.read(10) == []


def test_a_time_is_found_also_where_the_clock_was_set_back(log) -> None:
    for n in range(20):
        log.tick(T0_MS + n * 1000)
    log.clock_step(T0_MS + 5000, -15_000)  # offset 21
    for n in range(6, 10):
        log.tick(T0_MS + n * 1000)  # offsets 22 to 25

    assert log.offset_before(T0_MS) == 0
    assert log.offset_before(T0_MS + 1) == 1
    assert log.offset_before(T0_MS + 3000) == 3
    assert log.offset_before(T0_MS + 5001) == 21
    assert log.offset_before(T0_MS + 8000) == 23
    assert log.offset_before(T0_MS + 99_000) == 25


def test_a_reader_sees_each_commit_and_what_is_registered(kind, log) -> None:
    reader = kind.reader()
    before = reader.version()
    assert reader.read(0) == []

    log.append(batch(new_watches=[Watch(0, "W1", provisional=True), Watch(1, "W2", site="east")]))

    assert reader.version() != before
    assert offsets(reader.read(0)) == [1]
    assert reader.watches() == [Watch(0, "W1", provisional=True), Watch(1, "W2", site="east")]
    assert reader.watches(after_index=0) == [Watch(1, "W2", site="east")]


def test_a_watch_changes_in_place_and_keeps_its_index(kind, log) -> None:
    log.put_watch(Watch(0, "W1", provisional=True))
    log.put_watch(Watch(0, "W1", profile="g616", site="west", retired=True))

    assert kind.reader().watches() == [Watch(0, "W1", "g616", "west", retired=True)]


def test_one_id_cannot_have_two_indices_and_the_batch_that_says_so_leaves_nothing(log) -> None:
    log.put_watch(Watch(0, "W1"))

    with pytest.raises(LogError, match="contradicts"):
        log.append(batch(new_watches=[Watch(1, "W1")]))

    assert (log.end(), log.read(0), len(log.watches())) == (0, [], 1)
    assert log.append(batch(new_watches=[Watch(1, "W2")])) == 1


def test_what_the_duplicate_filter_knows_is_committed_with_the_batch(kind, log) -> None:
    runs = [
        SeenRun(3, 4_294_967_295, 0, 17, ((20, 25), (30, 30)), T0_MS, T0_MS + 5, ((1, 21, T0_MS), (3, 22, T0_MS))),
        SeenRun(4, 1, 2, 0, (), -1, T0_MS),
    ]
    values = [SeenValue(3, 2**64 - 1, T0_MS), SeenValue(3, -(2**63), T0_MS - 1), SeenValue(3, 5, T0_MS - 100)]
    log.append(batch(seen_runs=runs, seen_values=values))
    later = SeenRun(4, 1, 2, 9, (), T0_MS, T0_MS + 9)
    log.append(batch(seen_runs=[later]))
    log.close()

    again = kind.writer()
    assert sorted(again.seen_runs(), key=lambda run: run.watch) == [runs[0], later]
    assert (again.seen_runs_of(4, 1), again.seen_boots_of(4)) == ([later], {1: T0_MS + 9})
    assert (again.seen_runs_of(4, 9), again.seen_boots_of(9)) == ([], {})
    assert sorted(again.seen_values(T0_MS - 1), key=lambda value: value.hash) == [values[1], values[0]]


def test_quarantined_payloads_are_kept_whole_newest_first(kind, log) -> None:
    bad = [Quarantined(f"watch/W{n}/sos", T0_MS + n, "not_json", "at 1", bytes([0, 255, n]), f"W{n}") for n in range(5)]
    log.append(batch(quarantined=bad[:3]))
    log.append(Batch(Readings.empty(), T0_MS, quarantined=bad[3:]))

    assert list(kind.reader().quarantine(QuarantineQuery(newest=4))) == bad[:0:-1]


def test_a_place_is_kept_for_each_consumer_across_openings(kind, log) -> None:
    for _ in range(9):
        log.tick(T0_MS)
    assert log.place("alerts") == 0
    kind.reader().keep_place("alerts", 7)
    log.keep_place("influx", 9)
    log.keep_place("influx", 8)

    assert (kind.reader().place("alerts"), log.place("influx")) == (7, 8)
    assert log.places() == {"alerts": 7, "influx": 8}


def test_a_place_beyond_the_end_is_said_not_skipped(log) -> None:
    log.keep_place("alerts", 9)

    with pytest.raises(LogDamagedError, match="older copy"):
        log.place("alerts")


def test_pruning_never_passes_a_consumer_and_keeps_the_newest_record(log) -> None:
    for n in range(250):
        log.tick(T0_MS + n)
    log.keep_place("alerts", 210)
    log.keep_place("influx", 200)

    assert log.prune(T0_MS + 10) == 10
    assert (log.start(), log.end()) == (11, 250)
    assert log.prune(T0_MS + 99_999) == 190
    assert log.start() == 201
    log.keep_place("alerts", 250)
    log.drop_place("influx")
    assert log.prune(T0_MS + 99_999) == 49
    assert offsets(log.read(0)) == [250]
    assert log.tick(T0_MS) == 251
    assert log.verify() == 2


def test_offsets_go_on_after_closing(kind, log) -> None:
    log.append(batch())
    log.close()

    again = kind.writer()
    assert again.tick(T0_MS - 50) == 2
    assert again.read(1)[0].log_time_ms == T0_MS


def test_a_second_owner_is_told_who_has_it_and_what_to_do(kind, log) -> None:
    with pytest.raises(LogOwnedElsewhereError, match=r"process \d+ writes this log already.*Stop that one first"):
        kind.writer()

    log.close()
    assert kind.writer().append(batch()) == 1
