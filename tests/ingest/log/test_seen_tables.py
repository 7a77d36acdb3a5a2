"""What the duplicate filter keeps in a real log: read back, one with the records, and proof against kill -9."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest
from structlog.testing import capture_logs

from ingest.log import versions
from ingest.log.contract import Batch
from ingest.log.sqlite import SqliteLog
from ingest.log.tables import APPLICATION_ID
from ingest.normalise import seen_chunks, seen_columns
from ingest.normalise.seen_restore import keep_all, restored
from ingest.reading import Flag
from tests.ingest.log.seen_appender import WATCHES, Appender
from tests.ingest.normalise.plain_seen import PlainSeen
from tests.ingest.normalise.streams import Town
from tests.ingest.normalise.test_seen_plain import live_through, state_of, state_of_plain
from tests.ingest.normalise.test_seen_restore import table_holds_just_what_rows_do_not, whole_state

if TYPE_CHECKING:
    from ingest.normalise.seen import Seen

T0_MS = 1_780_000_000_000
REPOSITORY = Path(__file__).parents[3]


def batch_of(seen: Seen, readings) -> Batch:
    """As ingest/prepare.py makes it."""
    return Batch(
        readings, T0_MS, seen_runs=seen.runs(), seen_values=seen.values(), seen_forgotten=seen.forgotten(),
        seen_refused=seen.refused(), seen_chunks=seen.chunks(),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(seen_chunks, "SPAN", 4)
    monkeypatch.setattr("ingest.normalise.seen.SPAN", 4)
    monkeypatch.setattr(seen_chunks, "MOST_RECORDS", 10)
    monkeypatch.setattr(seen_columns, "MOST_SIDE_RANGES", 2)


def lived(path: Path, seed: int, batches: int = 30) -> tuple[SqliteLog, Seen]:
    rng = random.Random(seed)  # noqa: S311 - a stream of faults, no secret
    log, town, plain = SqliteLog(path), Town(rng, 9), PlainSeen()
    seen = restored(log, 0)
    for _ in range(batches):
        judged = live_through(town, seen, plain, rng, Counter(), rng.choice([1, 30, 60]))
        log.append(batch_of(seen, judged.readings.take(judged.judgement.is_new)))
        seen.commit()
        plain.commit()
        assert state_of(seen, plain) == state_of_plain(plain)
        table_holds_just_what_rows_do_not(log, seen)
        if rng.random() < 0.2:
            log.tick(T0_MS)
    return log, seen


@pytest.mark.parametrize("seed", range(5))
def test_a_restart_upon_the_file_finds_everything(tmp_path, seed):
    log, seen = lived(tmp_path / "log.sqlite", seed)
    before = whole_state(seen)
    log.close()
    again = SqliteLog(tmp_path / "log.sqlite")
    assert whole_state(restored(again, 0)) == before
    assert {chunk.at_offset for chunk in again.seen_chunks()} == {again.end()}
    again.close()


def test_pruning_leaves_what_a_restart_reads(tmp_path):
    log, seen = lived(tmp_path / "log.sqlite", 7)
    before = whole_state(seen)
    oldest = min(chunk.at_offset for chunk in log.seen_chunks() if chunk.span > 1)
    log.prune(T0_MS + 10**9)
    assert log.start() == oldest + 1
    assert whole_state(restored(log, 0)) == before
    assert [offset for offset, _ in log.seen_refused(0) if offset <= oldest] == []
    log.close()


def test_an_orderly_end_leaves_nothing_to_fold(tmp_path):
    log, seen = lived(tmp_path / "log.sqlite", 8)
    keep_all(log, seen)
    with capture_logs() as told:
        restored(log, 0)
    [line] = [line for line in told if line["event"] == "seen_restored"]
    assert (line["records"], line["readings"]) == (0, 0)
    log.close()


def test_a_full_disk_at_the_end_is_told_and_the_next_start_folds_more(tmp_path, monkeypatch):
    log, seen = lived(tmp_path / "log.sqlite", 9)
    before = whole_state(seen)

    def full(*_):
        raise apsw.FullError("database or disk is full")

    with monkeypatch.context() as broken, capture_logs() as told:
        broken.setattr("ingest.log.sqlite.put_chunks", full)
        assert keep_all(log, seen) is None
    assert told[0]["event"] == "seen_state_not_kept"
    assert "the next start takes longer" in told[0]["remedy"]
    assert whole_state(restored(log, 0)) == before
    log.close()


def test_a_flipped_bit_in_a_chunk_is_told_and_duplicates_stay_duplicates(tmp_path):
    path = tmp_path / "log.sqlite"
    log, seen = lived(path, 10)
    before = whole_state(seen)
    log.close()
    with apsw.Connection(str(path)) as hurt:
        [(rowid, body)] = hurt.execute("SELECT rowid, body FROM seen_chunk WHERE span > 1 ORDER BY rowid LIMIT 1")
        flipped = bytearray(body)
        flipped[len(flipped) // 2] ^= 16
        hurt.execute("UPDATE seen_chunk SET body = ? WHERE rowid = ?", (bytes(flipped), rowid))
    hurt.close()
    again = SqliteLog(path)
    with capture_logs() as told:
        assert whole_state(restored(again, 0)) == before
    assert [line["records_from"] for line in told if line["event"] == "seen_state_damaged"] == [1]
    again.close()


def test_where_the_records_are_pruned_a_damaged_chunk_is_told_with_what_that_means(tmp_path):
    path = tmp_path / "log.sqlite"
    log, _ = lived(path, 11)
    log.prune(T0_MS + 10**9)
    log.close()
    with apsw.Connection(str(path)) as hurt:
        hurt.execute("UPDATE seen_chunk SET checksum = checksum + 1 WHERE span > 1")
    hurt.close()
    again = SqliteLog(path)
    with capture_logs() as told:
        restored(again, 0)
    damaged = [line for line in told if line["event"] == "seen_state_damaged"]
    assert damaged
    assert all("taken twice" in line["remedy"] and "backup" in line["remedy"] for line in damaged)
    again.close()


def test_a_log_of_file_version_1_opens_and_its_runs_are_the_first_state(tmp_path):
    path = tmp_path / "log.sqlite"
    runs = (7, 0, 9, 100, 110), (8, 0, 3, 200, 210), (8, 1, 1, 300, 310)
    with closing(apsw.Connection(str(path))) as old:
        old.pragma("journal_mode", "wal")
        versions.STEPS[0](old)
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1")
        for boot, generation, through, newest, touched in runs:
            row = (0, boot, generation, through, b"", newest, touched, b"")
            old.execute("INSERT INTO seen_run VALUES(?, ?, ?, ?, ?, ?, ?, ?)", row)
        old.execute("INSERT INTO seen_run VALUES(1, 5, 0, 4, ?, 50, 60, ?)", (b"\6" + bytes(7) + b"\6" + bytes(7), b""))
    for _ in range(2):
        log = SqliteLog(path)
        seen = restored(log, 0)
        assert [seen.newest_generation(0, boot) for boot in (7, 8, 9)] == [0, 1, None]
        assert list(seen.committed_run(0, 7, 0).committed) == [(1, 9)]
        assert list(seen.committed_run(1, 5, 0).committed) == [(1, 4), (6, 6)]
        assert {(run.watch, run.boot) for run in log.seen_runs()} == {(0, 7), (0, 8)}
        log.close()


@pytest.mark.slow
def test_after_kill_9_everything_that_was_committed_is_known_and_nothing_else(tmp_path):
    chance = random.Random(5)  # noqa: S311 - how many commits before each kill
    for _ in range(10):
        command = [sys.executable, "-m", "tests.ingest.log.seen_appender", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(3, 60)):
                assert process.stdout.readline(), "the appending process ended by itself"
            process.kill()
            process.stdout.read()
        appender = Appender(tmp_path)
        again = appender.same_again()
        assert len(again) > WATCHES
        assert not appender.seen.judge(again).is_new.any()
        appender.seen.rollback()
        flags = appender.seen.judge(appender.following()).flags
        assert not (flags & int(Flag.SEQ_RESET | Flag.SEQ_JUMP | Flag.TWO_SENDERS)).any()
        appender.log.close()
