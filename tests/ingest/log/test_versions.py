"""A log that an older carewatch wrote: its owner brings it up in one transaction, and nothing of it changes."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from ingest.log import versions
from ingest.log.contract import LogError, LogOutdatedError
from ingest.log.follow import wait_for_log
from ingest.log.record import pack
from ingest.log.sqlite import SqliteLog
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.log.tables import APPLICATION_ID
from ingest.log.versions import FILE_VERSION, bring_up
from tests.ingest.log.batches import T0_MS, batch, bits
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.log.contract import Record


def old_log(path: Path, version: int = 1) -> list[Record]:
    """A file as that version made it, with three records, a watch, and something in quarantine."""
    with closing(SqliteLog(path.with_name("source"))) as source:
        for n in range(3):
            source.append(batch(5, T0_MS + n, seed=n))
        records = list(source.read(0))
    with closing(apsw.Connection(str(path))) as old:
        list(old.execute("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL"))
        for step in versions.STEPS[:version]:
            step(old)
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}")
        for record in records:
            row = pack(record)
            fields = (row.last_offset, row.first_offset, row.last_log_time_ms, row.rows, row.schema_version, row.codec)
            old.execute(
                "INSERT INTO record VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", (*fields, row.checksum, row.parts, row.body)
            )
        old.execute("INSERT INTO watch VALUES(0, 'W1', '', '', 0, 0)")
        old.execute("INSERT INTO quarantine VALUES(NULL, 1, 't', ?, 'not_json', '', x'00', NULL)", (T0_MS,))
    return records


def shape(path: Path) -> list[tuple[str, ...]]:
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as opened:
        return sorted(opened.execute("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"))


@pytest.mark.parametrize("version", range(1, FILE_VERSION))
def test_an_older_log_is_brought_up_and_reads_as_before(tmp_path: Path, version: int) -> None:
    path = tmp_path / "log.sqlite"
    records = old_log(path, version)

    with closing(SqliteLog(path)) as log:
        assert log.verify() == 3
        for one, other in zip(log.read(0), records, strict=True):
            assert (one.offset, one.log_time_ms, bits(one.readings)) == (
                other.offset,
                other.log_time_ms,
                bits(other.readings),
            )
        assert [watch.watch_id for watch in log.watches()] == ["W1"]
        assert len(list(log.quarantine())) == 1
        assert log.append(batch()) == 4
    assert shape(path) == shape(path.with_name("source"))


def test_a_step_that_fails_leaves_the_older_log_as_it_was(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "log.sqlite"
    old_log(path)
    before = shape(path)

    def half(writing: apsw.Connection) -> None:
        writing.execute("CREATE TABLE half(a)")
        raise apsw.FullError("disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(versions, "STEPS", (*versions.STEPS[:1], half))
        with pytest.raises(LogError, match=rf"no room to bring it from version 1 to {FILE_VERSION}"):
            SqliteLog(path)
    assert shape(path) == before
    with closing(SqliteLog(path)) as log:
        assert log.verify() == 3


def test_a_reader_of_an_older_log_is_told_who_brings_it_up(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    old_log(path)

    with pytest.raises(LogOutdatedError, match="ingest brings it up when it starts"):
        SqliteLogReader(path)


async def test_who_waits_for_the_log_waits_until_an_older_one_is_brought_up(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "log.sqlite"
    old_log(path)
    monkeypatch.setattr("ingest.log.follow.OUTDATED_POLL_S", 0.01)
    looks: list[Path] = []

    def look(at: Path) -> SqliteLogReader:
        looks.append(at)
        return SqliteLogReader(at)

    monkeypatch.setattr("ingest.log.follow.SqliteLogReader", look)
    waiting = asyncio.create_task(wait_for_log(path, poll_s=0.01))
    await eventually(lambda: len(looks) > 1)

    with closing(SqliteLog(path)):
        reader = await asyncio.wait_for(waiting, 10)
        assert reader.end() == 3
        reader.close()


def test_a_new_file_is_bringing_up_an_empty_one(tmp_path: Path) -> None:
    with closing(apsw.Connection(str(tmp_path / "empty"))) as empty:
        bring_up(empty, 0)
    with closing(SqliteLog(tmp_path / "new")):
        pass

    assert shape(tmp_path / "empty") == shape(tmp_path / "new")
