"""What `carewatch decode` shows: payloads, one a line, as a decoder reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from carewatch.replay.recording import payload_of
from carewatch.settings_sources import SettingsError
from carewatch.sources import ConfiguredSources
from ingest.file_problems import nearest
from ingest.formats import decoder_for
from ingest.formats.flat_json import FlatJson
from ingest.formats.lines import decoded_lines
from ingest.formats.owntracks import OwnTracks
from ingest.reading import Datum
from ingest.sources import NATIVE, Source, Sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from carewatch.settings import Settings
    from ingest.formats.contract import Decoder, Message

UNNAMED = "unnamed"
"""The watch of payloads that come without a topic, in formats whose topic names it."""
ANY_WATCH = f"watch/{UNNAMED}/backlog"
"""Topic of native payloads that come without one: each element then says its own `kind`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asked for. `topic`: of payloads that come without one; `profile`: of config/devices/."""

    format: str
    topic: str = ""
    profile: str = ""


def decoded_file(
    wanted: Wanted, lines: Iterable[bytes], settings: Settings, arrival_ms: int
) -> Iterator[dict[str, Any]]:
    """Each line is a payload, or one of a recording or of captured frames. Raises SettingsError for what is wanted."""
    reader = _LineReader(wanted, settings, arrival_ms)
    for line in lines:
        if line.strip():
            message, decoder, datum = reader.read(line)
            yield from decoded_lines(decoder, [message], datum)


class _LineReader:
    """Topics go through the sources of carewatch.toml, as in ingest."""

    def __init__(self, wanted: Wanted, settings: Settings, arrival_ms: int) -> None:
        self._wanted = wanted
        self._arrival_ms = arrival_ms
        self._configured = ConfiguredSources.of(settings)
        self._of_site = Datum[settings.site.datum.upper()]
        self._decoder = self._decoder_wanted()
        self._elsewhere = Sources([Source("#", wanted.format, wanted.profile, watch_level=1)])
        """Where no source takes the topic, its second level is the watch: `iw/{watch}/up`."""

    def _decoder_wanted(self) -> Decoder:
        name, profiles = self._wanted.profile, self._configured.profiles
        if name and name not in profiles:
            raise SettingsError(f"--profile {name}: no such file in devices_folder; {nearest(name, profiles)}")
        try:
            return decoder_for(self._wanted.format, profiles.get(name or self._wanted.format))
        except ValueError as error:
            raise SettingsError(f"--format: {error}") from None

    def read(self, line: bytes) -> tuple[Message, Decoder, Datum]:
        """The message of a line, the decoder that ingest would give it, and the datum of its places."""
        topic, payload = self._wanted.topic or (ANY_WATCH if self._wanted.format == NATIVE else ""), line
        if line.lstrip().startswith(b"{") and (recorded := _recorded(line, topic)) is not None:
            topic, payload = recorded
        route = self._configured.sources.route(topic)
        decoder = self._decoder
        if route.format == self._wanted.format and route.stray is None and not self._wanted.profile:
            decoder = self._configured.decoder_of(route)
        elif route.format != self._wanted.format or route.stray is not None:
            route = self._elsewhere.route(topic)
        message = route.message(topic, payload, self._arrival_ms)
        if not topic and self._wanted.format != OwnTracks.name:
            message = replace(message, watch_id=UNNAMED)
        if isinstance(decoder, FlatJson) and decoder.field_map is None:
            maps = [name for name, profile in self._configured.profiles.items() if profile.field_map is not None]
            raise SettingsError(f"--format {decoder.name}: say whose with --profile, one of {', '.join(maps)}")
        shown_by = replace(route, profile=self._wanted.profile or route.profile)
        return message, decoder, self._configured.datum_of(shown_by, self._of_site)


def _recorded(line: bytes, topic: str) -> tuple[str, bytes] | None:
    """Topic and payload of a line of a recording or of captured frames (these on `topic`); None if it is a payload."""
    try:
        entry = json.loads(line)
        if isinstance(entry, dict) and {"protocol", "frame"} <= entry.keys():
            return topic, str(entry["frame"]).encode()
        if isinstance(entry, dict) and "topic" in entry and entry.keys() & {"payload", "payload_base64"}:
            return str(entry["topic"]), payload_of(entry)
    except (ValueError, TypeError, RecursionError):
        pass  # the decoder says what is wrong with it
    return None
