"""20,000 bad messages of every sort between good ones: nothing stalls, nothing good is lost, all is acknowledged.

How fast a million of them pass is measured by benchmarks/ingest.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.ingest.proof.outside import Outside, now_ms
from tests.ingest.proof.test_bad_input import UNUSABLE
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto

pytestmark = [pytest.mark.server, pytest.mark.slow]
BAD, GOOD, WATCHES = 20_000, 2_000, 50
SMALL = [case for case in UNUSABLE.values() if len(case[1]) < 1_000]
WITH_SEQ = {"no_time", "bad_time", "unknown_kind", "unknown_version"}
"""Refused with a boot and seq that can be read: once committed, the same one is a duplicate."""


@pytest.fixture
def outside(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Outside]:
    one = Outside(tmp_path, mosquitto.host, mosquitto.port)
    yield one
    one.stop()
    sys.stdout.write(one.role.words[-5_000:])


def flood() -> list[tuple[str, bytes]]:
    """Ten bad ones, a good one, and so on; every 20th good one is an SOS."""
    messages: list[tuple[str, bytes]] = []
    for number in range(GOOD):
        places = range(number * BAD // GOOD, (number + 1) * BAD // GOOD)
        messages += [SMALL[place % len(SMALL)][:2] for place in places]
        reading = {"boot": 1, "seq": number // WATCHES + 1, "time": now_ms(), "bpm": 70}
        kind = "sos" if number % 20 == 0 else "heart_rate"
        messages.append((f"watch/g{number % WATCHES}/{kind}", json.dumps(reading).encode()))
    return messages


def test_bad_messages_between_good_ones_cost_no_good_one_and_none_comes_again(outside: Outside) -> None:
    outside.start()
    outside.publish_all(flood())

    def through() -> bool:
        status = outside.role.status
        return status is not None and status.counters["messages"] >= BAD + GOOD

    wait_until(through, 60, "every message to be dealt with")
    status = outside.role.status
    assert status is not None
    reasons = [SMALL[place % len(SMALL)][2] for place in range(BAD)]
    counted, sent = status.by_label["quarantined"], Counter(reasons)
    for reason in WITH_SEQ:
        assert 1 <= counted.pop(reason) <= sent.pop(reason)
    assert counted == sent
    good = {
        watch: sorted(row["seq"] for row in outside.rows(watch, GOOD // WATCHES))
        for watch in (f"g{number}" for number in range(WATCHES))
    }
    assert {tuple(seqs) for seqs in good.values()} == {tuple(range(1, GOOD // WATCHES + 1))}
    assert outside.role.stop()[0] == 0
    outside.start()
    outside.goes_on()
    wait_until(
        lambda: (now := outside.role.status) is not None and now.counters["messages"] > 0, 10, "it to be counted"
    )
    again = outside.role.status
    assert again is not None
    assert again.counters["messages"] == 1, "what was acknowledged does not come again"
