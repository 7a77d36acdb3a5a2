"""What differs between models that speak the same format: files of config/devices/."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import msgspec

from ingest.reading import Datum

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class ProfileError(ValueError):
    """A profile cannot be used; the text names the file, the field and the remedy."""


class Alarm(StrEnum):
    """What a bit of a status word means."""

    SOS = "sos"
    FALL = "fall"
    REMOVED = "removed"
    BATTERY_LOW = "battery_low"
    POWER_OFF = "power_off"
    FENCE_OUT = "fence_out"
    FENCE_IN = "fence_in"
    HEART_RATE_ABNORMAL = "heart_rate_abnormal"


class UnnamedAlarm(StrEnum):
    """What to make of an alarm frame that names no alarm."""

    IGNORE = "ignore"
    SOS = "sos"


@dataclass(frozen=True, slots=True)
class Profile:
    """One model. `datum` None: the site's. `utc_offset_min`: what the model's clock is ahead of UTC."""

    format: str
    datum: Datum | None = None
    utc_offset_min: int = 0
    unnamed_alarm: UnnamedAlarm = UnnamedAlarm.IGNORE
    status_bits: Mapping[int, Alarm] = field(default_factory=dict)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    datum: str | None = None
    utc_offset_min: Annotated[int, msgspec.Meta(ge=-24 * 60, le=24 * 60)] = 0
    unnamed_alarm: UnnamedAlarm = UnnamedAlarm.IGNORE
    status_bits: dict[int, Alarm] = {}


def load_profile(file: Path) -> Profile:
    """One file. Raises `ProfileError`."""
    try:
        found = msgspec.convert(tomllib.loads(file.read_text("utf-8")), _File, strict=False)
        datum = None if found.datum is None else Datum[found.datum.upper()]
    except KeyError:
        raise ProfileError(f"{file}: datum is neither `wgs84` nor `gcj02`") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ProfileError(f"{file}: {error}; compare with config/devices/watch_3g.toml") from None
    return Profile(found.format, datum, found.utc_offset_min, found.unnamed_alarm, found.status_bits)


def load_profiles(folder: Path) -> dict[str, Profile]:
    """Every `*.toml` of config/devices/ by its name without the ending. Raises `ProfileError`."""
    return {file.stem: load_profile(file) for file in sorted(folder.glob("*.toml"))}
