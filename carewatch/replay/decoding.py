"""What `carewatch decode` shows: payloads, one a line, as a decoder reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from carewatch.replay.recording import payload_of
from carewatch.settings_sources import SettingsError
from carewatch.sources import ConfiguredSources
from ingest.formats import decoder_for
from ingest.formats.contract import Message
from ingest.formats.lines import decoded_lines
from ingest.sources import NATIVE, Sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from carewatch.settings import Settings
    from ingest.formats.contract import Decoder

ANY_WATCH = "watch/unnamed/backlog"
"""Topic of native payloads that come without one: each element then says its own `kind`."""


def decoded_file(
    format_name: str, lines: Iterable[bytes], topic: str, settings: Settings, arrival_ms: int
) -> Iterator[dict[str, Any]]:
    """Each line is a payload, or one of a recording or of captured frames. Raises SettingsError for the format."""
    decoder = _decoder(format_name, settings)
    for line in lines:
        if line.strip():
            yield from decoded_lines(decoder, [_message(line, topic or _default_topic(format_name), arrival_ms)])


def _decoder(format_name: str, settings: Settings) -> Decoder:
    try:
        return decoder_for(format_name, ConfiguredSources.of(settings).profiles.get(format_name))
    except ValueError as error:
        raise SettingsError(f"--format: {error}") from None


def _default_topic(format_name: str) -> str:
    return ANY_WATCH if format_name == NATIVE else ""


def _message(line: bytes, topic: str, arrival_ms: int) -> Message:
    payload = line
    if line.lstrip().startswith(b"{") and (recorded := _recorded(line, topic)) is not None:
        topic, payload = recorded
    route = Sources().route(topic)
    return Message(topic, payload, arrival_ms, route.watch_id, route.kind, route.is_backlog)


def _recorded(line: bytes, topic: str) -> tuple[str, bytes] | None:
    """Topic and payload of a line of a recording or of captured frames (these on `topic`); None if it is a payload."""
    try:
        entry = json.loads(line)
        if isinstance(entry, dict) and {"protocol", "frame"} <= entry.keys():
            return topic, str(entry["frame"]).encode()
        if isinstance(entry, dict) and "topic" in entry and entry.keys() & {"payload", "payload_base64"}:
            return str(entry["topic"]), payload_of(entry)
    except (ValueError, RecursionError):
        pass  # the decoder says what is wrong with it
    return None
