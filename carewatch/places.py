"""Where an installation keeps its small files: beside the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carewatch.settings import Settings


def status_file(settings: Settings, role: str) -> Path:
    """What the role says of itself (carewatch.status)."""
    return settings.log.path.parent / f"{role}.status.json"


def control_socket(settings: Settings, role: str) -> Path:
    """Where the role takes changes to what it owns (carewatch.control)."""
    return settings.log.path.parent / f"{role}.socket"


def set_aside_file(settings: Settings) -> Path:
    """Points that InfluxDB refused for ever."""
    return settings.log.path.parent / "influx_refused.jsonl"


def place_of(file: Path) -> str:
    """A file's name for an error: a relative one with the folder that it was looked for in."""
    return repr(str(file)) if file.is_absolute() else f"{str(file)!r} in {Path.cwd()}"
