"""What `carewatch replay` can play."""

from __future__ import annotations

import gzip
import json

import pytest

from carewatch.replay.recording import Recorded, RecordingError, read_recording
from carewatch.replay.source import messages_of

NOW_MS = 1_790_000_000_000


def write(path, text):
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_recording_comes_back_as_it_was_taken(tmp_path, name):
    taken = [
        Recorded(1.5, "watch/w1/sos", b'{"seq": 1}'),
        Recorded(2.0, "3g/x/up", "[3G*1*0009*心率]".encode()),
        Recorded(3.0, "watch/w1/fall", b"\xff\xfe not text"),
    ]
    file = write(tmp_path / name, "".join(message.line() + "\n" for message in taken))
    assert list(messages_of(file, now_ms=NOW_MS, time_zone="UTC")) == taken


def test_objects_arrays_and_text_are_payloads(tmp_path):
    file = write(
        tmp_path / "r.jsonl",
        '{"at": 1, "topic": "t", "payload": {"a": 1}}\n\n{"at": 2, "topic": "t", "payload": [1]}\n',
    )
    assert [json.loads(message.payload) for message in read_recording(file)] == [{"a": 1}, [1]]


def test_minutes_become_a_watch_that_lives_until_now(tmp_path):
    file = write(
        tmp_path / "minutes_7.csv.gz",
        "ts,hr,intensity,steps\n2016-04-02 09:49:00,75,1,34\n2016-04-02 09:50:00,76,0,0\n",
    )
    first, last = messages_of(file, now_ms=NOW_MS, time_zone="Asia/Shanghai")
    assert first.topic == "watch/minutes_7/heart_rate"
    reading = json.loads(first.payload)
    assert (reading["bpm"], reading["steps"], reading["seq"]) == (75, 34, 1)
    assert json.loads(last.payload)["time"] == NOW_MS
    assert json.loads(last.payload)["time"] - reading["time"] == 60_000
    again = list(messages_of(file, now_ms=NOW_MS + 1, time_zone="Asia/Shanghai"))
    assert json.loads(again[0].payload)["boot"] != reading["boot"]


def test_captured_frames_of_a_protocol_we_speak(tmp_path):
    frames = [
        {"protocol": "watch", "frame": "[3G*1*0002*LK]", "asserted": None},
        {"protocol": "iw", "frame": "IWAP49,68#"},
        {"protocol": "owntracks", "frame": '{"_type": "lwt"}'},
        {"protocol": "h02", "frame": "*HQ,1#"},
    ]
    file = write(tmp_path / "frames.jsonl", "".join(json.dumps(frame) + "\n" for frame in frames))
    assert list(messages_of(file, now_ms=NOW_MS, time_zone="UTC")) == [
        Recorded(NOW_MS / 1000, "3g/captured/up", b"[3G*1*0002*LK]"),
        Recorded(NOW_MS / 1000, "iw/captured/up", b"IWAP49,68#"),
        Recorded(NOW_MS / 1000, "owntracks/captured/phone", b'{"_type": "lwt"}'),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"at": 1, "topic": "t", "payload": "x"}\n{"at": "soon"}\n', "bad:2"),
        ('{"at": NaN, "topic": "t", "payload": "x"}\n', "bad:1: .*give seconds since 1970"),
        ('{"at": -1, "topic": "t", "payload": "x"}\n', "bad:1: .*give seconds since 1970"),
        ('{"at": 1, "topic": "watch/+/sos", "payload": "x"}\n', "bad:1: .*no topic that a message can have"),
        ('{"at": 1%s, "topic": "t", "payload": "x"}\n' % ("0" * 400), "bad:1: OverflowError"),
        ('{"at": 1, "topic": "%s", "payload": "x"}\n' % ("t" * 65536), "bad:1: .*at most 65535 bytes"),
        ('{"at": 1, "topic": "\\ud800", "payload": "x"}\n', "bad:1: UnicodeEncodeError"),
        ('{"at": 1, "topic": 7, "payload": "x"}\n', "bad:1: .*no topic that a message can have"),
        ('{"at": 1, "topic": "t", "payload_base64": "x"}\n', "bad:1"),
        ('{"at": 1, "topic": "t"}\n', "bad:1: KeyError"),
        ("ts,hr,intensity,steps\nyesterday,75,1,34\n", "bad:2"),
        ("hello\n", "neither a recording"),
        ("", "neither a recording"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path, text, said):
    with pytest.raises(RecordingError, match=said):
        list(messages_of(write(tmp_path / "bad", text), now_ms=NOW_MS, time_zone="UTC"))


def test_a_compressed_recording_that_was_broken_off_is_named_with_its_line_and_the_remedy(tmp_path):
    lines = "".join(Recorded(n, "watch/w1/sos", bytes([n]) * 50).line() + "\n" for n in range(200))
    whole = gzip.compress(lines.encode())
    file = tmp_path / "r.jsonl.gz"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecordingError, match=r"r\.jsonl\.gz:\d+: the compressed file ends in the middle.*gzip -dc"):
        list(messages_of(file, now_ms=NOW_MS, time_zone="UTC"))
    file.write_bytes(b"no gzip at all")
    with pytest.raises(RecordingError, match="cannot be read: Not a gzipped file"):
        list(messages_of(file, now_ms=NOW_MS, time_zone="UTC"))


def test_a_line_that_is_no_text_is_named(tmp_path):
    file = tmp_path / "r.jsonl"
    file.write_bytes(Recorded(1, "t", b"x").line().encode() + b"\n" + b"a" * 9000 + b"\xff\n")
    with pytest.raises(RecordingError, match=r"r\.jsonl:2: cannot be read: 'utf-8' codec"):
        list(messages_of(file, now_ms=NOW_MS, time_zone="UTC"))
