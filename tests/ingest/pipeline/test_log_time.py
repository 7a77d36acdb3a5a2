"""Log time goes on: by ticks, over a deaf time, and when somebody sets the wall clock."""

import pytest
from structlog.testing import capture_logs

from ingest.log.contract import RecordKind
from ingest.mqtt.link import Link, LinkState
from ingest.pipeline import IngestOptions
from tests.ingest.pipeline.flow import AWAY, START_MS, heart
from tests.servers.waiting import eventually

HOUR_MS = 3_600_000


async def ticked(flow, count):
    """Second by second, each tick in the log before the next second."""
    for _ in range(count):
        before = flow.log.end()
        await flow.clock.pass_s(1)
        await eventually(lambda: flow.log.end() > before, why="a tick")  # noqa: B023 - awaited in the loop


def ticks(flow):
    return [(record.log_time_ms - START_MS, record.deaf) for record in flow.records(RecordKind.TICK)]


async def test_each_second_with_nothing_to_say_is_a_tick(flow):
    await ticked(flow, 3)
    assert ticks(flow) == [(1000, False), (2000, False), (3000, False)]
    assert flow.ingest.tally.ticks == 3


async def test_a_second_in_which_readings_came_needs_no_tick(flow):
    await flow.clock.pass_s(0.6)
    await flow.takes("watch/w1/heart_rate", heart(1))
    await flow.clock.pass_s(0.9)
    await flow.takes("watch/w1/heart_rate", heart(2))
    assert ticks(flow) == []
    await ticked(flow, 1)
    assert ticks(flow) == [(2500, False)]


@pytest.mark.parametrize("session", ["urgent", "calm"])
async def test_ticks_are_deaf_while_either_session_is_away(flow, session):
    one = getattr(flow, session)
    await ticked(flow, 1)
    one.state = AWAY
    await ticked(flow, 2)
    one.state = LinkState(Link.UP, 0, connection=2)
    await ticked(flow, 2)
    assert [deaf for _, deaf in ticks(flow)] == [False, True, True, True, False], "the fourth tells of its own second"


async def test_a_link_that_was_away_between_two_ticks_is_told(flow):
    await ticked(flow, 1)
    flow.calm.state = AWAY
    flow.calm.state = LinkState(Link.UP, 0, connection=2)
    await flow.takes("watch/w1/heart_rate", heart(1))
    await ticked(flow, 1)
    assert [record.deaf for record in flow.records(RecordKind.READINGS)] == [True]
    assert [deaf for _, deaf in ticks(flow)] == [False, False]


async def test_a_filter_that_the_broker_refuses_is_deaf_too(flow):
    flow.calm.state = LinkState(Link.PARTIAL, 0, connection=1)
    await ticked(flow, 1)
    assert ticks(flow) == [(1000, True)]


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
async def test_a_wall_clock_that_is_set_becomes_a_record_and_log_time_follows(flow, step_ms):
    await ticked(flow, 1)
    flow.clock.set_by(step_ms / 1000)
    with capture_logs() as told:
        await ticked(flow, 2)
    [step] = flow.records(RecordKind.CLOCK_STEP)
    assert (step.step_ms, step.log_time_ms - START_MS, step.deaf) == (step_ms, 2000 + step_ms, True)
    assert [time_ms for time_ms, _ in ticks(flow)] == [1000, 3000 + step_ms]
    assert [line["step_ms"] for line in told if line["event"] == "wall_clock_set"] == [step_ms]


async def test_a_step_that_the_log_refuses_is_recorded_once_it_takes_again(flow):
    flow.log.refuses = "disk full"
    flow.clock.set_by(3600)
    await flow.clock.pass_s(1)
    await eventually(lambda: flow.log.attempts >= 2, why="it to be tried again")
    assert flow.ingest.trouble.what == "disk full"
    flow.log.refuses = ""
    await eventually(lambda: flow.records(RecordKind.CLOCK_STEP), why="the step")
    assert [record.step_ms for record in flow.records(RecordKind.CLOCK_STEP)] == [HOUR_MS]
    assert flow.ingest.trouble.what == ""


async def test_readings_after_a_step_are_dated_by_the_new_clock(flow):
    flow.clock.set_by(-3600)
    await ticked(flow, 1)
    await flow.takes("watch/w1/heart_rate", heart(1, at_ms=START_MS - HOUR_MS))
    assert flow.rows()[0]["arrival_ms"] == START_MS + 1000 - HOUR_MS


async def test_a_restart_goes_on_after_the_newest_record(flow):
    await ticked(flow, 2)
    await flow.restart()
    await ticked(flow, 1)
    assert [time_ms for time_ms, _ in ticks(flow)] == [1000, 2000, 3000]


async def test_records_past_their_age_are_dropped(flow):
    await flow.takes("watch/w1/heart_rate", heart(1))
    await ticked(flow, 1)
    assert flow.log.start() == 1
    keep_s = IngestOptions().keep_days * 86_400
    await flow.clock.pass_s(keep_s + 86_400)
    await eventually(lambda: flow.log.end() == 3)
    await flow.restart()
    await eventually(lambda: flow.log.start() == 3, why="the old records to be dropped")
