"""What is SQLite's own about the log: its file, full and failing disks, merged rows, readers beside the owner."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import apsw
import pytest

from ingest.log import sqlite
from ingest.log.contract import LogDamagedError, LogError, Quarantined
from ingest.log.record import merge
from ingest.log.sqlite import SqliteLog
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.log.versions import FILE_VERSION
from tests.ingest.log.batches import T0_MS, batch, bits, offsets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "readings.sqlite"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(path)
    yield opened
    opened.close()


def change(path: Path, sql: str, *values: object) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql, values)
    connection.close()


def test_the_file_is_durable_and_fit_for_readers(log: SqliteLog) -> None:
    pragma = log._writing.pragma
    assert (pragma("journal_mode"), pragma("synchronous"), pragma("auto_vacuum")) == ("wal", 2, 2)
    with pytest.raises(apsw.ReadOnlyError):
        log._reading.execute("DELETE FROM record")


def test_a_reader_before_ingest_is_told_who_makes_the_log(path: Path) -> None:
    with pytest.raises(LogError, match="there is no log; ingest makes it"):
        SqliteLogReader(path)


def test_a_log_of_a_newer_version_is_refused_with_the_remedy_and_can_be_opened_by_its_own(path: Path) -> None:
    SqliteLog(path).close()
    change(path, f"PRAGMA user_version = {FILE_VERSION + 1}")

    for opener in (SqliteLog, SqliteLogReader):
        with pytest.raises(LogError, match="use the carewatch that wrote it"):
            opener(path)
    change(path, f"PRAGMA user_version = {FILE_VERSION}")
    SqliteLog(path).close()


@pytest.mark.parametrize("content", [b"", b"time,bpm\n" * 1000])
def test_a_file_that_is_no_log_is_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(LogError, match=r"no reading log|not a database"):
        SqliteLog(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    change(path, "CREATE TABLE contacts(name)")

    with pytest.raises(LogError, match="no reading log of carewatch"):
        SqliteLog(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")

    with pytest.raises(LogError, match=r"var: cannot be made"):
        SqliteLog(tmp_path / "var" / "readings.sqlite")


def test_a_crash_while_the_file_was_made_is_made_good(path: Path) -> None:
    path.parent.mkdir()
    path.with_name(path.name + ".new").write_bytes(b"half")

    log = SqliteLog(path)
    assert log.append(batch()) == 1
    log.close()


def test_a_log_whose_main_file_was_removed_alone_is_not_begun_anew_over_its_rest(path: Path) -> None:
    log = SqliteLog(path)
    log.append(batch())
    path.rename(path.with_name("moved"))
    log._owner.release()

    with pytest.raises(LogError, match=r"is gone, but its newest part readings.sqlite-wal is there"):
        SqliteLog(path)
    path.with_name("moved").rename(path)
    log.close()
    again = SqliteLog(path)
    assert again.verify() == 1
    again.close()


def test_a_full_disk_refuses_the_batch_keeps_nothing_of_it_and_takes_it_later(log: SqliteLog) -> None:
    log.append(batch(10))
    log._writing.pragma("max_page_count", log._writing.pragma("page_count") + 2)

    for _ in range(2):
        with pytest.raises(LogError, match=r"no room to commit record 2.*free space"):
            log.append(batch(20_000, T0_MS + 1))
    assert (log.end(), log.verify(), offsets(log.read(0))) == (1, 1, [1])

    log._writing.pragma("max_page_count", 1_000_000)
    assert log.append(batch(20_000, T0_MS + 1)) == 2


def test_a_damaged_record_is_named_and_the_good_ones_before_it_are_read(log: SqliteLog, path: Path) -> None:
    for n in range(3):
        log.append(batch(20, T0_MS + n))
    (body,) = next(log._reading.execute("SELECT body FROM record WHERE last_offset = 2"))
    middle = len(body) // 2
    change(path, "UPDATE record SET body = ? WHERE last_offset = 2", body[:middle] + b"\x7f" + body[middle + 1 :])

    assert offsets(log.read(0)) == [1]
    for damaged in (lambda: log.read(1), log.verify):
        with pytest.raises(LogDamagedError, match=r"record 2\.\.2: its checksum does not fit"):
            damaged()
    assert offsets(log.read(2)) == [3]


def test_a_missing_record_is_noticed(log: SqliteLog, path: Path) -> None:
    for _ in range(4):
        log.tick(T0_MS)
    change(path, "DELETE FROM record WHERE last_offset IN (2, 3)")

    with pytest.raises(LogDamagedError, match=r"records 2\.\.3 are missing"):
        log.verify()


def test_a_merged_row_reads_verifies_and_prunes_as_its_records_did(log: SqliteLog, path: Path) -> None:
    for n in range(30):
        log.append(batch(5, T0_MS + n, seed=n)) if n % 3 else log.tick(T0_MS + n)
    before = log.read(0)
    row = merge(log._rows(4, 20)[:20])  # offsets 5 to 24
    change(path, "DELETE FROM record WHERE last_offset BETWEEN 5 AND 24")
    fields = (row.last_offset, row.first_offset, row.last_log_time_ms, row.rows, row.schema_version, row.codec)
    change(path, tables_insert(), *fields, row.checksum, row.parts, row.body)

    for after, limit in ((0, 99), (0, 7), (4, 1), (10, 5), (23, 3), (24, 99)):
        got = log.read(after, limit)
        assert offsets(got) == list(range(after + 1, min(after + limit, 30) + 1))
        for record in got:
            assert bits(record.readings) == bits(before[record.offset - 1].readings)
    assert [log.offset_before(T0_MS + n) for n in range(31)] == list(range(31))
    assert (log.start(), log.end(), log.verify()) == (1, 30, 30)
    assert log.prune(T0_MS + 10) == 4  # the merged row holds newer ones, so it stays whole
    assert log.prune(T0_MS + 25) == 21
    assert log.tick(T0_MS + 99) == 31


def tables_insert() -> str:
    return "INSERT INTO record VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"


def test_pruning_gives_the_disk_back_and_forgets_old_quarantine(log: SqliteLog, path: Path, monkeypatch) -> None:
    old, new = (Quarantined("t", T0_MS + at, "not_json", "", b"x") for at in (98, 99))
    log.append(batch(quarantined=[old, new]))
    for n in range(39):
        log.append(batch(5000, T0_MS + n))
    list(log._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    before = path.stat().st_size

    monkeypatch.setattr(sqlite, "PRUNE_ROWS", 7)
    monkeypatch.setattr(sqlite, "VACUUM_PAGES", 50)
    assert log.prune(T0_MS + 99) == 39
    assert list(log.quarantine()) == [new]
    list(log._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)"))

    assert path.stat().st_size < before / 2


def test_a_reader_beside_a_busy_owner_meets_every_record_once_in_order(log: SqliteLog, path: Path) -> None:
    reader = SqliteLogReader(path)
    writing = threading.Thread(target=lambda: [log.append(batch(50, T0_MS + n)) for n in range(200)])
    writing.start()
    met: list[int] = []
    while len(met) < 200:
        met += offsets(reader.read(met[-1] if met else 0))
    writing.join()

    assert met == list(range(1, 201))
    reader.close()


def test_several_threads_may_append_and_read_one_log(log: SqliteLog) -> None:
    given: list[int] = []
    threads = [
        threading.Thread(target=lambda: given.extend(log.append(batch(5)) for _ in range(50) if log.end() >= 0))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(given) == list(range(1, 201))


def test_closing_twice_is_harmless(path: Path) -> None:
    log = SqliteLog(path)
    log.close()
    log.close()


@pytest.mark.parametrize("name", ["", "../alerts", "Alerts", "a" * 33])
def test_a_consumers_name_that_is_no_file_name_is_refused(log: SqliteLog, name: str) -> None:
    with pytest.raises(ValueError, match="a letter first"):
        log.keep_place(name, 1)


def test_a_place_that_holds_no_offset_is_said_with_the_remedy(log: SqliteLog, path: Path) -> None:
    path.with_name(path.name + ".place.influx").write_text("seven")

    with pytest.raises(LogDamagedError, match="Delete it and influx begins at the oldest record kept"):
        log.place("influx")


def test_a_place_that_cannot_be_kept_leaves_the_old_one(log: SqliteLog, path: Path) -> None:
    log.tick(T0_MS)
    log.keep_place("influx", 1)
    path.with_name(path.name + ".place.influx.new").mkdir()

    with pytest.raises(LogError, match="cannot keep place 2"):
        log.keep_place("influx", 2)
    assert log.place("influx") == 1
