"""An operator finds out what could not be read, mends the settings, and has it read again."""

from __future__ import annotations

import base64
import json

import pytest

AT_MS = 1_790_000_000_000
"""2026-09-21 22:13:20 in Shanghai."""
FRAME = "[3G*6907919734*003e*AL_LTE,170525,214118,V,0,N,0,E,0,0,0,0,0,22,0,0,00010000,0,0,0]"
SOURCE = '[[sources]]\nfilter = "bracket/+/up"\nformat = "watch_3g"\n'


def recorded(topic, payload, after_s=0):
    named = {"payload": payload} if isinstance(payload, str) else {"payload_base64": base64.b64encode(payload).decode()}
    return json.dumps({"at": AT_MS / 1000 + after_s, "topic": topic, **named}) + "\n"


@pytest.fixture
def log(carewatch, write, environment):
    """A heart rate, a frame whose topic no source knows, and bytes that are no text."""
    heart = json.dumps({"v": 1, "boot": 1, "seq": 1, "time": AT_MS, "bpm": 71})
    lines = [
        recorded("watch/w1/heart_rate", heart),
        recorded("bracket/x/up", FRAME, 60),
        recorded("watch/w2/location", b"\xff\x00\x10lat", 120),
    ]
    said = carewatch("replay", "--log", environment / "readings.sqlite", write("r.jsonl", "".join(lines)))
    assert (said.code, said.out) == (0, "3 messages, 1 readings, 0 duplicates, 2 quarantined\n")
    return environment / "readings.sqlite"


def test_the_log_shows_its_readings_with_local_times(carewatch, log):
    record, reading, *_ = carewatch("log", "inspect", "--after", 0, "--readings").lines
    assert record == {
        "offset": 1, "kind": "readings", "log_time": "2026-09-21T22:13:20.000+08:00", "log_time_ms": AT_MS,
        "deaf": False, "readings": 1,
    }  # fmt: skip
    assert reading == {
        "offset": 1, "kind": "heart_rate", "watch": "w1", "time": "2026-09-21T22:13:20.000+08:00", "boot": 1, "seq": 1,
        "bpm": 71.0, "flags": ["unknown_watch"], "arrival": "2026-09-21T22:13:20.000+08:00",
    }  # fmt: skip


def test_the_log_is_shown_from_a_time_on(carewatch, log):
    offsets = [line["offset"] for line in carewatch("log", "inspect", "--at", "2026-09-21 22:14:20").lines]
    assert offsets == [2, 3]
    assert carewatch("log", "inspect", "--at", "2026-09-21 22:14:21").lines[0]["offset"] == 3
    said = carewatch("log", "inspect", "--at", "noon")
    assert (said.code, "TIME 'noon' is no time; write HH:MM" in said.err) == (2, True)
    said = carewatch("log", "inspect", "--at", "12:00", "--after", "1")
    assert (said.code, said.err) == (2, "--after and --at: give one of them\n")


def test_entries_are_listed_with_the_reason_and_found_by_it(carewatch, log):
    newest, frame = carewatch("quarantine", "list").lines
    assert (newest["entry"], newest["reason"], newest["watch"]) == (2, "not_json", "w2")
    assert (frame["entry"], frame["topic"], frame["payload"]) == (1, "bracket/x/up", FRAME)
    assert frame["arrival"] == "2026-09-21T22:14:20.000+08:00"
    assert carewatch("quarantine", "list", "--reason", frame["reason"]).lines == [frame]
    assert carewatch("quarantine", "list", "--watch", "w2").lines == [newest]
    assert carewatch("quarantine", "list", "--since", "2026-09-21 22:15").lines == [newest]
    assert carewatch("quarantine", "list", "--count", "1").lines == [newest]
    assert carewatch("quarantine", "list", "--since", "today").code == 2


@pytest.mark.parametrize("command", ["list", "retry"])
def test_a_reason_that_is_none_is_named_with_the_nearest(carewatch, log, command):
    said = carewatch("quarantine", command, "--reason", "not_jsn")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert "did you mean 'not_json'?" in said.err
    assert "not_utf8" in said.err


def test_one_entry_is_shown_whole_text_as_text_and_bytes_as_hex(carewatch, log):
    said = carewatch("quarantine", "show", 1)
    assert "topic    bracket/x/up\n" in said.out
    assert said.out.endswith(f"\n\n{FRAME}\n")
    said = carewatch("quarantine", "show", 2)
    assert "00000000  ff 00 10 6c 61 74" in said.out
    assert said.out.rstrip().endswith("...lat")
    said = carewatch("quarantine", "show", 3)
    assert (said.code, said.err) == (
        1,
        "quarantine entry 3: there is none; `carewatch quarantine list` shows them\n",
    )


def test_a_frame_is_read_again_once_its_source_is_set_and_only_once(carewatch, log, write, monkeypatch):
    said = carewatch("quarantine", "retry", "--all")
    assert said.code == 1
    assert "entry 2: refused: not_json" in said.out
    assert said.out.endswith("2 entries: 2 refused; 0 readings committed\n")
    monkeypatch.setenv("CAREWATCH_CONFIG", str(write("mine.toml", SOURCE)))
    said = carewatch("quarantine", "retry", 1)
    assert (said.code, said.out) == (0, "1 entries: 1 read; 2 readings committed\n")
    *_, record, sos, status = carewatch("log", "inspect", "--readings").lines
    assert record["deaf"]
    assert (sos["kind"], sos["watch"], sos["arrival"]) == ("sos", "6907919734", "2026-09-21T22:14:20.000+08:00")
    assert status["kind"] == "status"
    said = carewatch("quarantine", "retry", 1, "--json")
    assert said.lines == [{"entry": 1, "outcome": "read before", "readings": 0, "why": ""}]
    assert [line["entry"] for line in carewatch("quarantine", "list", "--unread").lines] == [2]
    assert carewatch("quarantine", "list").lines[1]["outcome"] == "read"


def test_a_retry_without_saying_of_what_and_of_what_is_not_there_is_a_wrong_use(carewatch, log):
    said = carewatch("quarantine", "retry")
    assert (said.code, "or --all" in said.err) == (2, True)
    said = carewatch("quarantine", "retry", 7)
    assert (said.code, "quarantine entry 7: there is none" in said.err) == (2, True)
    assert carewatch("quarantine", "retry", "--watch", "nobody").out == "0 entries; 0 readings committed\n"


@pytest.mark.parametrize("speed", ["-1", "nan", "inf"])
def test_a_speed_that_is_none_is_refused_before_anything_is_played(carewatch, write, speed):
    file = write("r.jsonl", recorded("watch/w1/sos", "{}"))
    said = carewatch("replay", file, "--speed", speed)
    assert said.code == 2
    assert said.err == f"--speed {speed}: give a number from 0 on: 2 is twice the recorded pace, 0 as fast as can be\n"


def test_a_broken_line_is_named_and_nothing_is_played(carewatch, write, environment):
    file = write("r.jsonl", recorded("watch/w1/sos", "{}") + '{"at": 1, "topic": ')
    log = environment / "other.sqlite"
    said = carewatch("replay", "--log", log, file)
    assert said.code == 2
    assert said.err.startswith(f"{file}:2: JSONDecodeError")
    assert 'a line reads {"at": 1763965920.0' in said.err
    assert not log.exists()
    said = carewatch("replay", "--log", log, "--mqtt", "mqtt://127.0.0.1", file)
    assert (said.code, said.err) == (2, "--mqtt and --log: give one of them, where the messages are to go\n")
