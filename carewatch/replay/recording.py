"""The file of a recording: JSON lines `{"at": epoch seconds, "topic": ..., "payload": text | object | array}`.

gzip by name. A payload that is not UTF-8 stands as `{"payload_base64": ...}` instead of `payload`.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


LATEST_S = 253_402_300_800
"""The year 10000."""
LONGEST_TOPIC_BYTES = 65_535
"""MQTT 5.0, section 1.5.4."""


class RecordingError(Exception):
    """A recording cannot be read; the text names file, line and remedy."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message. `at_s`: epoch seconds of its arrival."""

    at_s: float
    topic: str
    payload: bytes

    def line(self) -> str:
        """As it stands in the file."""
        entry: dict[str, Any] = {"at": self.at_s, "topic": self.topic}
        try:
            text = self.payload.decode()
        except UnicodeDecodeError:
            entry["payload_base64"] = base64.b64encode(self.payload).decode()
        else:
            entry["payload"] = text
        return json.dumps(entry, ensure_ascii=False)


def open_text(path: Path) -> IO[str]:
    """Open for reading, through gzip if the name says so."""
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file, from 1. Raises `RecordingError` at the first that cannot be read."""
    number = 0
    try:
        with open_text(path) as lines:
            for number, line in enumerate(lines, 1):
                yield number, line
    except EOFError:
        raise RecordingError(
            f"{path}:{number + 1}: the compressed file ends in the middle: its taking was broken off. "
            f"`gzip -dc {path.name} > whole.jsonl` keeps the lines that are whole"
        ) from None
    except (OSError, UnicodeDecodeError, zlib.error) as error:
        raise RecordingError(f"{path}:{number + 1}: cannot be read: {error}") from None


def read_recording(path: Path) -> Iterator[Recorded]:
    """The messages in the order of the file. Raises `RecordingError` at the first bad line."""
    for number, line in numbered_lines(path):
        if line.strip():
            yield _parsed(line, f"{path}:{number}")


def _parsed(line: str, where: str) -> Recorded:
    try:
        entry = json.loads(line)
        return Recorded(_moment_s(entry["at"]), _topic(entry["topic"]), payload_of(entry))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise RecordingError(
            f'{where}: {error!r}; a line reads {{"at": 1763965920.0, "topic": "watch/w1/sos", "payload": {{...}}}}'
        ) from None


def _moment_s(at: object) -> float:
    moment_s = float(at) if isinstance(at, int | float | str) else math.nan
    if not 0 <= moment_s < LATEST_S:
        raise ValueError(f'"at" = {at!r}: give seconds since 1970')
    return moment_s


def _topic(topic: object) -> str:
    if not isinstance(topic, str) or not topic or any(mark in topic for mark in "+#\0"):
        raise ValueError(f'"topic" = {topic!r}: no topic that a message can have')
    if len(topic.encode()) > LONGEST_TOPIC_BYTES:
        raise ValueError(f'"topic" = {topic[:40]!r}...: a topic has at most {LONGEST_TOPIC_BYTES} bytes')
    return topic


def payload_of(entry: dict[str, Any]) -> bytes:
    """The payload of a line as it was on the wire. Raises ValueError for base64 that is none."""
    if "payload_base64" in entry:
        return base64.b64decode(entry["payload_base64"], validate=True)
    payload = entry["payload"]
    return payload.encode() if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False).encode()
