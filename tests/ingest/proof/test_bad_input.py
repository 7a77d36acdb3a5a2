"""What comes wrong to a running ingest, and what its operator sees. docs/bad-input.md is this as a table."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from ingest.reading import Flag
from tests.ingest.proof.outside import now_ms
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from tests.ingest.proof.outside import Outside
    from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.server

NOW_MS = now_ms() - 900_000
GOOD = {"boot": 1, "seq": 1, "time": NOW_MS, "bpm": 71, "battery": 50}
FRAME = "[3G*8800000015*0087*UD,220414,134652,A,22.571707,N,113.8613968,E,0.1,0.0,100,7,60,90,1000,50,0000"


def text(**fields: object) -> bytes:
    return json.dumps({**GOOD, "time": now_ms(), **fields}).encode()


UNUSABLE = {
    "a payload cut off": ("watch/q1/heart_rate", text()[:-9], "not_json"),
    "a frame cut off": ("3g/q2/up", FRAME.encode()[:20], "bad_frame"),
    "a frame of rubbish": ("3g/q3/up", b"\x00\xff[[3G*", "bad_frame"),
    "more than a packet may hold": ("watch/q4/backlog", b"[" + b" " * (1 << 20) + b"]", "oversized"),
    "invalid UTF-8": ("watch/q5/status", b'{"time":1790000000000,"event":"\xff"}', "not_utf8"),
    "an id that cannot be one": ("watch/张三/heart_rate", text(), "bad_watch_id"),
    "an id of 65 characters": (f"watch/{'x' * 65}/heart_rate", text(), "bad_watch_id"),
    "no id": ("watch//heart_rate", text(), "bad_watch_id"),
    "deep JSON": ("watch/q6/heart_rate", b"[" * 300_000, "too_deep"),
    "deep JSON in a field": ("watch/q7/heart_rate", b'{"a":' * 100_000, "too_deep"),
    "NaN": ("watch/q8/heart_rate", text().replace(b"71", b"NaN"), "not_json"),
    "minus infinity": ("watch/q9/heart_rate", text().replace(b"71", b"-Infinity"), "not_json"),
    "a number that is infinite": ("watch/q17/heart_rate", text().replace(b"71", b"1e400"), "not_json"),
    "not JSON at all": ("watch/q10/heart_rate", b"bpm=70", "not_json"),
    "nothing": ("watch/q11/heart_rate", b"", "not_json"),
    "no object": ("watch/q12/heart_rate", b"70", "not_an_object"),
    "no time": ("watch/q13/heart_rate", b'{"boot":1,"seq":1,"bpm":70}', "no_time"),
    "a time that is none": ("watch/q14/heart_rate", text(time="yesterday"), "bad_time"),
    "no kind": ("watch/q15/backlog", b"[%s]" % text(), "unknown_kind"),
    "a version of tomorrow": ("watch/q16/heart_rate", text(v=2), "unknown_version"),
}


@pytest.mark.parametrize("why", UNUSABLE)
def test_what_cannot_be_a_reading_stands_in_quarantine_with_its_reason(outside: Outside, why: str) -> None:
    topic, payload, reason = UNUSABLE[why]
    outside.publish(topic, payload)
    entry = outside.quarantined(topic)
    assert (entry.reason, entry.payload) == (reason, payload[:65_536])
    assert entry.detail
    assert entry.arrival_ms >= NOW_MS
    outside.goes_on()


FLAGGED: dict[str, tuple[str, dict[str, Any], Flag, dict[str, Any]]] = {
    "a number as a string": ("heart_rate", {"bpm": "70"}, Flag.WRONG_TYPE, {"battery": 50}),
    "a number beyond every float": ("heart_rate", {"bpm": 10**400}, Flag.OUT_OF_RANGE, {"battery": 50}),
    "a value that nobody has": ("heart_rate", {"bpm": 999}, Flag.OUT_OF_RANGE, {"battery": 50}),
    "time zero": ("heart_rate", {"time": 0}, Flag.CLOCK_REPAIRED, {"bpm": 71, "raw_time_ms": 0}),
    "a time of ten years ahead": ("heart_rate", {"time": NOW_MS + 10**11}, Flag.CLOCK_REPAIRED, {"bpm": 71}),
    "a seq of 4,294,967,295": ("heart_rate", {"seq": 2**32 - 1}, Flag.SEQ_JUMP, {"seq": 2**32 - 1}),
    "a seq of 4,294,967,296": ("heart_rate", {"seq": 2**32}, Flag.OUT_OF_RANGE, {"bpm": 71}),
    "0 bpm": ("heart_rate", {"bpm": 0}, Flag.NOT_WORN_BY_ZERO, {"worn": 0}),
    "an SOS with a bad companion": ("sos", {"battery": "low", "time": "soon"}, Flag.WRONG_TYPE, {"kind": "sos"}),
    "an SOS without a time": ("sos", {"time": None}, Flag.TIME_MISSING, {"kind": "sos"}),
    "an SOS of tomorrow's version": ("sos", {"v": 2}, Flag.UNKNOWN_VERSION, {"kind": "sos"}),
    "a watch that nobody knows": ("heart_rate", {}, Flag.UNKNOWN_WATCH, {"bpm": 71}),
}


@pytest.mark.parametrize("why", FLAGGED)
def test_what_is_wrong_in_a_reading_is_flagged_and_the_rest_lives(outside: Outside, why: str) -> None:
    kind, fields, flag, rest = FLAGGED[why]
    watch = f"f{list(FLAGGED).index(why)}"
    outside.publish(f"watch/{watch}/{kind}", text(**fields))
    [row] = outside.rows(watch)
    assert flag in row["flags"]
    assert {name: row[name] for name in rest} == rest
    assert abs(row["time_ms"] - now_ms()) < 120_000, "no time that cannot be is believed"
    outside.goes_on()


@pytest.mark.parametrize(
    ("kind", "payload"), [("sos", b"\xff"), ("fall", b"help!"), ("fall", b"[]"), ("sos", b"[" * 300_000)]
)
def test_an_emergency_that_cannot_be_read_alerts_and_stands_in_quarantine(
    outside: Outside, kind: str, payload: bytes
) -> None:
    watch = f"e{len(payload)}"
    outside.publish(f"watch/{watch}/{kind}", payload)
    [row] = outside.rows(watch)
    assert row["kind"] == kind
    assert {Flag.UNDECODABLE, Flag.TIME_MISSING} <= set(row["flags"])
    assert outside.quarantined(f"watch/{watch}/{kind}").payload == payload[:65_536]


def test_an_array_of_501_is_taken_whole_and_flagged(outside: Outside) -> None:
    array = [{**GOOD, "kind": "heart_rate", "seq": seq, "time": NOW_MS - 600_000 + seq} for seq in range(1, 502)]
    outside.publish("watch/a501/backlog", array)
    rows = outside.rows("a501", 501)
    assert [row["seq"] for row in rows] == list(range(1, 502))
    assert all({Flag.OVERSIZED, Flag.FROM_BACKLOG} <= set(row["flags"]) for row in rows)


def test_a_retained_message_on_subscription_is_flagged(outside: Outside) -> None:
    [row] = outside.rows("kept")
    assert Flag.RETAINED in row["flags"]


def test_a_seq_that_starts_again_without_a_new_boot_loses_nothing(outside: Outside) -> None:
    for turn, flag in enumerate((Flag(0), Flag.SEQ_RESET)):
        for seq in (1, 2, 3):
            outside.publish("watch/again/heart_rate", text(seq=seq, time=NOW_MS - 600_000 + turn * 60_000 + seq))
        first = outside.rows("again", 3 * turn + 3)[3 * turn]
        assert flag in first["flags"]
    assert [row["seq"] for row in outside.rows("again", 6)] == [1, 2, 3, 1, 2, 3]


def test_two_watches_with_one_id_are_flagged_and_both_are_used(outside: Outside) -> None:
    begun_ms = NOW_MS - 3_600_000
    for minute, boot in enumerate((11, 22, 11, 22, 11, 22)):
        outside.publish("watch/both/heart_rate", text(boot=boot, seq=minute + 1, time=begun_ms + minute * 120_000))
    rows = outside.rows("both", 6)
    assert [row["boot"] for row in rows] == [11, 22, 11, 22, 11, 22]
    assert any(Flag.TWO_SENDERS in row["flags"] for row in rows)
    shared = "two watches seem to share an id: both"
    wait_until(lambda: any(problem.what == shared for problem in outside.role.problems), 10, "it to be told")


def test_topics_of_another_depth_are_not_ours_and_nothing_is_heard_of_them(outside: Outside) -> None:
    for topic in ("watch", "watch/d1", "watch/heart_rate", "watch/d1/heart_rate/now", "watch/d1/mood", "x/d1/sos"):
        outside.publish(topic, text())
    outside.goes_on()
    assert outside._rows_of("d1", 0) == []
    assert outside._entries("watch/d1/mood") == []


def test_a_bad_element_costs_no_other_of_its_array(outside: Outside) -> None:
    good = [{**GOOD, "kind": "heart_rate", "seq": seq, "time": NOW_MS + seq} for seq in (1, 2, 5)]
    outside.publish("watch/mixed/backlog", [good[0], 7, good[1], {"kind": "mood"}, good[2]])
    assert [row["seq"] for row in outside.rows("mixed", 3)] == [1, 2, 5]
    detail = outside.quarantined("watch/mixed/backlog").detail
    assert "element 1: not_an_object" in detail
    assert "element 3: unknown_kind" in detail


def test_a_client_that_breaks_mqtt_itself_is_the_brokers_to_throw_off(outside: Outside, broker: Mosquitto) -> None:
    connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01b"
    half = b"\x32\xff\x7f\x00\x0fwatch/h1/status"
    wild = b"\x3f\x09\x00\x03w/\xff\x00\x01{}x"
    for sent in (connect + half, connect + wild, b"\xff" * 64):
        with socket.create_connection((broker.host, broker.port), timeout=10) as raw:
            raw.sendall(sent)
    outside.goes_on()
    assert outside._rows_of("h1", 0) == []


def test_an_operator_finds_all_of_it_counted_by_reason_and_nothing_grave_amiss(outside: Outside) -> None:
    outside.publish("watch/counted/heart_rate", b"rubbish")
    outside.publish("watch/counted/heart_rate", text(bpm=900, mood="good"))
    outside.rows("counted")

    def counted() -> bool:
        status = outside.role.status
        assert status is not None
        by_reason, emptied = status.by_label["quarantined"], status.by_label["fields_emptied"]
        return by_reason.get("not_json") and emptied.get("out_of_range") and status.counters["unknown_fields"] >= 1

    wait_until(counted, 10, "both to be counted")
    assert {problem.part for problem in outside.role.problems} <= {"watches"}, "two of them share an id, see above"
    assert not any(problem.is_grave for problem in outside.role.problems)
