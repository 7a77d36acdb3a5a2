"""Minutes of a worn wristband (`ts,hr,intensity,steps`, local time) as the native readings of a watch."""

from __future__ import annotations

import csv
import json
import zlib
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from carewatch.replay.recording import Recorded, RecordingError, numbered_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS = ["ts", "hr", "intensity", "steps"]


def minutes_as_recording(path: Path, time_zone: str, end_ms: int | None) -> Iterator[Recorded]:
    """One heart-rate message a minute, of watch `<file's name>`.

    `end_ms`: move all times so that the last minute is then (None: as recorded). A watch with a clock before 2020 is
    taken for one whose clock is wrong, so old recordings are moved. The boot changes with the shift, so that playing
    a file again at another time is another life of the watch, and at the same time a resend.
    """
    rows = list(_rows(path, ZoneInfo(time_zone)))
    if not rows:
        raise RecordingError(f"{path}: no minutes in it")
    shift_ms = 0 if end_ms is None else end_ms - rows[-1][0]
    watch_id = path.name.split(".")[0]
    boot = zlib.crc32(f"{watch_id}{shift_ms}".encode())
    for seq, (time_ms, bpm, steps) in enumerate(rows, 1):
        reading = {"boot": boot, "seq": seq, "time": time_ms + shift_ms, "bpm": bpm, "steps": steps}
        payload = json.dumps(reading, separators=(",", ":")).encode()
        yield Recorded((time_ms + shift_ms) / 1000, f"watch/{watch_id}/heart_rate", payload)


def _rows(path: Path, zone: ZoneInfo) -> Iterator[tuple[int, int, int]]:
    reader = csv.DictReader(line for _, line in numbered_lines(path))
    if reader.fieldnames is None or list(reader.fieldnames) != COLUMNS:
        raise RecordingError(f"{path}: its columns are {reader.fieldnames}; expected {','.join(COLUMNS)}")
    for number, row in enumerate(reader, 2):
        try:
            at = datetime.fromisoformat(row["ts"]).replace(tzinfo=zone)
            yield int(at.timestamp() * 1000), int(row["hr"]), int(row["steps"])
        except (ValueError, TypeError) as error:
            raise RecordingError(f"{path}:{number}: {error}; expected e.g. 2016-04-02 09:49:00,75,1,34") from None
