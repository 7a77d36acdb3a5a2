"""The store: one writer, all or nothing, and a clear word when it cannot be opened."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.schema import CreateTable

from alerts.engine.contract import Person, SettingsDocument
from alerts.store.database import Store, StoreError, StoreOwnedElsewhereError, open_store
from alerts.store.places import Place, move_place, read_place
from alerts.store.settings_versions import add_version, all_versions, hold_back
from alerts.store.snapshots import Snapshot, keep_snapshot, newest_snapshots
from alerts.store.tables import audit, metadata, wearer


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/store.sqlite"


@pytest.fixture
def store(url) -> Store:
    store = open_store(url)
    yield store
    store.close()


def test_what_is_committed_is_there_for_the_next_process(url):
    store = open_store(url)
    with store.transaction() as connection:
        move_place(connection, Place(7, 70))
    code = (
        "from alerts.store.database import open_store\nfrom alerts.store.places import read_place\n"
        f"with open_store({url!r}, read_only=True).reading() as connection: print(read_place(connection).offset)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"7\n"
    store.close()


def test_an_exception_undoes_the_whole_transaction(store):
    def move_and_fail() -> None:
        with store.transaction() as connection:
            move_place(connection, Place(7, 70))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        move_and_fail()
    with store.reading() as connection:
        assert read_place(connection) == Place()


def test_a_second_writer_is_refused_and_told_who_writes(store, url):
    with pytest.raises(StoreOwnedElsewhereError, match=f"process {os.getpid()} writes this store"):
        open_store(url)
    store.close()
    open_store(url).close()


def test_others_may_look_while_one_writes(store, url):
    looking = open_store(url, read_only=True)
    with store.transaction() as connection:
        move_place(connection, Place(7, 70))
        with looking.reading() as other:
            assert read_place(other) == Place()
    with looking.reading() as other:
        assert read_place(other) == Place(7, 70)
    with pytest.raises(StoreError, match="reading only"), looking.transaction():
        pass
    looking.close()


def test_a_reader_cannot_write(store):
    with store.reading() as connection, pytest.raises(OperationalError, match="readonly"):
        move_place(connection, Place(7, 70))


def test_writers_in_threads_take_turns(store):
    def add(number: int) -> None:
        for offset in range(20):
            with store.transaction() as connection:
                found = read_place(connection, "counted")
                move_place(connection, Place(found.offset + 1, number * offset), "counted")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as connection:
        assert read_place(connection, "counted").offset == 80


def test_power_loss_is_survived_by_the_settings_of_the_file(store):
    with store.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_row_of_nobody_is_refused(store):
    with pytest.raises(IntegrityError), store.transaction() as connection:
        connection.execute(wearer.insert().values(watch_id="w1", resident_id=9, since_ns=1))


def test_a_store_of_a_newer_carewatch_is_left_alone(url, tmp_path):
    open_store(url).close()
    with sqlite3.connect(tmp_path / "store.sqlite") as raw:
        raw.execute("UPDATE schema_version SET version = 99")
    raw.close()
    with pytest.raises(StoreError, match="tables of version 99, this carewatch knows 1; a newer carewatch wrote it"):
        open_store(url)
    with pytest.raises(StoreError, match="version 99"):
        open_store(url, read_only=True)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("nonsense", "sqlite:///var/store.sqlite"),
        ("sqlite://", "name a file"),
        ("postgresql+psycopg://carewatch:secret@db/carewatch", "needs the Python package 'psycopg'"),
    ],
)
def test_a_url_that_cannot_be_opened_says_what_to_do(bad, said):
    with pytest.raises(StoreError, match=said) as caught:
        open_store(bad)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_says_so(tmp_path):
    (tmp_path / "store.sqlite").write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store(f"sqlite:///{tmp_path}/store.sqlite")


def test_looking_at_nothing_says_so(url):
    with pytest.raises(StoreError, match="no store there yet"):
        open_store(url, read_only=True)


def test_every_table_can_be_made_in_postgresql():
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=postgresql.dialect()))


def test_settings_come_back_as_they_were_kept(store):
    people = {3: Person({"hr_very_high": 125.0}, 22.5, 114.1, 150.0), 4: Person()}
    with store.transaction() as connection:
        kept = add_version(connection, SettingsDocument(0, 0, "rules", people=people), 12, 1)
    with store.reading() as connection:
        (found,) = all_versions(connection)
    assert (found.version, found.from_offset, found.rules_toml) == (1, 12, "rules")
    assert found.people[3] == people[3]
    assert repr(found) == repr(kept)


def test_a_version_made_while_records_were_judged_holds_after_them(store):
    with store.transaction() as connection:
        for rules in ("one", "two", "three"):
            add_version(connection, SettingsDocument(0, 0, rules), 5, 1)
        hold_back(connection, known_version=1, offset=9)
        assert [document.from_offset for document in all_versions(connection)] == [5, 9, 9]
        hold_back(connection, known_version=1, offset=3)
        assert [document.from_offset for document in all_versions(connection)] == [5, 9, 9]


def test_the_three_newest_snapshots_are_kept(store):
    with store.transaction() as connection:
        for offset in (10, 20, 30, 40):
            keep_snapshot(connection, Snapshot(offset, b"%d" % offset), 1)
        assert [each.offset for each in newest_snapshots(connection, 100)] == [40, 30, 20]
        assert next(newest_snapshots(connection, 35)) == Snapshot(30, b"30")


def test_a_long_look_does_not_keep_the_writer_waiting(store):
    with store.reading() as looking:
        looking.execute(select(audit)).all()
        with store.transaction() as connection:
            connection.execute(audit.insert().values(at_ns=1, what="x", detail={}))
        assert looking.execute(select(audit)).all() == []


def test_an_error_of_the_database_shows_no_name_and_no_number(store):
    with pytest.raises(IntegrityError) as caught, store.transaction() as connection:
        connection.execute(wearer.insert().values(watch_id="张三", resident_id=9, since_ns=1))
    assert "张三" not in str(caught.value)
