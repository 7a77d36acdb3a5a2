"""What an operator reads when something is wrong with the reading log."""

from __future__ import annotations

import os
from contextlib import closing

import apsw

from carewatch.clock import NS_PER_S
from carewatch.doctor import Verdict
from carewatch.doctor.reading_log import lock_owner
from carewatch.status import RoleStatus, write_status
from ingest.log.sqlite import SqliteLog
from tests.carewatch.doctor_reads import installation, said_of

NOW_NS = 1_790_000_000 * NS_PER_S
GOOD, WARNING, BAD = Verdict.GOOD, Verdict.WARNING, Verdict.BAD


async def test_a_log_that_another_process_writes_is_read_and_its_owner_named(tmp_path):
    settings = installation(tmp_path)
    log = SqliteLog(settings.log.path)
    log.tick(1_000)
    verdicts, text = await said_of(settings, "reading log")
    log.close()
    assert verdicts == [GOOD, GOOD]
    assert "holds 1 records" in text
    assert f"process {os.getpid()} writes it" in text


async def test_looking_takes_no_lock(tmp_path):
    settings = installation(tmp_path)
    SqliteLog(settings.log.path).close()
    _, text = await said_of(settings, "reading log")
    assert "no process writes it now" in text
    assert lock_owner(tmp_path / "nothing.lock") is None


async def test_an_owner_that_hangs_is_named_with_the_remedy(tmp_path, monkeypatch):
    settings = installation(tmp_path)
    write_status(tmp_path / "ingest.status.json", RoleStatus("ingest", os.getpid()))
    monkeypatch.setattr("carewatch.status.STALE_S", -1.0)
    log = SqliteLog(settings.log.path)
    verdicts, text = await said_of(settings, "reading log")
    log.close()
    assert BAD in verdicts
    assert f"kill {os.getpid()}" in text


async def test_a_file_that_is_no_log(tmp_path):
    settings = installation(tmp_path)
    settings.log.path.write_bytes(b"this is no database" * 100)
    verdicts, _ = await said_of(settings, "reading log")
    assert verdicts == [BAD]


async def test_a_log_of_an_older_carewatch_is_for_ingest_to_bring_up_and_wants_no_backup_put_back(tmp_path):
    settings = installation(tmp_path)
    SqliteLog(settings.log.path).close()
    with closing(apsw.Connection(str(settings.log.path))) as older:
        older.execute("PRAGMA user_version = 1")
    verdicts, text = await said_of(settings, "reading log")
    assert verdicts == [WARNING]
    assert "ingest brings it up when it starts" in text
    assert "put back" not in text


async def test_a_consumer_that_stands_still_holds_pruning_up(tmp_path):
    settings = installation(tmp_path)
    log = SqliteLog(settings.log.path)
    log.tick(1_000)
    log.keep_place("influx", 1)
    for day in range(1, 10):
        log.tick(day * 86_400_000)
    verdicts, text = await said_of(settings, "reading log")
    log.close()
    assert WARNING in verdicts
    assert "influx has 9 records before it, 8 days" in text


# the store
