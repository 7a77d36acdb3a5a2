"""Payloads as they come (input.jsonl, a recording) and what a decoder makes of them (expected.jsonl).

A new format is a new folder. To accept what a decoder says now, after reading it line by line:
`CAREWATCH_ACCEPT_GOLDEN=1 pytest tests/ingest/formats/test_golden.py`.
"""

import json
import os
from pathlib import Path

import pytest

from ingest.formats import DECODERS
from ingest.formats.lines import decoded_lines
from ingest.sources import Source, Sources

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(folder.parent for folder in GOLDEN.glob("*/*/input.jsonl"))
SOURCES = Sources([Source("3g/+/up", "watch_3g")])


def messages_of(recording):
    for text in recording.read_text("utf-8").splitlines():
        entry = json.loads(text)
        payload = entry["payload"]
        payload = payload if isinstance(payload, str) else json.dumps(payload)
        yield SOURCES.route(entry["topic"]).message(entry["topic"], payload.encode(), entry["at"] * 1000)


def lines_of(case):
    decoder = DECODERS[case.parent.name]
    for number, message in enumerate(messages_of(case / "input.jsonl"), 1):
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
