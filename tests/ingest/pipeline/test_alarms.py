"""A fault of ours in a stage or a decoder: an alarm in what we fail on alerts all the same, the rest is quarantined."""

import json

import pytest
from structlog.testing import capture_logs

from ingest import prepare
from ingest.formats.native import Native
from ingest.formats.watch_3g import Watch3G
from ingest.reading import Flag
from tests.ingest.pipeline.flow import START_MS, heart
from tests.servers.waiting import eventually

SOS_FRAME = b"[3G*8800000015*00CD*AL,180916,064153,A,22.570512,N,113.8623267,E,0.00,154.8,0.0,11,100,100,0,0,00010000]"
CALM_FRAME = b"[3G*8800000015*0009*LK,0,0,100]"
POISON = 66


@pytest.fixture
def failing_stage(monkeypatch):
    """Normalisation fails on what a test says, as a mistake of ours might."""
    normalise = prepare.normalise

    def mistaken_on(is_poison):
        def with_our_mistake(readings, origin):
            if is_poison(readings):
                raise ZeroDivisionError("our mistake")
            return normalise(readings, origin)

        monkeypatch.setattr(prepare, "normalise", with_our_mistake)

    return mistaken_on


@pytest.fixture
def failing_decoder(monkeypatch):
    """A decoder that fails on every payload with `mark` in it."""

    def fails(decoder, mark):
        decode = decoder.decode

        def with_our_mistake(self, messages):
            if any(mark in message.payload for message in messages):
                raise ZeroDivisionError("our mistake")
            return decode(self, messages)

        monkeypatch.setattr(decoder, "decode", with_our_mistake)

    return fails


def kinds(flow):
    return [(row["watch"], row["kind"]) for row in flow.rows()]


async def test_an_alarm_frame_on_which_a_stage_fails_alerts(flow, failing_stage):
    failing_stage(lambda readings: len(readings["lat"]) > 0 and not (readings["lat"] != readings["lat"]).all())
    with capture_logs():
        await flow.takes("3g/8800000015/up", SOS_FRAME)
    assert kinds(flow) == [("8800000015", "sos")]
    assert Flag.UNDECODABLE in flow.rows()[0]["flags"]
    assert flow.quarantine() == [("decoder_failed", SOS_FRAME)]


async def test_an_sos_in_a_backlog_on_which_a_stage_fails_alerts_once_and_is_receipted(flow, failing_stage):
    failing_stage(lambda readings: (readings["bpm"] == POISON).any())
    backlog = [heart(1, kind="heart_rate", bpm=POISON), {"kind": "sos", "boot": 1, "seq": 2, "time": START_MS - 60_000}]
    with capture_logs():
        await flow.takes("watch/w1/backlog", backlog)
        await flow.takes("watch/w1/backlog", backlog)
    [row] = flow.rows()
    assert (row["kind"], row["seq"], row["time_ms"]) == ("sos", 2, START_MS - 60_000)
    assert next(payload["also"] for _, payload in flow.receipts) == [[2, 2]]


async def test_an_alarm_frame_that_its_decoder_fails_on_alerts_by_its_mark(flow, failing_decoder):
    failing_decoder(Watch3G, b"3G")
    with capture_logs():
        await flow.takes("3g/8800000015/up", CALM_FRAME)
        await flow.takes("3g/8800000015/up", SOS_FRAME)
    assert kinds(flow) == [("8800000015", "sos")], "what bears no mark of an alarm is no alert"
    assert flow.quarantine() == [("decoder_failed", SOS_FRAME), ("decoder_failed", CALM_FRAME)]


async def test_a_backlog_that_its_decoder_fails_on_alerts_if_it_names_an_emergency(flow, failing_decoder):
    failing_decoder(Native, b"poison")
    calm = [heart(1, kind="heart_rate", note="poison")]
    with capture_logs():
        await flow.takes("watch/w1/backlog", calm)
        await flow.takes("watch/w2/backlog", [*calm, {"kind": "sos", "boot": 1, "seq": 2}])
    assert kinds(flow) == [("w2", "sos")]


async def test_the_good_messages_around_failing_ones_are_all_taken(flow, failing_stage):
    failing_stage(lambda readings: (readings["bpm"] == POISON).any())
    sent = [heart(n, bpm=POISON if n in {3, 60, 61, 100} else 70) for n in range(1, 101)]
    with capture_logs() as told:
        flow.calm.deliver(*[("watch/w1/heart_rate", json.dumps(one).encode()) for one in sent])
        await eventually(lambda: len(flow.acknowledged) == 100)
    assert [row["seq"] for row in flow.rows()] == [n for n in range(1, 101) if n not in {3, 60, 61, 100}]
    assert len(flow.quarantine()) == 4
    assert sum(line["event"] == "message_taken_around" for line in told) == 4


async def test_one_failing_message_among_many_is_found_by_halving(flow, monkeypatch):
    decode, calls = Native.decode, []

    def with_our_mistake(decoder, messages):
        calls.append(len(messages))
        if any(b"poison" in message.payload for message in messages):
            raise ZeroDivisionError("our mistake")
        return decode(decoder, messages)

    monkeypatch.setattr(Native, "decode", with_our_mistake)
    sent = [heart(n, note="poison" if n == 700 else "") for n in range(1, 1025)]
    with capture_logs():
        flow.calm.deliver(*[("watch/w1/heart_rate", json.dumps(one).encode()) for one in sent])
        await eventually(lambda: len(flow.acknowledged) == 1024)
    assert len(flow.rows()) == 1023
    assert len(calls) <= 21, "two a halving of 1,024"


async def test_messages_that_fail_only_together_do_not_end_ingest_and_their_alarms_alert(flow, failing_stage):
    failing_stage(lambda readings: len(readings) > 2 and (readings["bpm"] > 0).any())
    sent = [("watch/w1/heart_rate", heart(n)) for n in (1, 2)]
    sent.append(("watch/w1/backlog", [{"kind": "fall", "boot": 1, "seq": 3, "time": START_MS}]))
    with capture_logs() as told:
        flow.calm.deliver(*[(topic, json.dumps(content).encode()) for topic, content in sent])
        await eventually(lambda: len(flow.acknowledged) == 3)
    assert kinds(flow) == [("w1", "fall")]
    assert {reason for reason, _ in flow.quarantine()} == {"decoder_failed"}
    assert len(flow.quarantine()) == 3
    assert "batch_taken_around" in {line["event"] for line in told}
    await flow.takes("watch/w1/heart_rate", heart(4))
    assert [row["seq"] for row in flow.rows() if "seq" in row and row["kind"] == "heart_rate"] == [4]
