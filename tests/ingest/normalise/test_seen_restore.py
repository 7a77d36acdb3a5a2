"""After a restart the duplicate filter is what it was at the last commit, wherever the crash came."""

import random
from collections import Counter

import numpy as np
import pytest
from structlog.testing import capture_logs

from ingest.log.contract import LogError
from ingest.normalise import seen_chunks, seen_columns, seen_open, seen_restore
from ingest.normalise.seen_kept import SeenChunk
from tests.ingest.normalise import plain_seen
from tests.ingest.normalise.kept import KeptLog
from tests.ingest.normalise.plain_seen import PlainSeen
from tests.ingest.normalise.streams import T0, Town
from tests.ingest.normalise.test_seen_plain import live_through, readings_of, state_of, state_of_plain


@pytest.fixture(params=["small", "as it is"])
def sizes(request, monkeypatch):
    """Small: chunks of four watches, kept in turn every ten records; storms of three boots and six ranges."""
    if request.param == "small":
        monkeypatch.setattr(seen_chunks, "SPAN", 4)
        monkeypatch.setattr("ingest.normalise.seen.SPAN", 4)
        monkeypatch.setattr(seen_chunks, "MOST_RECORDS", 10)
        for module in (plain_seen, seen_open):
            monkeypatch.setattr(module, "MOST_BOOTS", 3)
            monkeypatch.setattr(module, "MOST_GENERATIONS", 4)
        monkeypatch.setattr(plain_seen, "MOST_RANGES", 6)
        monkeypatch.setattr("ingest.normalise.boot_run.MOST_RANGES", 6)
        monkeypatch.setattr(seen_columns, "MOST_SIDE_RANGES", 2)
    return request.param


def whole_state(seen):
    """Every row that says something, bit for bit, and what stands beside it."""
    rows, sides = seen.rows_of(0, len(seen.lost_by_watch()))
    told = np.flatnonzero(rows["bits"] | (rows["older"] > 0))
    return {int(watch): rows[watch].item() for watch in told}, sides


def table_holds_just_what_rows_do_not(log, seen):
    for watch, row in whole_state(seen)[0].items():
        boots = log.seen_boots_of(watch)
        spilled = bool(row[seen_columns.BITS] & seen_columns.SPILLED)
        assert len(boots) == row[seen_columns.OLDER] + spilled
        assert spilled == (row[seen_columns.BOOT] in boots)


def outcome_of(rng):
    return rng.choice(["kept"] * 8 + ["log refuses", "crash before commit", "crash after commit", "orderly close"])


def lived(seed, met, batches=25, watches=9):
    """Both filters through batches, failures and restarts; returns the log and the filter."""
    rng = random.Random(seed)  # noqa: S311 - a stream of faults, no secret
    town, log, plain = Town(rng, watches), KeptLog(), PlainSeen()
    seen = log.restarted()
    for _ in range(batches):
        judged = live_through(town, seen, plain, rng, met, rng.choice([1, 4, 30, 90]))
        outcome = outcome_of(rng)
        met[outcome] += 1
        if outcome == "log refuses":
            seen.rollback()
            plain.rollback()
        elif outcome == "crash before commit":
            seen = log.restarted()
            plain.rollback()
        else:
            log.append(judged.readings.take(judged.judgement.is_new), seen)
            seen.commit()
            plain.commit()
            table_holds_just_what_rows_do_not(log, seen)
            if outcome == "orderly close":
                log.keep_seen(seen.all_chunks())
            if outcome != "kept":
                before = whole_state(seen)
                seen = log.restarted()
                assert whole_state(seen) == before
        assert state_of(seen, plain) == state_of_plain(plain)
    met.update("alone" if chunk.span == 1 else "whole" for chunk in log.chunks.values())
    return log, seen


def test_a_restart_knows_everything_bit_for_bit(sizes):
    met = Counter()
    for seed in range(30):
        lived(seed, met)
    assert set(met) >= {"crash after commit", "crash before commit", "log refuses", "alone", "whole", "SEQ_RESET"}
    if sizes == "small":
        assert met["BOOT_STORM"]
        assert met["whole"] == 3 * 30


def test_a_restart_reads_no_record_from_before_the_oldest_chunk(sizes, monkeypatch):
    log, seen = lived(3, Counter())
    oldest = min(chunk.at_offset for chunk in log.chunks.values() if chunk.span > 1)
    read = []
    monkeypatch.setattr(log, "read", lambda after, limit=256: read.append(after) or log.records[after : after + limit])
    assert whole_state(log.restarted()) == whole_state(seen)
    assert min(read) >= oldest


def test_chunks_go_round_so_that_the_tail_stays_short(monkeypatch):
    monkeypatch.setattr(seen_chunks, "SPAN", 4)
    monkeypatch.setattr("ingest.normalise.seen.SPAN", 4)
    monkeypatch.setattr(seen_chunks, "MOST_RECORDS", 50)
    rng = random.Random(1)  # noqa: S311 - as above
    town, log, plain = Town(rng, 30), KeptLog(), PlainSeen()
    seen = log.restarted()
    longest = 0
    for _ in range(400):
        judged = live_through(town, seen, plain, rng, Counter(), 30)
        log.append(judged.readings.take(judged.judgement.is_new), seen)
        seen.commit()
        plain.commit()
        oldest = min(chunk.at_offset for chunk in log.chunks.values() if chunk.span > 1)
        longest = max(longest, log.end() - oldest)
    assert 45 < longest <= 60


def test_where_no_watch_counts_its_readings_a_restart_reads_no_more_than_elsewhere(monkeypatch):
    monkeypatch.setattr(seen_chunks, "MOST_RECORDS", 10)
    log = KeptLog()
    seen = log.restarted()
    for minute in range(50):
        row = (0, -1, -1, -1, 0, minute * 60_000, minute * 60_000, minute * 60_000)
        readings = readings_of([row])
        assert seen.judge(readings).is_new.all()
        log.append(readings, seen)
        seen.commit()
    [chunk] = log.chunks.values()
    assert chunk.at_offset > 35
    assert not log.restarted().judge(readings).is_new.any()


def test_a_start_with_less_room_in_a_row_than_before_loses_nothing(monkeypatch):
    log = KeptLog()
    seen = log.restarted()
    for seq in (1, 3, 5, 7, 9):
        readings = readings_of([(0, 7, seq, 1, 0, T0 + seq, T0 + seq, T0 + seq)])
        seen.judge(readings)
        log.append(readings, seen)
        seen.commit()
    monkeypatch.setattr(seen_columns, "MOST_SIDE_RANGES", 1)
    again = log.restarted()
    for filter_ in (again, log.restarted()):
        assert list(filter_.committed_run(0, 7, 0).committed) == [(n, n) for n in (1, 3, 5, 7, 9)]
        assert not filter_.judge(readings).is_new.any()
        filter_.rollback()


def test_a_batch_of_resends_alone_is_not_committed_and_takes_no_chunk_along(monkeypatch):
    monkeypatch.setattr(seen_chunks, "MOST_RECORDS", 4)
    log = KeptLog()
    seen = log.restarted()
    for seq in (1, 2, 3, 4, 5):
        readings = readings_of([(0, 7, seq, 1, 0, T0 + seq, T0 + seq, T0 + seq)])
        assert seen.judge(readings).is_new.all()
        log.append(readings, seen)
        seen.commit()
        if seq == 4:  # now a chunk is due, with the next commit
            assert not seen.judge(readings).is_new.any()
            assert len(seen.chunks()) == 1
            seen.commit()
    [chunk] = log.chunks.values()
    assert chunk.at_offset == 4


def test_where_a_start_cannot_keep_the_state_the_next_commits_catch_up(monkeypatch):
    monkeypatch.setattr(seen_chunks, "MOST_RECORDS", 10)
    log = KeptLog()

    def commit(seen, seq):
        readings = readings_of([(0, 7, seq, 1, 0, T0 + seq, T0 + seq, T0 + seq)])
        seen.judge(readings)
        log.append(readings, seen)
        seen.commit()

    def full(*_):
        raise LogError("no room")

    seen = log.restarted()
    for seq in range(1, 10):
        commit(seen, seq)
    monkeypatch.setattr(log, "keep_seen", full)
    seen = log.restarted()
    for seq in range(10, 14):
        commit(seen, seq)
    [chunk] = log.chunks.values()
    assert chunk.at_offset >= 9


@pytest.mark.parametrize("which", ["whole", "alone"])
def test_a_chunk_that_the_disk_changed_is_told_and_known_again_from_the_records(sizes, which, monkeypatch):
    if sizes == "small":  # in a storm of boots, which of them is forgotten goes by commits
        monkeypatch.setattr(seen_restore, "FOLD_ROWS", 1)
    done = 0
    for seed in range(8):
        log, seen = lived(seed, Counter())
        keys = [key for key in log.chunks if (key[1] == 1) == (which == "alone")]
        if not keys:
            continue
        done += 1
        before = whole_state(seen)
        hurt = log.chunks[keys[0]]
        log.chunks[keys[0]] = SeenChunk(hurt.first_watch, hurt.span, b"", 0, hurt.at_offset, is_whole=False)
        with capture_logs() as told:
            again = log.restarted()
        assert whole_state(again) == before
        [line] = [line for line in told if line["event"] == "seen_state_damaged"]
        assert "check the disk" in line["remedy"]
        assert whole_state(log.restarted()) == before
    assert done > 2
