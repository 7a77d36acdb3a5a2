"""A damaged record stops who reads the log until a person restores it or sets it aside."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import msgspec
import pytest

from carewatch.cli import main
from ingest.log.contract import LogDamagedError, LogError, RecordKind
from ingest.log.record import Row, merge, row_fields, unpack
from ingest.log.sqlite import SqliteLog
from tests.ingest.log.batches import T0_MS, batch, bits, offsets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "readings.sqlite")
    for n in range(6):
        opened.append(batch(4, T0_MS + n, seed=n))
    yield opened
    opened.close()


def damage(path: Path, last_offset: int, what: str = "checksum = checksum + 1") -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(f"UPDATE record SET {what} WHERE last_offset = ?", (last_offset,))  # noqa: S608 - our own words


def test_readers_go_on_behind_a_record_that_was_set_aside_and_its_bytes_are_kept(log: SqliteLog) -> None:
    wanted = bits(log.read(2, 1)[0].readings)
    damage(log.path, 3)
    with pytest.raises(LogDamagedError, match="`carewatch log set-aside` lets the readers pass it"):
        log.read(2)

    done = log.set_aside_damaged(3)

    assert (done.first_offset, done.last_offset) == (3, 3)
    empty = log.read(2)[0]
    assert (empty.kind, empty.deaf, len(empty.readings), empty.log_time_ms) == (RecordKind.TICK, True, 0, T0_MS + 1)
    assert offsets(list(log.read(0))) == [1, 2, 3, 4, 5, 6]
    assert log.verify() == 6
    last, *fields = msgspec.msgpack.decode(done.file.read_bytes())
    fields[5] -= 1  # the checksum that was damaged
    assert bits(unpack(Row(last, *fields))[0].readings) == wanted


def test_a_merged_row_is_set_aside_whole_and_offsets_have_no_hole(log: SqliteLog) -> None:
    rows = log.rows(2, 5)
    log.exchange(rows, merge(rows))
    damage(log.path, 5, "body = zeroblob(40)")
    assert offsets(list(log.read(0))) == [1]

    done = log.set_aside_damaged(4)

    assert (done.first_offset, done.last_offset) == (2, 5)
    assert [record.kind for record in log.read(0)] == [1, 2, 2, 2, 2, 1]
    assert log.verify() == 6


def test_a_damaged_beginning_is_taken_from_the_record_before(log: SqliteLog) -> None:
    damage(log.path, 3, "first_offset = 1")

    assert log.set_aside_damaged(3)[:2] == (3, 3)
    assert log.verify() == 6


@pytest.mark.parametrize(("offset", "told"), [(3, r"record 3\.\.3 is whole"), (99, "there is no record 99")])
def test_what_is_whole_or_not_there_is_not_set_aside(log: SqliteLog, offset: int, told: str) -> None:
    with pytest.raises(LogError, match=told):
        log.set_aside_damaged(offset)
    assert log.verify() == 6


def test_a_file_that_cannot_be_written_leaves_the_log_as_it_was(log: SqliteLog, monkeypatch) -> None:
    damage(log.path, 3)
    before = [row_fields(row) for row in log.rows(1, 6)]

    def refused(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("ingest.log.set_aside.os.fsync", refused)
        with pytest.raises(LogError, match="the log is as it was"):
            log.set_aside_damaged(3)
    assert [row_fields(row) for row in log.rows(1, 6)] == before
    assert len(msgspec.msgpack.decode(log.set_aside_damaged(3).file.read_bytes())) == len(before[0])


def test_the_commands_say_what_was_done(log: SqliteLog, monkeypatch, capsys) -> None:
    damage(log.path, 3)
    log.close()
    monkeypatch.setenv("CAREWATCH_LOG__PATH", str(log.path))

    for words, told in ((["set-aside", "3"], "records 3..3 are empty now"), (["verify"], "3..3 were set aside")):
        monkeypatch.setattr("sys.argv", ["carewatch", "log", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code in (0, None)
        assert told in capsys.readouterr().out
