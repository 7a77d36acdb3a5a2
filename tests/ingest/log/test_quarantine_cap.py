"""A watch that sends nonsense without end does not fill the disk: what is beyond its bound is counted and said."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from ingest.log.contract import Batch, Quarantined, QuarantineQuery
from ingest.log.quarantine_cap import DAY_MS, ENTRY_BYTES, QuarantineCap
from ingest.log.sqlite import SqliteLog
from ingest.reading import Readings
from tests.ingest.log.batches import T0_MS

if TYPE_CHECKING:
    from pathlib import Path

KB = 1000
NOON_MS = T0_MS // DAY_MS * DAY_MS + DAY_MS // 2


def bad(watch: str | None, count: int = 1, time_ms: int = NOON_MS) -> Batch:
    payload = b"x" * (KB - ENTRY_BYTES - len("t0"))
    entries = [Quarantined("t", time_ms, "not_json", str(n), payload, watch) for n in range(count)]
    return Batch(Readings.empty(), time_ms, quarantined=entries)


def capped(path: Path, total: int, a_watch: int) -> SqliteLog:
    log = SqliteLog(path)
    log.cap = QuarantineCap(total * KB, a_watch * KB)
    log.cap.count(log._writing, log.log_time_ms)
    return log


def held(log: SqliteLog) -> list[str | None]:
    return [entry.watch_id for entry in log.quarantine(QuarantineQuery(newest=1000))]


def test_a_watch_keeps_its_day_and_what_is_beyond_is_counted_and_said_once(tmp_path: Path, capsys) -> None:
    with closing(capped(tmp_path / "log", 100, 3)) as log:
        for _ in range(3):
            log.append(bad("W1", 2))
        log.append(bad("W2", 2))

        assert (held(log).count("W1"), held(log).count("W2"), log.cap.over) == (3, 2, 3)
        said = capsys.readouterr()
        assert (said.out + said.err).count("quarantine_full") == 1


def test_the_next_day_begins_anew(tmp_path: Path) -> None:
    with closing(capped(tmp_path / "log", 100, 2)) as log:
        log.append(bad("W1", 5))
        log.append(bad("W1", 5, NOON_MS + DAY_MS))
        log.append(bad("W1", 5, NOON_MS + DAY_MS + 1))

        assert len(held(log)) == 4


def test_payloads_of_nobody_known_share_one_days_bound(tmp_path: Path) -> None:
    with closing(capped(tmp_path / "log", 100, 4)) as log:
        log.append(bad(None, 9))

        assert len(held(log)) == 4


def test_all_of_quarantine_has_a_bound_and_pruning_makes_room_again(tmp_path: Path) -> None:
    with closing(capped(tmp_path / "log", 5, 3)) as log:
        for n in range(4):
            log.append(bad(f"W{n}", 2))
        assert len(held(log)) == 5

        log.tick(NOON_MS + 3 * DAY_MS)
        log.prune(NOON_MS + DAY_MS)
        log.append(bad("W9", 2, NOON_MS + 3 * DAY_MS))
        assert held(log) == ["W9", "W9"]


def test_a_restart_knows_what_was_kept_today(tmp_path: Path) -> None:
    with closing(capped(tmp_path / "log", 100, 3)) as log:
        log.append(bad("W1", 2))
    with closing(capped(tmp_path / "log", 100, 3)) as log:
        log.append(bad("W1", 2))

        assert len(held(log)) == 3


def test_a_commit_that_fails_counts_nothing(tmp_path: Path, monkeypatch) -> None:
    cap = QuarantineCap(10 * KB, 2 * KB)
    entries = bad("W1", 2).quarantined

    assert list(cap.admit(entries)) == list(cap.admit(entries)) == list(entries)
    cap.keep(entries, entries)
    assert list(cap.admit(entries)) == []


def test_what_comes_beside_a_payload_counts_too(tmp_path: Path) -> None:
    seqs = [(1, seq) for seq in range(1, 101)]
    entry = Quarantined("t" * 500, NOON_MS, "no_time", "d" * 500, b"x", "W1", seqs)
    batch = Batch(Readings.empty(), NOON_MS, quarantined=[entry])
    with closing(capped(tmp_path / "log", 100, 10)) as log:
        log.append(batch)
        log.append(batch)
        assert (held(log), log.cap.over) == (["W1"], 1), "100 seqs take more of the file than the payload does"
        counted = log.cap._held, dict(log.cap._by_watch)
        log.cap.count(log._writing, NOON_MS)
        assert (log.cap._held, dict(log.cap._by_watch)) == counted, "as a start counts it"
