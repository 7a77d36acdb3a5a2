"""Which kind of recording a file is, told by its first line."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from carewatch.replay.frames import frames_as_recording
from carewatch.replay.minutes import COLUMNS, minutes_as_recording
from carewatch.replay.recording import Recorded, RecordingError, open_text, read_recording

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def messages_of(path: Path, *, now_ms: int, time_zone: str) -> Iterator[Recorded]:
    """The messages of a recording, of minutes (moved to end now), or of captured frames (arriving now)."""
    try:
        with open_text(path) as text:
            first = text.readline()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from None
    if first.strip() == ",".join(COLUMNS):
        return minutes_as_recording(path, time_zone, now_ms)
    try:
        is_frames = "frame" in json.loads(first)
    except (ValueError, TypeError):
        raise RecordingError(
            f"{path}: neither a recording (JSON lines), nor minutes ({','.join(COLUMNS)}), nor captured frames"
        ) from None
    return frames_as_recording(path, now_ms / 1000) if is_frames else read_recording(path)
