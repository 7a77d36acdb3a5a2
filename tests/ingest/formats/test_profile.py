from pathlib import Path

import pytest

from ingest.formats.alarm import BITS, CODES, Alarm
from ingest.formats.profile import KEYS, ProfileError, load_profiles, read_profile
from ingest.reading import Datum

SHIPPED = Path(__file__).parents[3] / "config" / "devices"
HEAD = 'format = "flat_json"\n'
HEART = HEAD + '[[reading]]\nkind = "heart_rate"\n'
SHARED = HEAD + '[shared]\nbattery = "b"\n'


def faults(text):
    """(line, column, the line said, the rest) of every fault."""
    with pytest.raises(ProfileError) as caught:
        read_profile(text, "watch.toml")
    found = []
    for told in ("\n" + str(caught.value)).split("\nwatch.toml:")[1:]:
        line, column, rest = told.split(":", 2)
        what, source, caret, *remedy = rest.split("\n    ")
        assert source == text.splitlines()[int(line) - 1]
        assert caret == " " * (int(column) - 1) + "^"
        found.append((int(line), int(column), what.strip(), " ".join(remedy)))
    return found


def test_every_shipped_profile_is_of_a_known_format_and_says_its_datum():
    profiles = load_profiles(SHIPPED)
    assert {profile.format for profile in profiles.values()} == set(KEYS)
    assert all(profile.datum is not None for profile in profiles.values())
    assert profiles["g616"].datum is Datum.GCJ02


def test_the_standards_are_what_is_shipped():
    profiles = load_profiles(SHIPPED)
    assert profiles["watch_3g"].status_bits == BITS
    assert profiles["watch_iw"].alarm_codes == CODES
    assert profiles["watch_iw_v3"].alarm_codes == CODES | {"05": Alarm.TAMPER}


@pytest.mark.parametrize(
    ("text", "line", "column", "what", "remedy"),
    [
        ('format = "flat_jsn"', 1, 1, "format = 'flat_jsn'", "did you mean 'flat_json'?"),
        ('format = "watch_iw"\n[alarm_codes]\n01 = "sso"', 3, 1, "01 = 'sso'", "did you mean 'sos'?"),
        ('format = "watch_iw"\n[status_bits]\n1 = "sos"', 2, 1, "unknown table 'status_bits'", "alarm_codes"),
        ('format = "watch_3g"\n[status_bits]\n64 = "sos"', 3, 1, "'64' is no bit", "from 0 to 63"),
        ('format = "watch_3g"\nutc_offset_min = 5000', 2, 1, "utc_offset_min = 5000", "from -1440 to 1440"),
        ('format = "watch_3g"\nstatus_bits = 1', 2, 1, "status_bits is no table", "write [status_bits]"),
        ('format = "native"\ndatum = "mars"', 2, 1, "datum = 'mars'", "there are: gcj02, wgs84"),
        (HEAD, 1, 1, "no [[reading]]", "say which values"),
        (HEAD + '[reading]\nkind = "sos"', 2, 1, "reading is no list of tables", "write [[reading]] before each"),
        (HEAD + '[[reading]]\nbpm = "hr"', 2, 1, "no kind", "add kind"),
        (HEAD + '[[reading]]\nkind = "hart_rate"', 3, 1, "kind = 'hart_rate'", "did you mean 'heart_rate'?"),
        (HEART + 'bmp = "hr"', 4, 1, "unknown column 'bmp'", "did you mean 'bpm'?"),
        (HEART + 'lat = "y"', 4, 1, "lat is no column of heart_rate", "a [[reading]] of location"),
        (HEART + "bpm = 5", 4, 1, "bpm = 5 is no path", "write a path"),
        (HEART + 'bpm = "a..b"', 4, 1, "bpm = 'a..b' is no path", "write a path"),
        (HEART + 'bpm = { unit = "/min" }', 4, 1, "bpm has neither a path", "write a path"),
        (
            HEART + 'skin_c = { path = "t", unit = "Fahrenheit" }',
            4, 24, "unit = 'Fahrenheit' is no unit of skin_c", "there are: C, F, K",
        ),
        (HEART + 'bpm = { path = "t", scale = 0 }', 4, 21, "scale = 0", "not 0"),
        (HEART + 'bpm = { pth = "t", path = "x" }', 4, 9, "unknown key 'pth'", "did you mean 'path'?"),
        (HEART + 'bpm = { path = "t", words = { a = 1 } }', 4, 21, "bpm holds numbers", "leave words out"),
        (HEART + 'bpm = { path = "t", absent = [[]] }', 4, 21, "absent = [[]]", "write the texts"),
        (
            HEAD + '[[reading]]\nkind = "location"\nlat_lon = "p"\nsource = { path = "s", words = { "1" = "gsp" } }',
            5, 24, "words: 'gsp' is no word of source", "did you mean 'gps'?",
        ),
        (HEAD + '[[reading]]\nkind = "location"\nlat = "y"', 2, 1, "a location without a place", "or lon_lat"),
        (HEAD + '[[reading]]\nkind = "sos"', 2, 1, "a sos without `when`", "add when ="),
        (HEAD + '[[reading]]\nkind = "sos"\nwhen = "sos"', 4, 1, "when = 'sos'", "is_not"),
        (HEAD + '[[reading]]\nkind = "sos"\nwhen = { path = "s" }', 4, 1, "when compares with nothing", "add is ="),
        (HEAD + '[[reading]]\nkind = "sos"\nwhen = { is = ["1"] }', 4, 1, "when without a path", "add path"),
        (HEAD + '[[reading]]\nkind = "status"', 2, 1, "no column", "map at least one"),
        (
            HEAD + '[[reading]]\nkind = "status"\nwhen = { path = "a", is = [1] }\nevent = { value = "battery_lo" }',
            5, 11, "value = 'battery_lo' is none of event", "did you mean 'battery_low'?",
        ),
        (HEAD + '[shared]\nbatery = "b"', 3, 1, "unknown key 'batery'", "did you mean 'battery'?"),
        (SHARED + '[message]\ntopic = "iot/+/data"', 5, 1, "topic = 'iot/+/data'", "{watch}"),
        (SHARED + '[message]\ntime = "t"\ntime_form = "epoch"', 6, 1, "time_form = 'epoch'", "did you mean 'epoch_"),
        (SHARED + '[message]\ntime = "t"\ntime_form = "%H:%M"', 6, 1, "time_form = '%H:%M'", "strptime"),
        (SHARED + '[message]\ntime_form = "epoch_s"', 5, 1, "time_form without time", "add time"),
        (SHARED + "[message]\nwatch = 5", 5, 1, "watch = 5", "write a path"),
        (SHARED + '[mesage]\ntime = "t"', 4, 1, "unknown table 'mesage'", "did you mean 'message'?"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_line_column_and_remedy(text, line, column, what, remedy):
    [found] = [fault for fault in faults(text) if fault[:2] == (line, column)]
    assert found[2].startswith(what)
    assert remedy in found[3]


def test_every_fault_is_named_at_once_in_the_order_of_the_file():
    shared = 'format = "flat_json"\ndatum = "x"\n[shared]\nbatery = "b"\n'
    text = shared + '[[reading]]\nkind = "heart_rate"\nbmp = "a"\nlat = "b"\n'
    assert [line for line, *_ in faults(text)] == [2, 4, 7, 8]


def test_what_is_no_toml_says_where():
    with pytest.raises(ProfileError, match=r"^watch\.toml:2:\d+: not TOML: "):
        read_profile('format = "native"\ndatum = wgs84', "watch.toml")
