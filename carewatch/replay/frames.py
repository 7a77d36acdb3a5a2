"""Captured frames (`{"protocol", "frame", ...}` a line) as messages on the topics of their formats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from carewatch.replay.recording import Recorded, RecordingError, numbered_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOPIC = {"watch": "3g/captured/up", "iw": "iw/captured/up", "owntracks": "owntracks/captured/phone"}
"""Protocol of a capture -> the topic that carries it; a source in carewatch.toml must take it.

The id of a `watch` is in the frame; the others' is the topic's, so all of a capture become one watch, `captured`.
"""


def frames_as_recording(path: Path, at_s: float) -> Iterator[Recorded]:
    """The frames whose protocol we speak, in the file's order, all as arriving at `at_s`."""
    for number, line in numbered_lines(path):
        entry = _parsed(line, f"{path}:{number}")
        if topic := TOPIC.get(entry["protocol"]):
            yield Recorded(at_s, topic, str(entry["frame"]).encode())


def _parsed(line: str, where: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
        return {"protocol": entry["protocol"], "frame": entry["frame"]}
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError(f'{where}: {error!r}; a line reads {{"protocol": "watch", "frame": "[3G*...]"}}') from None
