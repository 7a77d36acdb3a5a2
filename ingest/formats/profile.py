"""What differs between models that speak the same format: files of config/devices/."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest.file_problems import nearest
from ingest.formats.alarm import Alarm, UnnamedAlarm
from ingest.formats.flat_json_file import MAP_TABLES, read_map
from ingest.formats.profile_file import ProfileError, ProfileFile
from ingest.reading import Datum

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ingest.formats.flat_json_map import FieldMap

__all__ = ["Profile", "ProfileError", "load_profile", "load_profiles", "read_profile"]


@dataclass(frozen=True, slots=True)
class Profile:
    """One model.

    `datum` None: the site's. `utc_offset_min`: what the clock in the model's frames is ahead of UTC. `zone_h`: the zone
    that a watch is told at login, in hours ahead of UTC. `status_bits`, `alarm_codes`: what the model means by them.
    """

    format: str
    datum: Datum | None = None
    utc_offset_min: int = 0
    unnamed_alarm: UnnamedAlarm = UnnamedAlarm.IGNORE
    status_bits: Mapping[int, Alarm] = field(default_factory=dict)
    alarm_codes: Mapping[str, Alarm] = field(default_factory=dict)
    zone_h: int = 0
    field_map: FieldMap | None = None


_EVERYWHERE = ("format", "datum", "utc_offset_min")
KEYS: dict[str, tuple[str, ...]] = {
    "native": (),
    "owntracks": (),
    "watch_3g": ("unnamed_alarm", "status_bits"),
    "watch_iw": ("unnamed_alarm", "alarm_codes", "zone_h"),
    "flat_json": MAP_TABLES,
}
"""What a file of each format may say beside format, datum and clock."""
_DATUMS = {datum.name.lower(): datum for datum in Datum}
_ALARMS = {alarm.value: alarm for alarm in Alarm}
_UNNAMED = {word.value: word for word in UnnamedAlarm}
_DAY_MIN = 24 * 60


def load_profile(file: Path) -> Profile:
    """One file. Raises `ProfileError` with every fault: line, column, what is wrong, the nearest right name."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{file}: {error}") from None
    return read_profile(text, str(file))


def load_profiles(folder: Path) -> dict[str, Profile]:
    """Every `*.toml` of config/devices/ by its name without the ending. Raises `ProfileError`."""
    return {file.stem: load_profile(file) for file in sorted(folder.glob("*.toml"))}


def read_profile(text: str, name: str) -> Profile:
    """The same from text; `name` is the file's in what is said."""
    source = ProfileFile(text, name)
    head = source.document
    known_format = _format(source)
    source.check_keys(("", 0), head, (*_EVERYWHERE, *KEYS.get(known_format, ())))
    datum = source.word(("", 0, "datum"), head["datum"], _DATUMS) if "datum" in head else None
    unnamed = source.word(("", 0, "unnamed_alarm"), head.get("unnamed_alarm", "ignore"), _UNNAMED)
    offset_min = source.whole("utc_offset_min", (-_DAY_MIN, _DAY_MIN))
    profile = Profile(
        known_format,
        datum,
        offset_min,
        unnamed or UnnamedAlarm.IGNORE,
        _status_bits(source),
        _alarms(source, "alarm_codes"),
        source.whole("zone_h", (-12, 14)),
        read_map(source, offset_min) if known_format == "flat_json" else None,
    )
    source.close()
    return profile


def _format(source: ProfileFile) -> str:
    found = source.document.get("format")
    if isinstance(found, str) and found in KEYS:
        return found
    source.at_key(("", 0, "format"), f"format = {found!r}", nearest(str(found), KEYS))
    return ""


def _status_bits(source: ProfileFile) -> dict[int, Alarm]:
    bits: dict[int, Alarm] = {}
    for bit, alarm in _alarms(source, "status_bits").items():
        if bit.isascii() and bit.isdigit() and int(bit) < 64:
            bits[int(bit)] = alarm
        else:
            source.at_key(("status_bits", 0, bit), f"{bit!r} is no bit of a status word", "write a number from 0 to 63")
    return bits


def _alarms(source: ProfileFile, table: str) -> dict[str, Alarm]:
    found: dict[str, Any] = source.table(table)
    alarms = {key: source.word((table, 0, key), value, _ALARMS) for key, value in found.items()}
    return {key: alarm for key, alarm in alarms.items() if alarm is not None}
