"""Part of the contract of every log: how older records are kept is nothing that anybody who reads can see."""

from __future__ import annotations

import pytest

from tests.ingest.log.batches import T0_MS, batch, bits, offsets


def everything(reader, limit=256):
    """All that a consumer can see, in pieces of `limit`."""
    seen, after = [], reader.start() - 1
    while records := reader.read(after, limit):
        seen += [
            (one.offset, one.kind, one.log_time_ms, one.deaf, one.step_ms, one.readings.present, bits(one.readings))
            for one in records
        ]
        after = records[-1].offset
    return seen


def varied(log, records: int, first: int = 0) -> None:
    """Batches, ticks, deaf ones, empty batches, and the clock set back each fifty."""
    for n in range(first, first + records):
        time_ms = T0_MS + n * 1000 - n // 50 * 20_000
        if n % 50 == 49:
            log.clock_step(time_ms - 20_000, -20_000)
        elif n % 3 == 0:
            log.tick(time_ms, deaf=n % 9 == 0)
        else:
            log.append(batch(n % 5, time_ms, seed=n, deaf=n % 7 == 0))


@pytest.mark.parametrize("limit", [1, 3, 256])
def test_how_older_records_are_kept_is_nothing_that_a_reader_sees(kind, log, limit) -> None:
    varied(log, 160)
    before, reader = everything(log), kind.reader()
    times = [log.offset_before(T0_MS + n * 700) for n in range(300)]

    kind.settle(log)

    for one in (log, reader):
        assert everything(one, limit) == before
        assert [one.offset_before(T0_MS + n * 700) for n in range(300)] == times
    varied(log, 10, first=160)
    assert everything(reader, limit)[:160] == before
    assert (log.start(), log.end(), log.verify()) == (1, 170, 170)


def test_reading_goes_on_from_within_whatever_was_settled(kind, log) -> None:
    varied(log, 60)
    wanted = everything(log)
    kind.settle(log)

    for after in range(60):
        assert log.read(after, 2)[0].offset == after + 1
        assert offsets(log.read(after)) == [one[0] for one in wanted[after:]]


def test_a_consumer_follows_while_older_records_are_settled_and_meets_each_once(kind, log) -> None:
    reader, met = kind.reader(), []
    for turn in range(12):
        varied(log, 10, first=turn * 10)
        met += offsets(reader.read(met[-1] if met else 0, 7))
        kind.settle(log)
    while records := reader.read(met[-1], 7):
        met += offsets(records)

    assert met == list(range(1, 121))


def test_settled_records_are_pruned_as_a_whole_and_never_past_a_consumer(kind, log) -> None:
    for n in range(100):
        log.tick(T0_MS + n)
    kind.settle(log)
    log.keep_place("alerts", 60)

    dropped = log.prune(T0_MS + 99_999)

    assert dropped <= 60
    assert log.start() == dropped + 1
    assert offsets(log.read(log.place("alerts"))) == list(range(61, 101))
    assert log.tick(T0_MS + 100) == 101


def test_a_time_before_what_is_kept_and_one_among_set_backs_are_found_after_pruning(kind, log) -> None:
    varied(log, 200)
    kind.settle(log)
    log.prune(T0_MS + 60_000)

    first = log.start()
    assert log.offset_before(0) == 0
    for time_ms in range(T0_MS + 100_000, T0_MS + 190_000, 3000):
        known = [(one.offset, one.log_time_ms) for one in log.read(first - 1, 300)]
        assert log.offset_before(time_ms) == max((at for at, told in known if told < time_ms), default=0)


def test_a_place_changes_while_the_owner_writes_and_outlives_a_settling(kind, log) -> None:
    varied(log, 20)
    kind.reader().keep_place("influx", 7)
    kind.settle(log)

    assert log.place("influx") == 7
    assert offsets(kind.reader().read(log.place("influx"), 2)) == [8, 9]


def test_what_a_record_holds_is_not_to_be_written_to(kind, log) -> None:
    log.append(batch(5))
    log.append(batch(5, T0_MS + 1))
    kind.settle(log)

    for record in log.read(0):
        with pytest.raises(ValueError, match="read-only"):
            record.readings["bpm"][0] = 1
