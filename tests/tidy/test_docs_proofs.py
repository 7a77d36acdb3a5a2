"""What docs/mqtt.md, bad-input.md and architecture.md name is there, and every reason for quarantine is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingest.formats.contract import Reason

ROOT = Path(__file__).parents[2]
PAGES = ["mqtt.md", "bad-input.md"]
OF_FIELDS = {"wrong_type", "out_of_range"}
"""The rest of the reading lives; their flags are named."""


def page(name):
    return (ROOT / "docs" / name).read_text("utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_every_test_that_a_page_names_is_there(name):
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", page(name))
    tests = [(file, test) for file, test in named if not file.startswith("ingest/")]
    assert len(tests) > 10
    for file, test in tests:
        source = (ROOT / "tests/ingest" / file).read_text("utf-8")
        assert not test or re.search(rf"^(async )?def {test}\(", source, re.MULTILINE), f"{file}::{test}"


def test_every_file_of_code_that_a_page_names_is_there():
    named = re.findall(r"`(ingest/[\w/]+\.py)`", page("mqtt.md"))
    assert [file for file in named if not (ROOT / file).is_file()] == []


def test_every_file_at_which_architecture_tells_to_begin_is_there():
    rows = re.findall(r"^\| (`[\w/`, ]+`) \|.*\| (.*`.*) \|$", page("architecture.md"), re.MULTILINE)
    places = [
        (re.findall(r"`([\w/]+/)`", folders), re.findall(r"`([\w/]+(?:\.py|/))`", begin)) for folders, begin in rows
    ]
    assert len(places) > 10
    assert [
        (folders, file)
        for folders, files in places
        for file in files
        if not any((ROOT / base / file).exists() for base in (*folders, "alerts", "ingest"))
    ] == []


def test_every_stage_of_ingest_that_architecture_lists_has_its_file():
    stages = page("architecture.md").partition("### The stages of ingest")[2].partition("### Who")[0]
    files = re.findall(r"`([\w/]+(?:\.py|/))`", stages)
    assert len(files) > 15
    assert [file for file in files if not any((ROOT / base / file).exists() for base in ("ingest", "."))] == []


def test_every_reason_for_quarantine_stands_on_the_page():
    text = page("bad-input.md")
    assert [
        reason.value for reason in Reason if f"`{reason.value}`" not in text and reason.value not in OF_FIELDS
    ] == []
