"""The writer's place: what it passes, in which order, and what becomes of it when something fails."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import httpx
import pytest
from structlog.testing import capture_logs

from ingest.influx.line_protocol import times_ns
from ingest.influx.options import InfluxOptions
from ingest.influx.writer import WINDOW
from ingest.log.sqlite_reader import SqliteLogReader
from tests.ingest.influx.answering import OK, Answers, in_turn
from tests.ingest.influx.writing import FAST, new_log, running
from tests.ingest.log.batches import T0_MS, batch
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.log.sqlite import SqliteLog

OPTIONS = InfluxOptions("http://influx.test:8086", **FAST)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = new_log(tmp_path)
    yield made
    made.close()


def _stamps(log: SqliteLog, offset: int) -> list[str]:
    """The times of the points of a record, as lines end in them."""
    [record] = log.read(offset - 1, 1)
    return [str(stamp) for stamp in times_ns(record.readings).tolist()]


async def test_parts_travel_together_and_the_place_moves_in_order(log: SqliteLog) -> None:
    """The first write is held up: the next ones go in meanwhile, and the place waits for it."""
    for n in range(6):
        log.append(batch(100, T0_MS + n, seed=n))
    first = min(_stamps(log, 1))
    held = asyncio.Event()
    written: list[int] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        lines = request.content.decode().splitlines()
        if any(line.endswith(first) for line in lines):
            await held.wait()
        written.append(len(lines))
        return OK

    options = InfluxOptions("http://influx.test", batch_lines=100, gzip=False, **FAST)
    async with running(log, options, httpx.MockTransport(answer)) as run:
        await eventually(lambda: len(written) == WINDOW - 1, 20, "the writes after the first")
        assert (await run.writer.state()).place == 0
        assert log.place("influx") == 0
        held.set()
        await run.catches_up()

    assert log.place("influx") == 6
    assert sum(written) == 600


async def test_one_refusal_that_cannot_be_kept_lets_no_place_pass_it(log: SqliteLog) -> None:
    """The file of refused points cannot be written: all after it is in InfluxDB, and is sent again."""
    for n in range(6):
        log.append(batch(100, T0_MS + n, seed=n))
    first = min(_stamps(log, 1))
    answers = Answers(lambda sent: httpx.Response(400, text="no, dropped=1") if any(first in s for s in sent) else OK)
    file = log.path.with_name("log.influx-refused.jsonl")
    file.mkdir()
    async with running(log, InfluxOptions("http://influx.test", batch_lines=100, **FAST), answers) as run:
        trouble = await run.says("the log cannot be read")
        assert "free room there" in trouble.words
        assert log.place("influx") == 0
        file.rmdir()
        await run.catches_up()
        assert (await run.writer.state()).trouble is None
        assert len(run.refused()) == 1

    assert len(set(answers.written)) == 599
    assert log.place("influx") == 6


async def test_in_the_middle_of_a_large_record_the_lag_is_that_of_the_record_before(log: SqliteLog) -> None:
    log.append(batch(10, T0_MS - 7000))
    stuck = set()
    answers = Answers(lambda sent: httpx.Response(503) if stuck.intersection(line[-19:] for line in sent) else OK)
    options = InfluxOptions("http://influx.test", batch_lines=200, **FAST)
    async with running(log, options, answers) as run:
        await run.catches_up()
        log.append(batch(300, T0_MS - 1000, seed=1))
        stuck.update(stamp[-19:] for stamp in _stamps(log, 2)[150:])
        await run.says("asks us to wait")
        await eventually(lambda: len(answers.written) == 160, 20, "the first half of the record")
        state = await run.writer.state()
        stuck.clear()
        await run.catches_up()

    assert (state.place, state.lag_records, state.lag_s) == (1, 1, 7.0)


async def test_what_fails_again_and_again_is_told_once(log: SqliteLog) -> None:
    """What comes before it goes in at each attempt, which is no reason to say that all is well again."""
    for n in range(4):
        log.append(batch(100, T0_MS + n, seed=n))
    bad = min(_stamps(log, 3))
    attempts: list[int] = []

    def answer(sent: list[str]) -> httpx.Response:
        if not any(bad in line for line in sent):
            return OK
        attempts.append(len(sent))
        return httpx.Response(400, text="no")

    log.path.with_name("log.influx-refused.jsonl").mkdir()
    with capture_logs() as said:
        async with running(log, InfluxOptions("http://influx.test", batch_lines=100, **FAST), Answers(answer)):
            await eventually(lambda: attempts.count(1) > 3, 20, "several attempts")

    assert [entry["event"] for entry in said] == ["influx_not_written"]


async def test_what_can_be_read_before_a_damaged_record_goes_in_once(log: SqliteLog) -> None:
    for n in range(4):
        log.append(batch(50, T0_MS + n, seed=n))
    with sqlite3.connect(log.path) as other:
        other.execute("UPDATE record SET checksum = checksum + 1 WHERE last_offset = 3")
    other.close()
    server = Answers(in_turn())
    async with running(log, OPTIONS, server) as run:
        await run.says("the log cannot be read")
        await eventually(lambda: log.place("influx") == 2, 20, "the place before the damage")
        for _ in range(3):
            await run.says("the log cannot be read")  # it is tried again, and stays told
    assert len(server.written) == 100


async def test_while_it_catches_up_the_place_is_kept_once_in_several_parts(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    keep = SqliteLogReader.keep_place

    def counting(reader: SqliteLogReader, consumer: str, offset: int) -> None:
        kept.append(offset)
        keep(reader, consumer, offset)

    monkeypatch.setattr(SqliteLogReader, "keep_place", counting)
    for n in range(40):
        log.append(batch(10, T0_MS + n, seed=n))
    async with running(log, InfluxOptions("http://influx.test", batch_lines=10, **FAST), Answers(in_turn())) as run:
        await run.catches_up()

    assert kept == [8, 16, 24, 32, 40]


async def test_a_damaged_log_stops_the_writer_not_the_process_and_is_said(log: SqliteLog) -> None:
    log.append(batch(50))
    with sqlite3.connect(log.path) as other:
        other.execute("UPDATE record SET checksum = checksum + 1")
    other.close()
    async with running(log, OPTIONS, Answers(in_turn())) as run:
        trouble = await run.says("the log cannot be read")
        assert "checksum does not fit" in trouble.words


async def test_a_fault_of_our_own_is_said_and_tried_again(log: SqliteLog) -> None:
    log.append(batch(5))
    server = Answers(in_turn(ZeroDivisionError("a bug")))
    async with running(log, OPTIONS, server) as run:
        await run.catches_up()
    assert len(server.written) == 5


async def test_many_quiet_seconds_move_the_place_without_a_write(log: SqliteLog) -> None:
    server = Answers(in_turn())
    async with running(log, OPTIONS, server) as run:
        for n in range(70):
            log.tick(T0_MS + n)
        await run.catches_up()
        await eventually(lambda: log.place("influx") >= 60, why="the place to be kept")
    assert server.requests == []
