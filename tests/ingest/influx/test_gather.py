"""What is read of the log at once, how it is parted, and how far the place may move after each part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carewatch.clock import SteppedClock
from ingest.influx import gather
from ingest.influx.gather import MOST_RECORDS, Gatherer, Registry
from ingest.influx.line_protocol import tags_of
from ingest.log.contract import LogDamagedError
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.reading import Kind, Readings
from ingest.watches import Watch
from tests.ingest.influx.writing import new_log
from tests.ingest.log.batches import T0_MS, batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.influx.gather import Gathered
    from ingest.log.sqlite import SqliteLog


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = new_log(tmp_path)
    yield made
    made.close()


class CountingReader(SqliteLogReader):
    """Remembers how many records it was asked for, each time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: list[int] = []
        self.registry_reads = 0

    def read(self, after, limit=256):
        self.asked.append(limit)
        return super().read(after, limit)

    def watches(self, after_index=-1, limit=None):
        self.registry_reads += after_index == -1
        return super().watches(after_index, limit)


def gatherer(log: SqliteLog, batch_lines: int) -> Gatherer:
    return Gatherer(SqliteLogReader(log.path), batch_lines, "main", SteppedClock(T0_MS * 1_000_000))


def shown(gathered: Gathered) -> list[tuple[int, int, int]]:
    return [(len(part.lines), part.last_offset, part.log_time_ms - T0_MS) for part in gathered.parts]


def seqs(gathered: Gathered) -> list[int]:
    return sorted(int(line.rsplit(" ", 1)[1]) % 1000 for part in gathered.parts for line in part.lines.to_pylist())


def test_small_records_go_together_and_the_place_passes_what_ends_within_a_part(log: SqliteLog) -> None:
    for n in range(10):
        log.append(batch(25, T0_MS + n))
        log.tick(T0_MS + n)

    some = gatherer(log, 100)

    assert shown(some.gather(0)) == [(100, 8, 3)]
    # 150 lines in two parts; the seventh batch ends at 75 of them.
    assert shown(some.gather(8)) == [(75, 14, 6), (75, 20, 9)]
    assert some.gather(0).more


def test_a_record_that_is_larger_than_a_write_is_passed_with_its_last_part_only(log: SqliteLog) -> None:
    log.append(batch(3, T0_MS))
    log.append(batch(250, T0_MS + 1))

    gathered = gatherer(log, 100).gather(0)

    assert shown(gathered) == [(84, 1, 0), (84, 1, 0), (85, 2, 1)]
    assert seqs(gathered) == sorted([1, 2, 3, *range(1, 251)])


def test_before_the_first_record_has_ended_the_place_stays_where_it_was(log: SqliteLog) -> None:
    log.append(batch(3, T0_MS))
    log.append(batch(250, T0_MS + 1))

    assert shown(gatherer(log, 200).gather(1)) == [(125, 1, -T0_MS), (125, 2, 1)]


def test_quiet_seconds_are_a_part_without_lines(log: SqliteLog) -> None:
    log.tick(T0_MS)
    log.tick(T0_MS + 1000)
    some = gatherer(log, 100)

    assert shown(some.gather(0)) == [(0, 2, 1000)]
    assert shown(some.gather(2)) == []
    assert not some.gather(0).more


def test_as_many_records_are_read_at_once_as_about_two_writes_hold(log: SqliteLog) -> None:
    for n in range(300):
        log.append(batch(2, T0_MS + n))
    reader = CountingReader(log.path)
    some = Gatherer(reader, 100, "main", SteppedClock(T0_MS * 1_000_000))

    some.gather(0)
    some.gather(0)
    assert reader.asked[-1] == 100  # of 2 lines each
    log.append(batch(4000, T0_MS + 300))
    some.gather(300)
    some.gather(300)
    assert reader.asked[-1] == 1
    reader.close()


def test_a_night_of_quiet_seconds_is_read_by_thousands(log: SqliteLog) -> None:
    for n in range(200):
        log.tick(T0_MS + n)
    reader = CountingReader(log.path)
    some = Gatherer(reader, 100, "main", SteppedClock(T0_MS * 1_000_000))
    some.gather(0)
    some.gather(0)
    assert reader.asked[-1] == MOST_RECORDS
    reader.close()


async def test_a_large_registry_is_not_read_each_minute(log: SqliteLog) -> None:
    clock = SteppedClock(T0_MS * 1_000_000)
    reader = CountingReader(log.path)
    registry = Registry(reader, "", clock)
    some = Readings.of_rows([{"watch": 0, "kind": Kind.SOS}])
    for _ in range(3):
        registry.tags(some)
    assert reader.registry_reads == 1
    await clock.step_to(clock.now_ns() + 60 * 1_000_000_000)
    registry.tags(some)
    assert reader.registry_reads == 2
    reader.close()


def test_a_registry_of_several_pages_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "PAGE_WATCHES", 7)
    for count in (6, 7, 20, 21):
        (tmp_path / str(count)).mkdir()
        log = new_log(tmp_path / str(count), watches=count)
        registry = Registry(SqliteLogReader(log.path), "", SteppedClock(T0_MS * 1_000_000))
        tags = registry.tags(Readings.of_rows([{"watch": count - 1, "kind": Kind.SOS}]))
        assert tags.equals(tags_of(log.watches()))
        log.close()


def test_a_watch_met_since_is_looked_up_and_an_unknown_one_is_damage(log: SqliteLog) -> None:
    registry = Registry(SqliteLogReader(log.path), "", SteppedClock(T0_MS * 1_000_000))
    assert len(registry.tags(Readings.of_rows([{"watch": 8, "kind": Kind.SOS}]))) == 9
    log.put_watch(Watch(9, "W9", site="west"))
    assert registry.tags(Readings.of_rows([{"watch": 9, "kind": Kind.SOS}]))[9].as_py() == ",watch=W9,site=west "
    for unknown in (10, -1):
        with pytest.raises(LogDamagedError, match="the log's registry ends at 9"):
            registry.tags(Readings.of_rows([{"watch": unknown, "kind": Kind.SOS}]))
