"""A flood of made-up ids does not fill the registry, and shuts nobody's emergency out."""

import asyncio

import pytest

from carewatch.roles.watch_actions import watch_actions
from ingest.watches import Watches
from tests.ingest.pipeline.flow import heart
from tests.servers.waiting import eventually


@pytest.fixture
async def full(start_flow):
    """Two strangers and no more."""
    return start_flow(most_unknown=2)


def known(flow):
    return [watch.watch_id for watch in flow.log.watches()]


async def test_beyond_the_limit_a_further_strangers_readings_go_to_quarantine(full):
    for name in ("s1", "s2", "s3"):
        await full.takes(f"watch/{name}/heart_rate", heart(1))
    assert known(full) == ["s1", "s2"]
    [entry] = full.log.quarantine()
    assert (entry.reason, entry.topic) == ("too_many_unknown", "watch/s3/heart_rate")
    assert "carewatch watch add s3" in entry.detail
    await full.takes("watch/s1/heart_rate", heart(2))
    assert [(row["watch"], row["seq"]) for row in full.rows()] == [("s1", 1), ("s2", 1), ("s1", 2)]


async def test_beyond_the_limit_an_emergency_is_taken(full):
    for name in ("s1", "s2"):
        await full.takes(f"watch/{name}/heart_rate", heart(1))
    await full.takes("watch/s3/sos", heart(1))
    await full.takes("watch/s4/fall", b"unreadable")
    assert known(full) == ["s1", "s2", "s3", "s4"]


async def test_a_stranger_that_was_refused_is_not_receipted_and_is_taken_once_registered(full):
    for name in ("s1", "s2", "s3"):
        await full.takes(f"watch/{name}/backlog", [heart(1, kind="heart_rate"), heart(2, kind="mood")])
    await eventually(lambda: len(full.receipts) == 2)
    assert {topic for topic, _ in full.receipts} == {"watch/s1/receipt", "watch/s2/receipt"}
    assert known(full) == ["s1", "s2"]
    actions = watch_actions(full.log, full.watches, full.ingest.between_commits)
    assert await actions["register"]({"watch_ids": ["s3"]}) == {"registered": 1}
    await full.takes("watch/s3/heart_rate", heart(1))
    assert [row["watch"] for row in full.rows()] == ["s1", "s2", "s3"]


async def test_registering_strangers_makes_room_for_others(full):
    await full.takes("watch/s1/heart_rate", heart(1))
    await full.takes("watch/s2/heart_rate", heart(1))
    actions = watch_actions(full.log, full.watches, full.ingest.between_commits)
    await actions["register"]({"watch_ids": ["s1"]})
    await full.takes("watch/s3/heart_rate", heart(1))
    assert known(full) == ["s1", "s2", "s3"]


async def test_the_limit_holds_within_one_message_batch_and_over_a_restart(full):
    content = b'{"time":1790000000000,"bpm":70}'
    full.calm.deliver(*[(f"watch/s{n}/heart_rate", content) for n in range(5)])
    await eventually(lambda: len(full.acknowledged) == 5)
    assert known(full) == ["s0", "s1"]
    await full.restart()
    await full.takes("watch/s9/heart_rate", heart(1))
    assert known(full) == ["s0", "s1"]


async def test_a_batch_that_was_not_taken_counts_no_stranger(full):
    full.log.refuses = "disk full"
    full.send("watch/s1/heart_rate", heart(1))
    full.send("watch/s2/heart_rate", heart(1))
    await eventually(lambda: full.log.attempts >= 3)
    full.log.refuses = ""
    await eventually(lambda: len(full.acknowledged) == 2)
    assert known(full) == ["s1", "s2"]
    assert full.quarantine() == []


async def test_watches_registered_while_batches_fail_leave_no_hole_in_the_registry(flow):
    """Indices are given out by turns: what a failed batch takes back, nobody else has built upon."""
    actions = watch_actions(flow.log, flow.watches, flow.ingest.between_commits)
    flow.log.refuses = "disk full"
    flow.send("watch/stranger/heart_rate", heart(1))
    asked = [asyncio.create_task(actions["register"]({"watch_ids": [f"r{n}"]})) for n in range(40)]
    await asyncio.gather(*asked)
    flow.log.refuses = ""
    await eventually(lambda: flow.acknowledged)
    kept = flow.log.watches()
    assert [watch.index for watch in kept] == list(range(41))
    assert len(Watches(kept)) == 41
    assert [watch.watch_id for watch in kept] == [flow.watches.at(index).watch_id for index in range(41)]
