"""Rows are merged as they age, and nobody who reads the log can tell."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.log import aging as aging_module
from ingest.log.aging import HOUR_MS, TIERS, Aging, Tier, age_for_ever
from ingest.log.contract import Batch, LogError, RecordKind
from ingest.log.follow import follow
from ingest.log.record import Codec
from ingest.log.sqlite import SqliteLog
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.reading import Readings
from tests.effort import examples
from tests.ingest.log.batches import T0_MS, batch, bits, offsets, random_readings
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.log.contract import Record

TINY = (
    Tier(1000, TIERS[0].takes, most_rows=5),
    Tier(3000, TIERS[1].takes, most_rows=3, least_rows=2),
)
"""As the real tiers, but of seconds and few rows."""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.sqlite")
    yield opened
    opened.close()


def told(record: Record) -> tuple[object, ...]:
    """All that a consumer can see of a record."""
    return (
        record.offset,
        record.kind,
        record.log_time_ms,
        record.deaf,
        record.step_ms,
        len(record.readings),
        record.readings.present,
        bits(record.readings),
    )


def whole(log: SqliteLogReader, limit: int = 256) -> list[tuple[object, ...]]:
    seen, after = [], 0
    while records := log.read(after, limit):
        seen += [told(record) for record in records]
        after = records[-1].offset
    return seen


def age(log: SqliteLog, tiers=TINY) -> Aging:
    aging = Aging(log, tiers)
    while aging.step():
        pass
    return aging


def codecs(log: SqliteLog) -> list[int]:
    return [row.codec for row in log.outline(0, 2**62, 10_000)]


def fill(log: SqliteLog, records: int, gap_ms: int = 100, first: int = 0) -> None:
    for n in range(first, first + records):
        log.append(batch(1 + n % 4, T0_MS + n * gap_ms, seed=n)) if n % 3 else log.tick(T0_MS + n * gap_ms)


def test_what_is_young_stays_and_what_is_old_is_in_few_rows(log: SqliteLog) -> None:
    fill(log, 200)
    before = whole(log)

    assert age(log).merged_rows > 150

    kinds = codecs(log)
    assert len(kinds) < 40
    assert kinds[-10:] == [Codec.PLAIN] * 10
    assert kinds[0] == Codec.COLUMNS
    assert whole(log) == before
    assert log.verify() == 200


def test_a_second_pass_finds_little_and_a_restart_goes_on(log: SqliteLog) -> None:
    fill(log, 100)
    age(log)
    rows = len(codecs(log))

    assert age(log).merged_rows < 5
    fill(log, 100, first=100)
    assert age(log).merged_rows > 50
    assert len(codecs(log)) < rows + 20


@settings(max_examples=examples(25), deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["batch", "batch", "tick", "deaf", "step", "empty"]), st.integers(0, 900)),
        min_size=5,
        max_size=60,
    ),
    st.integers(1, 9),
    st.integers(2, 7),
    st.integers(1, 300),
)
def test_a_replay_is_the_same_bit_for_bit_however_rows_are_merged(tmp_path_factory, steps, most, tiers, limit) -> None:
    with closing(SqliteLog(tmp_path_factory.mktemp("log") / "log.sqlite")) as log:
        now_ms = T0_MS
        for n, (what, gap_ms) in enumerate(steps):
            now_ms += gap_ms
            if what == "batch":
                log.append(batch(1 + n % 7, now_ms, seed=n, deaf=n % 5 == 0))
            elif what == "empty":
                log.append(Batch(Readings.empty(), now_ms))
            elif what == "step":
                now_ms -= 2000
                log.clock_step(now_ms, -2000)
            else:
                log.tick(now_ms, deaf=what == "deaf")
        before, times = whole(log), [log.offset_before(T0_MS + n * 500) for n in range(-9, 60)]

        age(log, (Tier(0, TIERS[0].takes, most_rows=most), Tier(0, TIERS[1].takes, most_rows=tiers, least_rows=2)))

        assert whole(log, limit) == before
        assert [log.offset_before(T0_MS + n * 500) for n in range(-9, 60)] == times
        assert log.verify() == len(steps)


async def test_a_follower_in_the_middle_of_rows_that_are_merged_meets_each_record_once(log: SqliteLog) -> None:
    fill(log, 300)
    wanted = whole(log)
    reader = SqliteLogReader(log.path)
    met: list[tuple[object, ...]] = []
    following = follow(reader, 0, limit=7)
    while len(met) < 300:
        met += [told(record) for record in await anext(following)]
        Aging(log, TINY).step()
    reader.close()

    assert met == wanted


def test_a_reader_in_another_thread_and_an_owner_that_appends_are_not_disturbed(log: SqliteLog) -> None:
    reader, records = SqliteLogReader(log.path), 400
    fill(log, 100)
    writing = threading.Thread(target=lambda: fill(log, records - 100, first=100))
    merging = threading.Thread(target=lambda: [Aging(log, TINY).step() for _ in range(100)])
    writing.start()
    merging.start()
    met: list[int] = []
    while len(met) < records:
        met += offsets(list(reader.read(met[-1] if met else 0, limit=11)))
    writing.join()
    merging.join()
    reader.close()

    assert met == list(range(1, records + 1))
    assert log.verify() == records


def test_a_large_row_is_made_small_by_itself_and_a_full_one_is_left_alone(log: SqliteLog, monkeypatch) -> None:
    monkeypatch.setattr(aging_module, "FULL", 100)
    for n in range(4):
        log.append(batch(120, T0_MS + n, seed=n))
    log.tick(T0_MS + 10_000)
    before = whole(log)

    age(log)

    assert codecs(log) == [Codec.COLUMNS] * 4 + [Codec.PLAIN]
    assert whole(log) == before


def test_rows_wait_until_they_are_an_hour_old_by_log_time(log: SqliteLog) -> None:
    fill(log, 300, gap_ms=1)
    assert Aging(log).step() is False

    log.tick(T0_MS + HOUR_MS + 280)
    assert Aging(log).step() is True
    assert codecs(log)[0] == Codec.COLUMNS


def damage(log: SqliteLog, offset: int) -> None:
    with closing(apsw.Connection(str(log.path))) as connection:
        connection.execute("UPDATE record SET checksum = checksum + 1 WHERE last_offset = ?", (offset,))


def test_a_damaged_row_is_left_alone_and_told_and_others_are_merged(log: SqliteLog, capsys) -> None:
    fill(log, 60)
    damage(log, 7)

    age(log)

    assert codecs(log)[:6] == [Codec.COLUMNS, *[Codec.PLAIN] * 5]
    assert "row_not_merged" in capsys.readouterr().out
    assert offsets(list(log.read(0))) == [1, 2, 3, 4, 5, 6]
    assert offsets(list(log.read(7, 50)))[0] == 8


def test_rows_beside_a_missing_one_are_not_merged_over_it(log: SqliteLog) -> None:
    fill(log, 60)
    with closing(apsw.Connection(str(log.path))) as connection:
        connection.execute("DELETE FROM record WHERE last_offset = 8")

    age(log)

    assert offsets(list(log.read(0)))[:9] == [1, 2, 3, 4, 5, 6, 7, 9, 10]
    assert codecs(log)[0] == Codec.COLUMNS


def test_rows_that_were_pruned_meanwhile_are_not_put_back(log: SqliteLog) -> None:
    fill(log, 20)
    rows = log.rows(1, 5)
    log.prune(T0_MS + 500)

    with pytest.raises(LogError, match="changed while they were merged"):
        log.exchange(rows, rows[0])
    assert log.start() == 6


def test_a_full_disk_leaves_the_log_as_it_was(log: SqliteLog, monkeypatch) -> None:
    fill(log, 60)
    before = whole(log)

    def full(*_fields: object) -> None:
        raise apsw.FullError("database or disk is full")

    with monkeypatch.context() as refusing:
        refusing.setattr("ingest.log.sqlite.row_fields", full)
        with pytest.raises(LogError, match="no room to merge records"):
            Aging(log, TINY).step()
    assert whole(log) == before
    age(log)
    assert whole(log) == before


async def test_the_background_piece_merges_and_ends_when_told(log: SqliteLog) -> None:
    fill(log, 60)
    task = asyncio.create_task(age_for_ever(Aging(log, TINY)))
    await eventually(lambda: Codec.COLUMNS in codecs(log))

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log.tick(T0_MS + 99_999) == 61


def test_merging_gives_the_disk_back(log: SqliteLog) -> None:
    for n in range(60):
        log.append(Batch(random_readings(np.random.default_rng(n), 2000), T0_MS + n * 100))
    list(log._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    before = log.path.stat().st_size

    age(log)
    list(log._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)"))

    assert log.path.stat().st_size < before * 0.8
    assert RecordKind.READINGS in {record.kind for record in log.read(0)}
