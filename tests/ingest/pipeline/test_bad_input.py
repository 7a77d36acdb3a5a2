"""What comes wrong, what the operator sees of it, and that the flow goes on."""

import json

import pytest
from structlog.testing import capture_logs

from ingest import prepare
from ingest.formats.native import Native
from ingest.reading import Flag
from tests.ingest.pipeline.flow import START_MS, heart
from tests.servers.waiting import eventually

YEARS_10_MS = 10 * 365 * 86_400_000
DEEP = b"[" * 200_000 + b"]" * 200_000
UNUSABLE = {
    "not JSON": ("watch/w1/heart_rate", b"bpm=70", "not_json"),
    "no time": ("watch/w1/heart_rate", b'{"boot":1,"seq":1,"bpm":70}', "no_time"),
    "a time that is none": ("watch/w1/heart_rate", b'{"time":"yesterday","bpm":70}', "bad_time"),
    "a number alone": ("watch/w1/heart_rate", b"70", "not_an_object"),
    "invalid UTF-8": ("watch/w1/status", b'{"time":1790000000000,"event":"\xff"}', "not_utf8"),
    "nested too deep": ("watch/w1/heart_rate", DEEP, "too_deep"),
    "another version": ("watch/w1/heart_rate", b'{"v":7,"time":1790000000000}', "unknown_version"),
    "no kind in a backlog": ("watch/w1/backlog", b'[{"time":1790000000000}]', "unknown_kind"),
    "a bad watch id": ("watch/w 1/heart_rate", b'{"time":1790000000000,"bpm":70}', "bad_watch_id"),
    "a topic of no source": ("old/filter/w1", b"kept by the session", "unknown_topic"),
    "no bracket frame": ("3g/8800000015/up", b"hello", "bad_frame"),
}


@pytest.mark.parametrize("why", UNUSABLE)
async def test_what_cannot_be_a_reading_stands_whole_in_quarantine_and_the_next_one_is_taken(flow, why):
    topic, payload, reason = UNUSABLE[why]
    await flow.takes(topic, payload)
    [entry] = flow.log.quarantine()
    assert (entry.topic, entry.reason, entry.payload) == (topic, reason, payload[:65_536])
    assert entry.detail
    assert entry.arrival_ms == START_MS
    assert flow.rows() == []
    assert flow.ingest.tally.quarantined[reason] == 1
    await flow.takes("watch/w1/heart_rate", heart(5))
    assert [row["seq"] for row in flow.rows()] == [5]


@pytest.mark.parametrize(
    ("kind", "payload"),
    [("sos", b""), ("fall", b"help!"), ("sos", b"\xff\xfe"), ("fall", b"[]"), ("sos", b"null"), ("sos", DEEP)],
)
async def test_an_emergency_that_cannot_be_read_alerts_and_stands_in_quarantine(flow, kind, payload):
    await flow.takes(f"watch/w1/{kind}", payload)
    [row] = flow.rows()
    assert (row["watch"], row["kind"], row["time_ms"]) == ("w1", kind, START_MS)
    assert {Flag.UNDECODABLE, Flag.TIME_MISSING} <= set(row["flags"])
    assert [kept for _, kept in flow.quarantine()] == [payload[:65_536]]


async def test_an_emergency_under_an_id_that_cannot_be_one_alerts_under_a_stand_in(flow):
    await flow.takes("watch/张三/sos", heart(1))
    [row] = flow.rows()
    assert row["watch"].startswith("bad-id.")
    assert Flag.UNKNOWN_WATCH in row["flags"]
    [entry] = flow.log.quarantine()
    assert entry.reason == "bad_watch_id"
    assert "张三" in entry.detail


@pytest.mark.parametrize("off_ms", [-YEARS_10_MS, YEARS_10_MS])
async def test_a_clock_ten_years_off_is_repaired_from_arrival_and_flagged(flow, off_ms):
    await flow.takes("watch/w1/heart_rate", heart(1, at_ms=START_MS + off_ms))
    [row] = flow.rows()
    assert (row["time_ms"], row["raw_time_ms"]) == (START_MS, START_MS + off_ms)
    assert Flag.CLOCK_REPAIRED in row["flags"]


async def test_bpm_0_is_not_worn(flow):
    await flow.takes("watch/w1/heart_rate", heart(1, bpm=0))
    [row] = flow.rows()
    assert "bpm" not in row
    assert row["worn"] == 0
    assert Flag.NOT_WORN_BY_ZERO in row["flags"]


async def test_a_field_out_of_range_is_emptied_counted_and_the_rest_lives(flow):
    await flow.takes("watch/w1/heart_rate", heart(1, bpm=999, battery=50))
    [row] = flow.rows()
    assert "bpm" not in row
    assert row["battery"] == 50
    assert Flag.OUT_OF_RANGE in row["flags"]
    assert flow.ingest.tally.fields_emptied["out_of_range"] == 1
    assert flow.quarantine() == []


async def test_a_sos_with_wrong_companions_alerts_all_the_same(flow):
    await flow.takes("watch/w1/sos", {"time": "soon", "battery": "low", "worn": 7, "cancelled": "no", "boot": -1})
    [row] = flow.rows()
    assert row["kind"] == "sos"
    assert {Flag.TIME_MISSING, Flag.WRONG_TYPE} <= set(row["flags"])


async def test_an_array_of_501_is_taken_and_flagged(flow):
    await flow.takes("watch/w1/backlog", [heart(seq, kind="heart_rate") for seq in range(1, 502)])
    rows = flow.rows()
    assert [row["seq"] for row in rows] == list(range(1, 502))
    assert all({Flag.OVERSIZED, Flag.FROM_BACKLOG} <= set(row["flags"]) for row in rows)


async def test_a_packet_over_the_limit_stands_in_quarantine_with_its_size(flow):
    await flow.takes("watch/w1/backlog", b'[{"kind":', whole_bytes=5_000_000)
    [entry] = flow.log.quarantine()
    assert entry.reason == "oversized"
    assert "5000000 bytes" in entry.detail
    assert flow.rows() == []


async def test_an_emergency_over_the_limit_still_alerts(flow):
    await flow.takes("watch/w1/sos", b'{"note":"aaaa', whole_bytes=5_000_000)
    assert [(row["watch"], row["kind"]) for row in flow.rows()] == [("w1", "sos")]
    assert flow.quarantine() == [("oversized", b'{"note":"aaaa')], "one entry, though it is no JSON either"


async def test_a_retained_message_is_flagged_and_used_once(flow):
    await flow.takes("watch/w1/sos", heart(1), retained=True)
    await flow.restart()
    await flow.takes("watch/w1/sos", heart(1), retained=True)
    [row] = flow.rows()
    assert Flag.RETAINED in row["flags"]


async def test_a_bad_element_costs_no_other_of_its_array(flow):
    elements = [heart(1, kind="heart_rate"), 7, heart(3, kind="heart_rate", time=None), heart(4, kind="heart_rate")]
    await flow.takes("watch/w1/backlog", elements)
    assert [row["seq"] for row in flow.rows()] == [1, 4]
    [entry] = flow.log.quarantine()
    assert "element 1" in entry.detail
    assert "element 2" in entry.detail


async def test_a_stage_that_fails_on_a_reading_costs_its_message_and_an_emergency_alerts(flow, monkeypatch):
    normalise = prepare.normalise

    def with_our_mistake(readings, origin):
        if (readings["bpm"] == 66).any() or (readings["impact_g"] == 6).any():
            raise ZeroDivisionError("our mistake")
        return normalise(readings, origin)

    monkeypatch.setattr(prepare, "normalise", with_our_mistake)
    poison, fall = json.dumps(heart(2, bpm=66)).encode(), json.dumps({"boot": 7, "seq": 9, "impact_g": 6}).encode()
    with capture_logs() as told:
        flow.calm.deliver(
            ("watch/w1/heart_rate", json.dumps(heart(1)).encode()),
            ("watch/w3/heart_rate", poison),
            ("watch/w1/heart_rate", json.dumps(heart(4)).encode()),
        )
        await eventually(lambda: len(flow.acknowledged) == 3)
        await flow.takes("watch/w2/fall", fall)
    assert [(row["watch"], row["kind"]) for row in flow.rows()] == [
        ("w1", "heart_rate"),
        ("w1", "heart_rate"),
        ("w2", "fall"),
    ]
    assert Flag.UNDECODABLE in flow.rows()[2]["flags"]
    assert sorted(flow.quarantine()) == sorted([("decoder_failed", poison), ("decoder_failed", fall)])
    assert "message_taken_around" in {line["event"] for line in told}


async def test_a_decoder_that_fails_costs_one_message_and_an_emergency_in_it_alerts(flow, monkeypatch):
    decode = Native.decode

    def with_our_mistake(decoder, messages):
        if any(b"poison" in message.payload for message in messages):
            raise ZeroDivisionError("our mistake")
        return decode(decoder, messages)

    monkeypatch.setattr(Native, "decode", with_our_mistake)
    poison = json.dumps(heart(3, note="poison")).encode()
    with capture_logs() as told:
        flow.calm.deliver(
            ("watch/w1/heart_rate", json.dumps(heart(1)).encode()),
            ("watch/w1/heart_rate", poison),
            ("watch/w1/heart_rate", json.dumps(heart(2)).encode()),
        )
        await eventually(lambda: len(flow.acknowledged) == 3)
        await flow.takes("watch/w2/sos", poison)
    assert [(row["watch"], row["kind"]) for row in flow.rows()] == [
        ("w1", "heart_rate"),
        ("w1", "heart_rate"),
        ("w2", "sos"),
    ]
    assert Flag.UNDECODABLE in flow.rows()[2]["flags"]
    assert flow.quarantine() == [("decoder_failed", poison)] * 2
    assert "decoder_failed" in {line["event"] for line in told}
