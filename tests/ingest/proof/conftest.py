"""One ingest at one broker for many bad messages: none of them may hurt the next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.ingest.proof.outside import Outside
from tests.servers.mosquitto import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    one = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def outside(broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    one = Outside(tmp_path_factory.mktemp("ingest"), broker.host, broker.port)
    try:
        kept = {"boot": 1, "seq": 1, "time": 1_790_000_000_000, "event": "worn"}
        one.publish("watch/kept/status", kept, retain=True)
        one.start()
        yield one
    finally:
        one.stop()
        sys.stdout.write(one.role.words)
