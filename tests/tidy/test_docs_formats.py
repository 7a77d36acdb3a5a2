"""What docs/formats.md shows is what happens."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from carewatch.replay.decoding import Wanted, decoded_file
from carewatch.settings import Settings
from carewatch.sources import ConfiguredSources
from ingest.formats import DECODERS
from ingest.formats.profile import KEYS, ProfileError, read_profile
from ingest.reading import Datum

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/formats.md").read_text("utf-8")


def block(name):
    """The one fenced block that is called so."""
    (found,) = re.findall(rf"^```{name}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "band.toml").write_text(block("toml map"), "utf-8")
    return Settings(devices_folder=tmp_path, sources=tomllib.loads(block("toml source"))["sources"])


@pytest.mark.parametrize("wanted", [Wanted("flat_json"), Wanted("flat_json", profile="band")])
def test_the_captured_payloads_decode_by_the_map_to_what_is_shown(settings, wanted):
    found = list(decoded_file(wanted, block("json captured").encode().splitlines(), settings, 1_790_000_500_000))
    for line in found:
        line.update({name: round(line[name], 6) for name in ("lat", "lon") if name in line})
    assert found == [json.loads(line) for line in block("json shown").splitlines()]


def test_the_source_leads_to_the_map(settings):
    configured = ConfiguredSources.of(settings)
    route = configured.sources.route("band/w7/up")
    assert (route.watch_id, configured.datum_of(route, Datum.WGS84)) == ("w7", Datum.GCJ02)


def test_a_fault_is_told_as_the_page_says():
    with pytest.raises(ProfileError) as caught:
        read_profile(block("toml fault"), "band.toml")
    assert str(caught.value) == block("text said").rstrip("\n")


def test_every_format_has_its_row_and_every_profile_its_keys():
    rows = re.findall(r"^\| `(\w+)`", PAGE.split("## Certify")[0], re.MULTILINE)
    assert set(rows) == set(DECODERS) == set(KEYS)
