"""What a demo is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from carewatch.settings_sources import SettingsError

LAST_PORT = 65_535
DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`lasts_s`: real seconds; None: until Ctrl-C. `influx`: `auto`, `none` or an URL."""

    residents: int = 100
    speed: float = 60.0
    lasts_s: float | None = None
    seed: int = 7
    influx: str = "auto"
    port: int = 8080
    as_json: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.residents <= 1000:
            raise SettingsError(f"--residents {self.residents}: 1 to 1000 run on one machine; `simulate` takes more")
        if not 1 <= self.speed <= 120:
            raise SettingsError(f"--speed {self.speed:g}: 1 to 120; beyond, a machine's hiccup looks like an outage")
        if not 0 <= self.port <= LAST_PORT:
            raise SettingsError(f"--port {self.port}: 1 to {LAST_PORT}, or 0 for any free one")
        if self.influx not in ("auto", "none") and not self.influx.startswith(("http://", "https://")):
            raise SettingsError(f"--influx {self.influx}: auto, none, or an URL such as http://127.0.0.1:8086")


def duration_s(text: str) -> float | None:
    """90s, 3m, 1h30m -> seconds; empty: None. Raises `SettingsError` for anything else."""
    if not text:
        return None
    found = DURATION.fullmatch(text.strip())
    if not found or not any(found.groups()):
        raise SettingsError(f"--for {text}: write e.g. 90s, 3m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds
