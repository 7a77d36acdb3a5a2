"""The writer against answers that a real InfluxDB gives seldom, or never on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from ingest.influx.options import InfluxOptions
from ingest.influx.refused import FILE_BYTES
from ingest.log.contract import Batch
from ingest.reading import Kind, Readings
from tests.ingest.influx.answering import OK, Answers, in_turn
from tests.ingest.influx.writing import FAST, new_log, running
from tests.ingest.log.batches import T0_MS, batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.log.sqlite import SqliteLog

OPTIONS = InfluxOptions("http://influx.test:8086", token="secret-token", org="care", bucket="care/autogen", **FAST)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = new_log(tmp_path)
    yield made
    made.close()


async def test_a_write_of_api_v2_says_where_to_who_and_in_nanoseconds(log: SqliteLog) -> None:
    server = Answers(in_turn())
    log.append(batch(3))
    async with running(log, OPTIONS, server) as run:
        await run.catches_up()

    (request,) = server.requests
    assert request.url == "http://influx.test:8086/api/v2/write?org=care&bucket=care%2Fautogen&precision=ns"
    assert request.headers["Authorization"] == "Token secret-token"
    assert len(server.written) == 3


async def test_a_write_of_api_v1_without_gzip(log: SqliteLog) -> None:
    server = Answers(in_turn())
    log.append(batch(3))
    options = InfluxOptions(
        "http://influx.test/", "v1", bucket="care/weekly", username="u", password="p", gzip=False, **FAST
    )
    async with running(log, options, server) as run:
        await run.catches_up()

    (request,) = server.requests
    assert request.url == "http://influx.test/write?db=care&precision=n&rp=weekly"
    assert request.headers["Authorization"] == "Basic dTpw"
    assert "Content-Encoding" not in request.headers


def test_secrets_are_not_shown() -> None:
    assert "secret-token" not in repr(OPTIONS)


async def test_what_came_while_nothing_ran_goes_in_batches_of_the_size_asked_for(log: SqliteLog) -> None:
    for n in range(10):
        log.append(batch(25, T0_MS + n, seed=n))
        log.tick(T0_MS + n)
    server = Answers(in_turn())
    async with running(log, InfluxOptions("http://influx.test", batch_lines=100, **FAST), server) as run:
        await run.catches_up()
        state = await run.writer.state()

    assert len(server.written) == state.written_lines == 250
    assert len(server.requests) == 3
    assert (state.place, state.lag_records, state.lag_s, state.trouble) == (20, 0, 0.0, None)


async def test_a_write_that_is_too_large_is_halved_until_it_fits(log: SqliteLog) -> None:
    log.append(batch(100))
    server = Answers(lambda sent: httpx.Response(413) if len(sent) > 20 else OK)
    async with running(log, OPTIONS, server) as run:
        await run.catches_up()

    assert len(set(server.written)) == 100
    assert run.refused() == []


async def test_one_line_that_is_too_large_alone_is_set_aside(log: SqliteLog) -> None:
    log.append(batch(8))
    server = Answers(lambda sent: httpx.Response(413) if any("00005" in line[-7:] for line in sent) else OK)
    async with running(log, OPTIONS, server) as run:
        await run.catches_up()
        assert (await run.writer.state()).refused_lines == 1

    assert len(server.written) == 7
    (refused,) = run.refused()
    assert refused["line"].endswith("000005")


async def test_what_passes_by_itself_is_tried_again_until_it_has_passed(log: SqliteLog) -> None:
    log.append(batch(5))
    request = httpx.Request("POST", "http://influx.test")
    server = Answers(
        in_turn(
            httpx.ConnectError("refused", request=request),
            httpx.ReadTimeout("late", request=request),
            httpx.RemoteProtocolError("cut off", request=request),
            httpx.Response(429, headers={"Retry-After": "0"}),
            httpx.Response(503),
            httpx.Response(500, text="engine: timeout"),
        )
    )
    async with running(log, OPTIONS, server) as run:
        await run.catches_up()
        assert (await run.writer.state()).trouble is None

    assert len(server.requests) == 7
    assert len(server.written) == 5


async def test_an_outage_tells_why_since_when_and_how_much_waits(log: SqliteLog) -> None:
    down = True
    server = Answers(lambda _: httpx.Response(500, text="disk full") if down else OK)
    async with running(log, OPTIONS, server) as run:
        log.append(batch(5, T0_MS - 9000))
        trouble = await run.says("failing")
        log.append(batch(5, T0_MS - 1000))
        state = await run.writer.state()
        assert (trouble.words, trouble.since_ms) == ("500 disk full", T0_MS)
        assert "disk and memory" in trouble.remedy
        assert (state.place, state.lag_records) == (0, 2)
        assert log.place("influx") == 0

        down = False
        await run.catches_up()
        assert (await run.writer.state()).trouble is None

    assert len(server.written) == 10
    assert log.place("influx") == 2


@pytest.mark.parametrize("url", ["influx.test:8086", "ftp://influx.test", "http://influx.test:port"])
async def test_an_address_that_is_none_is_said(log: SqliteLog, url: str) -> None:
    log.append(batch(1))
    async with running(log, InfluxOptions(url, **FAST)) as run:
        trouble = await run.says("is not what answers")
    assert "influx.url" in trouble.words


async def test_a_watch_that_changes_its_site_is_met_within_a_minute(log: SqliteLog) -> None:
    server = Answers(in_turn())
    sos = {"watch": 0, "kind": Kind.SOS, "time_ms": T0_MS, "arrival_ms": T0_MS}
    async with running(log, OPTIONS, server) as run:
        log.append(Batch(Readings.of_rows([sos]), T0_MS))
        await run.catches_up()
        log.put_watch(log.watches()[0].__class__(0, "W0", site="west"))
        await run.clock.step_to(run.clock.now_ns() + 60 * 1_000_000_000)
        log.append(Batch(Readings.of_rows([sos]), T0_MS + 60_000))
        await run.catches_up()
    assert [line.split(" ")[0] for line in server.written] == ["sos,watch=W0,site=main", "sos,watch=W0,site=west"]


async def test_the_file_of_refused_points_does_not_fill_the_disk(log: SqliteLog) -> None:
    file = log.path.with_name("log.influx-refused.jsonl")
    with file.open("wb") as large:
        large.truncate(FILE_BYTES + 1)
    log.append(batch(2))
    server = Answers(lambda _: httpx.Response(400, text="no, dropped=2"))
    async with running(log, OPTIONS, server) as run:
        await run.catches_up()
    assert len(run.refused()) == 2
    assert len(server.requests) == 1  # all of them are refused: there is nothing to look for by halving
    assert file.with_name(file.name + ".1").stat().st_size == FILE_BYTES + 1
