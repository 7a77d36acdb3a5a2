"""What an operator looks at was written by strangers."""

from zoneinfo import ZoneInfo

import pytest

from carewatch.commands.shared import current_settings
from carewatch.replay.decoding import Wanted, decoded_file
from carewatch.shown import entry_line, entry_page
from ingest.log.contract import Quarantined

UTC = ZoneInfo("UTC")
CLEAR_SCREEN = "\x1b[2J\x9b2J\u202e"


@pytest.mark.parametrize(
    "line",
    [
        b'{"topic": "watch/w1/sos", "payload_base64": 5}',
        b'{"topic": "watch/\\ud800/sos", "payload": "x"}',
        b'{"topic": "3g/\\ud800/up", "payload": "x"}',
        b'{"topic": {"a": 1}, "payload": 1}',
        b'{"protocol": 1, "frame": "\\ud800"}',
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("name", ["native", "watch_3g", "watch_iw", "owntracks"])
def test_no_line_ends_decode(line, name):
    assert list(decoded_file(Wanted(name), [line], current_settings(), 1_790_000_000_000))


def test_a_quarantined_payload_says_nothing_to_the_terminal():
    entry = Quarantined(f"a/{CLEAR_SCREEN}\nentry    7", 1, "bad_frame", CLEAR_SCREEN, f"1\n{CLEAR_SCREEN}2".encode())
    line = entry_line(entry, UTC)
    assert line["topic"] == r"a/\x1b[2J\x9b2J\u202e\nentry    7"
    assert line["payload"] == "1\n" + r"\x1b[2J\x9b2J\u202e2"
    page = entry_page(entry, UTC)
    assert not set("\x1b\x9b\u202e") & set(page)
    assert page.count("\nentry") == 0
