"""What an operator is told of writes that go on at the same time."""

from __future__ import annotations

from structlog.testing import capture_logs

from carewatch.clock import SteppedClock
from ingest.influx.standing import Standing, Trouble


async def test_the_trouble_that_began_first_is_shown_until_it_has_passed() -> None:
    clock = SteppedClock(1_000_000_000)
    standing = Standing("influx", clock)
    with capture_logs() as said:
        standing.note(1, "is away", "refused", "start it")
        await clock.step_to(3_000_000_000)
        standing.note(2, "is busy", "429", "none")
        standing.note(1, "is away", "refused again", "start it")
        assert standing.trouble == Trouble("is away", "refused again", "start it", 1000)
        standing.passed(1)
        assert standing.trouble == Trouble("is busy", "429", "none", 3000)
        standing.passed(2)
        standing.passed(2)

    assert standing.trouble is None
    assert [entry["event"] for entry in said] == ["influx_not_written", "influx_not_written", "influx_written_again"]
    assert said[-1]["after_ms"] == 0


def test_what_is_given_up_says_nothing() -> None:
    standing = Standing("influx", SteppedClock(1_000_000_000))
    standing.note(1, "is away", "refused", "start it")
    with capture_logs() as said:
        standing.forget(1)
        standing.forget(1)

    assert (standing.trouble, said) == (None, [])
