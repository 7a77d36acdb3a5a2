"""Payloads as they come (input.jsonl, a recording) and what a decoder makes of them (expected.jsonl).

A new format is a new folder. To accept what a decoder says now, after reading it line by line:
`CAREWATCH_ACCEPT_GOLDEN=1 pytest tests/ingest/formats/test_golden.py`.
"""

import json
import os
from pathlib import Path

import pytest

from ingest.formats import DECODERS, decoder_for
from ingest.formats.lines import decoded_lines
from ingest.formats.profile import load_profiles
from ingest.sources import Source, Sources

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(folder.parent for folder in GOLDEN.glob("*/*/input.jsonl"))
PROFILES = load_profiles(Path(__file__).parents[3] / "config" / "devices")
SOURCES = Sources(
    [
        Source("3g/+/up", "watch_3g"),
        Source("iw/v3/+/up", "watch_iw", "watch_iw_v3"),
        Source("iw/+/up", "watch_iw"),
        Source("owntracks/+/+", "owntracks"),
        Source("owntracks/+/+/#", "owntracks"),
        Source("http/owntracks", "owntracks"),
        Source("atom/g616/status/#", "flat_json", "g616"),
        Source("iot/+/+/data", "flat_json", "gateway"),
        Source("nobody/+", "flat_json"),
    ]
)


def messages_of(recording):
    for text in recording.read_text("utf-8").splitlines():
        entry = json.loads(text)
        payload = entry["payload"]
        payload = payload if isinstance(payload, str) else json.dumps(payload)
        route = SOURCES.route(entry["topic"])
        decoder = decoder_for(route.format, PROFILES.get(route.profile or route.format))
        yield decoder, route.message(entry["topic"], payload.encode(), entry["at"] * 1000)


def lines_of(case):
    for number, (decoder, message) in enumerate(messages_of(case / "input.jsonl"), 1):
        assert decoder.name == case.parent.name
        found = decoder.decode([message])
        yield from ({"line": number} | line for line in decoded_lines(decoder, [message]))
        yield from ({"line": number, "answer": answer.payload.decode()} for answer in found.answers)
        yield from ({"line": number, "counted": name} for name in found.unknown_fields)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_payloads_decode_to_what_they_say(case):
    expected = case / "expected.jsonl"
    found = list(lines_of(case))
    if os.environ.get("CAREWATCH_ACCEPT_GOLDEN"):
        expected.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in found), "utf-8")
    assert found == [json.loads(line) for line in expected.read_text("utf-8").splitlines()]


def test_every_format_has_its_cases():
    assert {case.parent.name for case in CASES} == set(DECODERS)
