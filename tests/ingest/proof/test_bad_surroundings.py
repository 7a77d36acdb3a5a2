"""A way to the broker that breaks each 100 ms, a log that is not ours to write: what ingest does, and says."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import apsw
import pytest

from ingest.log.sqlite import SqliteLog
from tests.ingest.proof.flapping import Flapping
from tests.ingest.proof.outside import Outside, now_ms
from tests.servers.process import free_port
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto

pytestmark = [pytest.mark.server, pytest.mark.slow]
LASTS_S = 0.1


@pytest.fixture
def beyond(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Callable[..., Outside]]:
    """`beyond(ingest_port=...)`: watches at the broker, ingest where the port says."""
    started: list[Outside] = []

    def start(**settings: str) -> Outside:
        started.append(Outside(tmp_path, mosquitto.host, mosquitto.port, **settings))
        return started[-1]

    yield start
    for one in started:
        one.stop()
        sys.stdout.write(one.role.words if one.role.log_path.parent.exists() else "")


@pytest.fixture
def flapping(mosquitto: Mosquitto) -> Iterator[Flapping]:
    one = Flapping(mosquitto.host, mosquitto.port, 0)
    yield one
    one.stop()


def reading(seq: int, **fields: object) -> bytes:
    return json.dumps({"boot": 1, "seq": seq, "oldest": 1, "time": now_ms(), "bpm": 70, **fields}).encode()


def test_a_broker_that_hangs_up_each_100_ms_loses_nothing_is_not_stormed_and_is_told(
    beyond: Callable[..., Outside], flapping: Flapping
) -> None:
    outside = beyond(ingest_port=str(flapping.port))
    outside.start()
    begun_s, flapping.lasts_s, before = time.monotonic(), LASTS_S, flapping.connections
    flapping.cut()
    sent = 0
    for _ in range(3):
        outside.publish_all([("watch/w1/heart_rate", reading(sent + seq)) for seq in range(1, 101)])
        outside.publish("watch/w2/sos", reading(sent + 1))
        sent += 100
        assert {row["seq"] for row in outside.rows("w1", sent)} == set(range(1, sent + 1))
    wait_until(lambda: outside.role.problems, 10, "the trouble to be told")
    told = outside.role.problems[0]
    assert told.part == "broker"
    assert told.remedy
    lasted_s = time.monotonic() - begun_s
    assert flapping.connections - before <= 2 * (8 + lasted_s), "two sessions, waiting longer and longer"
    assert [row["seq"] for row in outside.rows("w2", 3)] == [1, 101, 201]
    assert len(outside.rows("w1", sent)) == sent, "none twice"
    flapping.lasts_s = 0
    wait_until(lambda: not outside.role.problems, 30, "the trouble to be over")


def test_a_log_of_a_newer_carewatch_is_left_alone_and_the_remedy_said(beyond: Callable[..., Outside]) -> None:
    outside = beyond()
    path = outside.role.log_path
    SqliteLog(path).close()
    with apsw.Connection(str(path)) as newer:
        version = newer.pragma("user_version")
        newer.pragma("user_version", version + 1)
    newer.close()
    before = path.read_bytes()
    outside.role.start()
    code, words = outside.role.ends()
    assert code == 2
    assert "use the carewatch that wrote it" in words
    assert "Traceback" not in words
    assert path.read_bytes() == before


def test_a_broker_that_is_not_there_is_told_and_waited_for(beyond: Callable[..., Outside]) -> None:
    outside = beyond(ingest_port=str(free_port()))
    outside.role.start()
    wait_until(lambda: "nothing listens there" in str(outside.role.problems), 30, "the problem to be told")
    assert all(problem.is_grave and problem.remedy for problem in outside.role.problems)
