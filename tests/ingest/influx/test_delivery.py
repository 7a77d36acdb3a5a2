"""What is done about each answer; the fake stands where a real server cannot be made to misbehave on demand."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from carewatch.clock import SteppedClock
from ingest.influx.answers import Answer, Pace, Verdict
from ingest.influx.delivery import CONNECTIONS, LEAST_CUT_LINES, Delivery, pause_s
from ingest.influx.options import InfluxOptions
from ingest.influx.standing import Standing
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.influx.server import InfluxServer

OPTIONS = InfluxOptions("http://influx.test", batch_lines=1000, retry_first_s=0.001, retry_max_s=0.002)
WRITTEN = Answer(Verdict.WRITTEN)


@dataclass
class Influx:
    """Asks `answer` about the numbers of each write's lines; keeps what it let in."""

    answer: Callable[[list[int]], Answer]
    asked: list[list[int]] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    on_the_wire: int = 0
    most_on_the_wire: int = 0
    gate: asyncio.Event | None = None

    def encode(self, body: bytes) -> bytes:
        return body

    async def write(self, encoded: bytes) -> Answer:
        numbers = [int(line.rsplit(b" ", 1)[1]) for line in encoded.splitlines()]
        self.asked.append(numbers)
        self.on_the_wire += 1
        self.most_on_the_wire = max(self.most_on_the_wire, self.on_the_wire)
        if self.gate is not None:
            await self.gate.wait()
        self.on_the_wire -= 1
        answer = self.answer(numbers)
        if answer.verdict is Verdict.WRITTEN:
            self.written += numbers
        return answer


class Desk:
    """A delivery with what it set aside, as (words, numbers)."""

    def __init__(self, influx: Influx | InfluxServer, **other: int) -> None:
        self.aside: list[tuple[str, list[int]]] = []
        self.standing = Standing("influx", SteppedClock(5_000_000))
        options = dataclasses.replace(OPTIONS, **other)
        self.delivery = Delivery(influx, options, self._keep, self.standing, random.Random(1))  # noqa: S311 - spreads retries

    async def _keep(self, lines: pa.Array, words: str) -> None:
        self.aside.append((words, [int(line.rsplit(" ", 1)[1]) for line in lines.to_pylist()]))

    @property
    def refused(self) -> list[int]:
        return sorted(number for _words, numbers in self.aside for number in numbers)


def lines(count: int) -> pa.Array:
    return pa.array([f"heart_rate,watch=W0 {'bpm=1,' if n % 3 == 0 else ''}arrival_s=1 {n}\n" for n in range(count)])


def refusing(bad: set[int], words: str, *, counts: bool = True) -> Callable[[list[int]], Answer]:
    """400 for a write that has a bad line in it, saying how many if it `counts`."""

    def answer(numbers: list[int]) -> Answer:
        dropped = len(bad.intersection(numbers))
        return Answer(Verdict.REFUSED, words, dropped if counts else None) if dropped else WRITTEN

    return answer


async def test_a_third_that_conflicts_is_set_aside_in_three_writes() -> None:
    bad = set(range(0, 900, 3))
    words = '400 partial write: field type conflict: input field "bpm" on measurement "heart_rate" is type float'
    influx = Influx(refusing(bad, words))
    desk = Desk(influx)

    await desk.delivery.deliver(lines(900))

    assert len(influx.asked) == 3
    assert desk.aside == [(words, sorted(bad))]
    assert sorted(influx.written) == sorted(set(range(900)) - bad)
    assert (desk.delivery.written, desk.delivery.refused, desk.delivery.last_refusal) == (600, 300, words)


async def test_a_few_bad_lines_are_found_whether_they_are_counted_or_not() -> None:
    for counts in (True, False):
        bad = {0, 411, 412, 899}
        influx = Influx(refusing(bad, "400 unable to parse", counts=counts))
        desk = Desk(influx)
        await desk.delivery.deliver(lines(900))
        assert desk.refused == sorted(bad)
        assert sorted(influx.written) == sorted(set(range(900)) - bad)
        assert len(influx.asked) < 80


async def test_what_is_wholly_refused_is_not_searched() -> None:
    influx = Influx(refusing(set(range(900)), "400 points beyond retention policy"))
    desk = Desk(influx)

    await desk.delivery.deliver(lines(900))

    assert len(influx.asked) == 1
    assert desk.refused == list(range(900))


async def test_a_count_of_none_is_not_taken_for_all() -> None:
    """1.8 says `dropped=0` for a line that it cannot parse, and writes the others."""
    influx = Influx(lambda numbers: Answer(Verdict.REFUSED, "400 unable to parse", 0) if 7 in numbers else WRITTEN)
    desk = Desk(influx)

    await desk.delivery.deliver(lines(20))

    assert desk.refused == [7]
    assert sorted(influx.written) == [n for n in range(20) if n != 7]


async def test_one_that_is_broken_off_once_is_sent_again_whole() -> None:
    left = [Answer(Verdict.CUT_OFF, "broken pipe")]
    influx = Influx(lambda _: left.pop() if left else WRITTEN)
    desk = Desk(influx)

    await desk.delivery.deliver(lines(900))

    assert [len(numbers) for numbers in influx.asked] == [900, 900]
    assert (desk.delivery.writes, desk.delivery.retries) == (1, 1)


@pytest.mark.parametrize("verdict", [Verdict.CUT_OFF, Verdict.LATE])
async def test_one_that_is_broken_off_or_late_each_time_is_halved(verdict: Verdict) -> None:
    influx = Influx(lambda numbers: Answer(verdict, "broken pipe") if len(numbers) > 300 else WRITTEN)
    desk = Desk(influx)

    await desk.delivery.deliver(lines(900))

    assert sorted(influx.written) == list(range(900))
    assert desk.aside == []
    assert desk.standing.trouble is None


async def test_a_server_that_breaks_everything_off_gets_no_single_lines() -> None:
    broken = True
    influx = Influx(lambda _: Answer(Verdict.CUT_OFF, "reset") if broken else WRITTEN)
    desk = Desk(influx)
    task = asyncio.create_task(desk.delivery.deliver(lines(900)))
    await eventually(lambda: len(influx.asked) > 40, 20, "many attempts")
    assert min(map(len, influx.asked)) >= LEAST_CUT_LINES // 2
    assert desk.standing.trouble.reason == "InfluxDB breaks writes off"
    broken = False
    await task

    assert sorted(influx.written) == list(range(900))


async def test_413_is_believed_down_to_one_line_which_is_set_aside() -> None:
    influx = Influx(lambda numbers: Answer(Verdict.TOO_LARGE, "413") if 5 in numbers else WRITTEN)
    desk = Desk(influx)

    await desk.delivery.deliver(lines(16))

    assert desk.refused == [5]
    assert sorted(influx.written) == [n for n in range(16) if n != 5]


async def test_after_413_the_next_ones_are_smaller_and_grow_again() -> None:
    limit = 500
    influx = Influx(lambda numbers: Answer(Verdict.TOO_LARGE, "413") if len(numbers) > limit else WRITTEN)
    desk = Desk(influx)
    await desk.delivery.deliver(lines(900))
    tried = len(influx.asked)

    await desk.delivery.deliver(lines(900))
    assert [len(numbers) <= limit for numbers in influx.asked[tried:]] == [True, True]

    limit = 1000
    for _ in range(20):
        await desk.delivery.deliver(lines(900))
    assert len(influx.asked[-1]) == 900


async def test_a_refusal_makes_no_write_smaller() -> None:
    influx = Influx(refusing({7}, "400 unable to parse"))
    desk = Desk(influx)
    await desk.delivery.deliver(lines(900))
    await desk.delivery.deliver(lines(900).slice(10))

    assert len(influx.asked[-1]) == 890


async def test_two_writes_travel_at_once_and_no_more() -> None:
    influx = Influx(lambda _: WRITTEN, gate=asyncio.Event())
    desk = Desk(influx)
    tasks = [asyncio.create_task(desk.delivery.deliver(lines(10))) for _ in range(5)]
    await eventually(lambda: influx.on_the_wire == CONNECTIONS, 10, "two on the wire")
    influx.gate.set()
    await asyncio.gather(*tasks)

    assert influx.most_on_the_wire == CONNECTIONS == 2
    assert len(influx.asked) == 5


async def test_one_that_must_wait_does_not_hold_the_wire() -> None:
    """Five writes are answered with 429 for ever: the sixth still goes in."""
    influx = Influx(lambda numbers: Answer(Verdict.BUSY, "429") if len(numbers) == 10 else WRITTEN)
    desk = Desk(influx)
    waiting = [asyncio.create_task(desk.delivery.deliver(lines(10))) for _ in range(5)]
    await desk.delivery.deliver(lines(11))
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert influx.written == list(range(11))
    assert desk.standing.trouble is None  # given up, so no trouble of theirs is left


def test_pauses_double_up_to_the_longest_and_heed_what_the_server_asks_for() -> None:
    options = InfluxOptions("http://influx.test", retry_first_s=1, retry_max_s=30)

    def around(attempt: int, pace: Pace = Pace.SOON, asked_s: float | None = None) -> float:
        return pause_s(options, attempt, pace, random.Random(attempt), asked_s)  # noqa: S311 - spreads retries

    for attempt, about_s in enumerate((1, 2, 4, 8, 16, 30, 30)):
        assert 0.8 * about_s <= around(attempt) <= 1.2 * about_s
    assert 24 <= around(0, Pace.SLOWLY) <= 36
    assert around(0, asked_s=77) == 77
    assert around(5, asked_s=0.1) >= 24
