"""From a topic to whose message it is and in which format: our own topics, and the sources of carewatch.toml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.formats.contract import Message, Reason
from ingest.formats.identity import is_watch_id, stand_in_id
from ingest.reading import EMERGENCY_KINDS, KIND_BY_TOPIC, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

NATIVE = "native"
BACKLOG = "backlog"
MOST_KNOWN, LONGEST_KNOWN = 100_000, 256
"""Topics whose routes are remembered, and the characters of the longest."""


@dataclass(frozen=True, slots=True)
class Source:
    """An MQTT topic filter whose payloads are in `format`. Raises `ValueError` if the filter is none.

    A level that `+` matches first is the watch's id, unless the payload names one, or the model's map says which level
    it is (`watch_level`, from 0). `profile`: of config/devices/.
    """

    filter: str
    format: str
    profile: str = ""
    watch_level: int | None = None

    def __post_init__(self) -> None:
        if self.filter.startswith("$share/"):
            raise ValueError(
                f"sources: filter = {self.filter!r}: a shared subscription divides a watch's readings among several "
                "ingests, whose duplicate filters do not know each other; write it without $share and run one ingest"
            )
        levels = self.filter.split("/")
        misplaced = any(("#" in level or "+" in level) and len(level) > 1 for level in levels) or "#" in levels[:-1]
        if not self.filter or misplaced or "\0" in self.filter or self.filter.startswith("$"):
            raise ValueError(
                f"sources: filter = {self.filter!r} is no MQTT topic filter; "
                "`+` stands for a whole level, `#` only for the last, e.g. `3g/+/up`"
            )


@dataclass(frozen=True, slots=True)
class Stray:
    """Why a topic cannot be used as it is. The message goes to quarantine with this reason."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Route:
    """What a topic says. `stray` is set where it says something wrong.

    An emergency under an id that cannot be one has both: `stray` for the quarantine, and a stand-in id under which it
    alerts. `decodes` tells whether to decode: false only for strays that cannot be emergencies.
    """

    format: str = NATIVE
    profile: str = ""
    watch_id: str | None = None
    kind: Kind | None = None
    is_backlog: bool = False
    stray: Stray | None = None

    @property
    def decodes(self) -> bool:
        """Give the message to the decoder of `format`."""
        return self.stray is None or self.watch_id is not None

    @property
    def is_ours(self) -> bool:
        """A topic of our own, or as good as one: the watch's profile says what differs between models."""
        return self.format == NATIVE and not self.profile

    @property
    def is_sound(self) -> bool:
        """One of ours about which nothing more is to be said."""
        return self.is_ours and self.watch_id is not None and self.stray is None

    def message(self, topic: str, payload: bytes, arrival_ms: int, *, retained: bool = False) -> Message:
        """As the decoder takes it. `arrival_ms`: ms since 1970 UTC."""
        return Message(topic, payload, arrival_ms, self.watch_id, self.kind, self.is_backlog, retained)


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Topic filters. `emergency` is for a connection of its own, which a flood of the others cannot fill."""

    emergency: tuple[str, ...]
    other: tuple[str, ...]


class Sources:
    """Our own topics first, then the configured sources in their order."""

    def __init__(self, configured: Sequence[Source] = ()) -> None:
        self._configured = tuple(configured)
        self._known: dict[str, Route] = {}

    def route(self, topic: str) -> Route:
        """Pure; for every topic there is an answer. Routes are remembered: a watch keeps its topics."""
        found = self._known.get(topic)
        if found is None:
            if len(self._known) >= MOST_KNOWN:  # made-up topics must not fill the memory
                self._known.clear()
            found = self._routed(topic)
            if len(topic) <= LONGEST_KNOWN:
                self._known[topic] = found
        return found

    def _routed(self, topic: str) -> Route:
        levels = topic.split("/")
        native = _native(levels)
        if native is not None:
            return native
        for source in self._configured:
            if matches(source.filter, topic):
                return _configured(source, levels)
        return Route(stray=Stray(Reason.UNKNOWN_TOPIC, f"{topic!r}: neither ours nor of a source in carewatch.toml"))

    def subscriptions(self) -> Subscriptions:
        """Kinds by name, so that our own receipts never come back to us.

        Watches of other formats send emergencies and the rest on one topic, so their filters stand with the others.
        """
        calm = [kind.topic for kind in Kind if kind not in EMERGENCY_KINDS]
        return Subscriptions(
            tuple(f"watch/+/{kind.topic}" for kind in (Kind.SOS, Kind.FALL)),
            (*(f"watch/+/{level}" for level in [*calm, BACKLOG]), *(source.filter for source in self._configured)),
        )


def matches(topic_filter: str, topic: str) -> bool:
    """MQTT 5.0 section 4.7: `+` is one level, `#` the rest and its parent; neither matches a first level of `$...`."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(wanted) == len(levels)


def _native(levels: list[str]) -> Route | None:
    """`watch/{watch_id}/{kind or backlog}`; None if it is not one of ours."""
    if len(levels) != 3 or levels[0] != "watch":
        return None
    _, watch_id, last = levels
    kind = KIND_BY_TOPIC.get(last)
    if kind is None and last != BACKLOG:
        return None
    return _checked(Route(NATIVE, "", watch_id, kind, last == BACKLOG))


def _configured(source: Source, levels: list[str]) -> Route:
    """The source's level, or the first that `+` matches, is the watch; a last one that is a kind's name the kind."""
    wanted = source.filter.split("/")
    level = source.watch_level
    if level is None and "+" in wanted:
        level = wanted.index("+")
    watch_id = levels[level] if level is not None and level < len(levels) else None
    kind = KIND_BY_TOPIC.get(levels[-1])
    return _checked(Route(source.format, source.profile, watch_id, kind, levels[-1] == BACKLOG))


def _checked(route: Route) -> Route:
    """A bad id is a stray; on an emergency's topic a stand-in keeps the alert."""
    if route.watch_id is None or is_watch_id(route.watch_id):
        return route
    stray = Stray(Reason.BAD_WATCH_ID, f"{route.watch_id!r}: an id is 1 to 64 of A-Z a-z 0-9 . _ -")
    urgent = route.kind in EMERGENCY_KINDS or route.format != NATIVE
    watch_id = stand_in_id(route.watch_id) if urgent else None
    return Route(route.format, route.profile, watch_id, route.kind, route.is_backlog, stray)
