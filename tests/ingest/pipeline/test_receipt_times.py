"""When a watch hears that its readings are kept, by a clock that the test steps."""

from tests.ingest.pipeline.flow import START_MS, heart
from tests.servers.waiting import eventually


async def polled(flow):
    """Ingest has looked more than once for what is due."""
    receipts, looks = flow.ingest._receipts, []
    due = receipts.due

    def counted(now_ms):
        looks.append(now_ms)
        return due(now_ms)

    receipts.due = counted
    await eventually(lambda: len(looks) >= 2, why="two looks for what is due")
    receipts.due = due


async def count_is(flow, count):
    await eventually(lambda: len(flow.receipts) == count, why=f"{count} receipts")


async def test_an_emergency_is_receipted_at_once_whatever_was_said_before(flow):
    await flow.takes("watch/w1/heart_rate", heart(1))
    await count_is(flow, 1)
    await flow.takes("watch/w1/sos", heart(2))
    await flow.takes("watch/w1/fall", heart(3))
    assert [receipt["through"] for _, receipt in flow.receipts] == [1, 2, 3]


async def test_other_readings_are_receipted_together_within_ten_seconds(flow):
    await flow.takes("watch/w1/heart_rate", heart(1))
    await count_is(flow, 1)
    for seq in (2, 3, 4):
        await flow.takes("watch/w1/heart_rate", heart(seq, at_ms=START_MS + seq))
    await flow.clock.pass_s(9.9)
    await polled(flow)
    assert len(flow.receipts) == 1
    await flow.clock.pass_s(0.1)
    await count_is(flow, 2)
    assert flow.receipts[1][1] == {"boot": 1, "through": 4, "also": [[2, 4]], "until": START_MS + 4}


async def test_duplicates_are_receipted_again_at_most_once_a_second(flow):
    for _ in range(3):
        await flow.takes("watch/w1/heart_rate", heart(1))
    await polled(flow)
    assert len(flow.receipts) == 1
    await flow.clock.pass_s(1)
    await count_is(flow, 2)
    assert flow.receipts[1] == flow.receipts[0]


async def test_a_gap_is_told_by_also_and_through_waits_for_it(flow):
    await flow.takes("watch/w1/sos", heart(1))
    await flow.takes("watch/w1/sos", heart(3))
    await flow.takes("watch/w1/sos", heart(2))
    said = [(receipt["through"], receipt["also"]) for _, receipt in flow.receipts]
    assert said == [(1, [[1, 1]]), (1, [[3, 3]]), (3, [[2, 2]])]


async def test_through_holds_right_after_a_restart(flow):
    for seq in (1, 2, 3, 6):
        await flow.takes("watch/w1/sos", heart(seq, at_ms=START_MS + seq))
    await flow.restart()
    await flow.takes("watch/w1/sos", heart(5, at_ms=START_MS + 5))
    assert flow.receipts == [("watch/w1/receipt", {"boot": 1, "through": 3, "also": [[5, 5]], "until": START_MS + 6})]


async def test_a_quarantined_element_is_receipted_so_that_the_watch_lets_it_go(flow):
    await flow.takes("watch/w1/backlog", [heart(1, kind="heart_rate"), heart(2, kind="mood")])
    await count_is(flow, 1)
    await flow.clock.pass_s(10)
    await eventually(lambda: flow.receipts[-1][1]["through"] == 2)
    assert [row["seq"] for row in flow.rows()] == [1]
    await flow.takes("watch/w1/backlog", [heart(2, kind="mood")])
    assert len(flow.quarantine()) == 1, "a resend of it is not kept twice"


async def test_a_receipt_that_cannot_be_sent_is_counted_and_nobody_waits_for_it(flow):
    flow.urgent.state = flow.urgent.state.__class__(flow.urgent.state.link.DOWN, 0, connection=1)
    await flow.takes("watch/w1/heart_rate", heart(1))
    await eventually(lambda: flow.ingest.tally.receipts_unsent == 1)
    assert flow.ingest.tally.receipts == 0


async def test_a_wall_clock_set_back_by_an_hour_holds_no_receipt_up(flow):
    await flow.takes("watch/w1/heart_rate", heart(1))
    await count_is(flow, 1)
    flow.clock.set_by(-3600)
    await flow.clock.pass_s(1)
    await eventually(lambda: flow.clock.now_ns() < START_MS * 1_000_000, why="the step to be noticed")
    await flow.takes("watch/w1/heart_rate", heart(2))
    await flow.clock.pass_s(10)
    await count_is(flow, 2)


async def test_an_alarm_of_a_bracket_watch_gets_the_answer_it_waits_for(flow):
    flow.urgent.publish_all = lambda messages: [flow.receipts.append(message) for message in messages] and []
    frame = b"[3G*8800000015*0009*AL,220526,085730,V,22.5410,N,114.0590,E,0,0,0,0,100,50,0,0,00010000,0,0]"
    await flow.takes("3g/8800000015/up", frame)
    assert ("watch/8800000015/receipt", b"[3G*8800000015*0002*AL]") in flow.receipts
