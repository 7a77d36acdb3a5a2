"""Nothing is acknowledged before it is durable, and a log that fails costs nothing."""

import asyncio
from dataclasses import replace
from threading import Event

from structlog.testing import capture_logs

from ingest.log.contract import LogError
from ingest.reading import Flag, Kind
from tests.ingest.pipeline.flow import START_MS, heart
from tests.servers.waiting import eventually

FULL = "disk full; free space on that disk"


async def told_of(flow, what=FULL):
    await eventually(lambda: flow.ingest.trouble.what == what, why="the trouble to be told")


async def test_a_reading_is_acknowledged_and_receipted_once_it_is_in_the_log(flow):
    await flow.takes("watch/w1/heart_rate", heart(1))
    assert [(row["watch"], row["seq"], row["bpm"]) for row in flow.rows()] == [("w1", 1, 70.0)]
    await eventually(lambda: flow.receipts)
    assert flow.receipts == [("watch/w1/receipt", {"boot": 1, "through": 1, "also": [[1, 1]], "until": START_MS})]


async def test_while_the_log_refuses_nothing_is_acknowledged_and_nothing_is_receipted(flow):
    flow.log.refuses = FULL
    flow.send("watch/w1/sos", heart(1))
    await told_of(flow)
    await eventually(lambda: flow.log.attempts >= 3, why="it to be tried again")
    assert flow.acknowledged == []
    assert flow.receipts == []
    assert flow.ingest.tally.readings_committed == 0


async def test_while_the_log_refuses_no_watch_becomes_known_and_no_seq_counts(flow):
    await flow.takes("watch/w1/heart_rate", heart(1))
    flow.log.refuses = FULL
    flow.send("watch/new/heart_rate", heart(1))
    flow.send("watch/w1/heart_rate", heart(2))
    await told_of(flow)
    flow.log.refuses = ""
    await eventually(lambda: len(flow.acknowledged) == 3)
    assert [(row["watch"], row["seq"]) for row in flow.rows()] == [("w1", 1), ("new", 1), ("w1", 2)]
    assert [watch.watch_id for watch in flow.log.watches()] == ["w1", "new"]
    assert flow.ingest.tally.duplicates == 0


async def test_an_emergency_does_not_wait_for_readings_that_the_log_refuses(flow, monkeypatch):
    commit = flow.log._commit

    def for_emergencies(record, *more):
        if len(record.readings) and not (record.readings["kind"] == Kind.SOS).any():
            raise LogError(FULL)
        return commit(record, *more)

    monkeypatch.setattr(flow.log, "_commit", for_emergencies)
    calm = flow.send("watch/w1/heart_rate", heart(1))
    await told_of(flow)
    for seq in (2, 3):
        urgent = flow.send("watch/w1/sos", heart(seq))
        await eventually(lambda: urgent in flow.urgent.acknowledged)  # noqa: B023 - awaited here
    assert [row["seq"] for row in flow.rows()] == [2, 3]
    monkeypatch.setattr(flow.log, "_commit", commit)
    await eventually(lambda: flow.calm.acknowledged == [calm])
    assert [row["seq"] for row in flow.rows()] == [2, 3, 1]


async def test_emergencies_that_the_log_refuses_keep_their_order_beside_readings_that_it_refuses(flow):
    flow.log.refuses = FULL
    flow.send("watch/w1/heart_rate", heart(1))
    await told_of(flow)
    sent = [flow.send("watch/w2/sos", heart(seq)) for seq in range(1, 5)]
    before = flow.log.attempts
    await eventually(lambda: flow.log.attempts >= before + 6, why="both to be tried again")
    assert flow.acknowledged == []
    flow.log.refuses = ""
    await eventually(lambda: len(flow.acknowledged) == 5)
    assert flow.urgent.acknowledged == sent
    assert [row["seq"] for row in flow.rows() if row["watch"] == "w2"] == [1, 2, 3, 4]


async def test_a_log_that_recovers_takes_everything_once_and_says_so(flow):
    with capture_logs() as told:
        flow.log.refuses = FULL
        for seq in range(1, 6):
            flow.send("watch/w1/heart_rate", heart(seq))
            flow.send("watch/w1/heart_rate", heart(seq))
        await told_of(flow)
        await eventually(lambda: flow.log.attempts >= 4)
        flow.log.refuses = ""
        await eventually(lambda: len(flow.acknowledged) == 10)
    assert [row["seq"] for row in flow.rows()] == [1, 2, 3, 4, 5]
    assert flow.ingest.trouble.what == ""
    events = [line["event"] for line in told]
    assert events.count("log_does_not_take") == 1
    assert events.count("log_takes_again") == 1
    assert flow.ingest.tally.commit_failures >= 3


async def test_what_was_not_durable_when_ingest_ended_is_still_the_brokers(flow):
    flow.log.refuses = FULL
    sent = flow.send("watch/w1/heart_rate", heart(1))
    await told_of(flow)
    calm = flow.calm
    await flow.restart()
    assert calm.acknowledged == []
    flow.calm.deliver(("watch/w1/heart_rate", sent))
    await eventually(lambda: flow.acknowledged == [sent])
    assert [row["seq"] for row in flow.rows()] == [1]


async def test_a_resend_after_a_restart_is_known_again(flow):
    await flow.takes("watch/w1/heart_rate", heart(1))
    await flow.takes("watch/w1/sos", heart(2))
    await flow.restart()
    await flow.takes("watch/w1/heart_rate", heart(1))
    await flow.takes("watch/w1/sos", heart(2))
    assert [row["seq"] for row in flow.rows()] == [1, 2]
    assert flow.ingest.tally.duplicates == 2
    await eventually(lambda: flow.receipts, why="a receipt for what is known already")
    assert flow.receipts[0][1]["through"] == 2


async def test_what_becomes_durable_while_ingest_is_told_to_end_is_acknowledged(flow, monkeypatch):
    begun, may_go_on, commit = Event(), Event(), flow.log._commit

    def slowly(*batch):
        begun.set()
        assert may_go_on.wait(10)
        return commit(*batch)

    monkeypatch.setattr(flow.log, "_commit", slowly)
    sent = flow.send("watch/w1/heart_rate", heart(1))
    await eventually(begun.is_set)
    flow.task.cancel()
    may_go_on.set()
    await asyncio.wait({flow.task})
    assert [row["seq"] for row in flow.rows()] == [1]
    assert flow.acknowledged == [sent], "or the broker would deliver it all again"


async def test_ingest_leaves_the_broker_in_order(flow):
    await flow.takes("watch/w1/heart_rate", heart(1))
    sessions = flow.urgent, flow.calm
    await flow.restart()
    assert all(session.ran_to_its_end for session in sessions)


async def test_an_emergency_does_not_wait_for_a_backlog_that_came_before_it(flow):
    for seq in range(1, 4):
        flow.send("watch/w1/heart_rate", heart(seq))
    flow.send("watch/w2/sos", heart(1))
    await eventually(lambda: len(flow.acknowledged) == 4)
    assert flow.rows()[0]["kind"] == "sos"


async def test_an_unknown_watch_is_taken_as_provisional_flagged_and_told_once(flow):
    with capture_logs() as told:
        await flow.takes("watch/stranger/heart_rate", heart(1))
        await flow.takes("watch/stranger/heart_rate", heart(2))
    assert flow.log.watches()[0].provisional
    assert all(Flag.UNKNOWN_WATCH in row["flags"] for row in flow.rows())
    [line] = [line for line in told if line["event"] == "watches_unknown"]
    assert (line["count"], line["first"]) == (1, "stranger")
    assert "carewatch watch add" in line["remedy"]


async def test_while_the_filter_cannot_ask_the_log_nothing_is_quarantined_or_acknowledged(flow, monkeypatch):
    await flow.takes("watch/w1/heart_rate", heart(1))
    preparation, asked = flow.ingest._preparation, []

    def moody(seen, readings):
        asked.append(len(readings))
        if len(asked) <= 5:
            raise LogError("an older boot cannot be looked up: the file is locked")
        return seen.judge(readings)

    monkeypatch.setattr(flow.ingest, "_preparation", replace(preparation, judge=moody))
    flow.send("watch/w1/sos", heart(2))
    await eventually(lambda: len(asked) >= 3, why="it to be tried again")
    assert (flow.quarantine(), flow.acknowledged[1:]) == ([], [])
    await eventually(lambda: len(flow.acknowledged) == 2, why="it to be taken")
    assert [(row["kind"], row["boot"], row["seq"]) for row in flow.rows()] == [("heart_rate", 1, 1), ("sos", 1, 2)]
    assert flow.quarantine() == []
    await eventually(lambda: [2, 2] in flow.receipts[-1][1]["also"], why="its receipt")
