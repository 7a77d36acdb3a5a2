"""A batch of messages by columns, with what their topics say.

Our own topics come by the thousand and in one form, `watch/{watch_id}/{kind}`: a run of them is cut by one split of
all topics joined by line ends. If between the letters of ids there is nothing but the slashes and line ends of so many
topics, and every piece is as it must be, no topic can have been anything else. A run with any other topic in it is
routed one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.formats.contract import Messages, Reason
from ingest.reading import EMERGENCY_KINDS, KIND_BY_TOPIC
from ingest.sources import BACKLOG, Stray

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ingest.mqtt.delivered import Delivered
    from ingest.reading import Kind
    from ingest.sources import Route, Sources

RUN = 1024
"""Topics cut together: so many are routed one by one where one of them is not ours."""
_ID_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
_LONGEST_ID = 64
_LAST_LEVEL: dict[str, Kind | None] = KIND_BY_TOPIC | {BACKLOG: None}
_LAST_AND_NEXT = {f"{level}\nwatch": kind for level, kind in _LAST_LEVEL.items()}
"""A last level with the first one of the next topic, as the split leaves them together."""
_WITHOUT_LETTERS = b"//\n" * RUN
"""What three levels and a line end leave of a topic each, once all that an id may hold is taken out."""


@dataclass(frozen=True, slots=True)
class Routed:
    """`routes`: of the messages that are not on a sound topic of ours, by place. `strays`: what goes to quarantine for
    its topic or its size, by place. `unread`: places of the messages that no decoder is to see.
    """

    messages: Messages
    routes: dict[int, Route]
    strays: dict[int, Stray]
    unread: frozenset[int]

    def ours(self) -> Sequence[int]:
        """Places of the messages on sound topics of ours that are to be decoded."""
        every = range(len(self.messages))
        if not self.routes and not self.unread:
            return every
        return [place for place in every if place not in self.routes and place not in self.unread]


@dataclass(slots=True)
class _Columns:
    watch_ids: list[str | None] = field(default_factory=list)
    kinds: list[Kind | None] = field(default_factory=list)
    backlog: list[bool] = field(default_factory=list)
    routes: dict[int, Route] = field(default_factory=dict)


def routed(sources: Sources, deliveries: Sequence[Delivered], arrival_ms: int, failed: Collection[int] = ()) -> Routed:
    """Pure. `failed`: places, counted over the deliveries, of messages on which a stage failed."""
    one = deliveries[0] if len(deliveries) == 1 else None
    topics = one.topics if one else [topic for delivered in deliveries for topic in delivered.topics]
    payloads = one.payloads if one else [payload for delivered in deliveries for payload in delivered.payloads]
    retained = one.retained if one else [flag for delivered in deliveries for flag in delivered.retained]
    columns = _Columns()
    for start in range(0, len(topics), RUN):
        run = topics[start : start + RUN]
        if not _add_ours(run, columns):
            _add_each(sources, run, columns)
    messages = Messages(topics, payloads, columns.watch_ids, columns.kinds, columns.backlog, retained, arrival_ms)
    return _with_strays(messages, columns.routes, _oversized(deliveries), failed)


def _add_ours(run: Sequence[str], columns: _Columns) -> bool:
    """Whether all topics of the run are sound ones of ours; only then anything is added (ids: WIRE.md section 1)."""
    text = "\n".join(run)
    if text.encode().translate(None, _ID_BYTES) != _WITHOUT_LETTERS[: 3 * len(run) - 1]:
        return False
    first, *parts = text.split("/")
    watch_ids, last_levels = parts[0::2], parts[1::2]
    if first != "watch" or max(map(len, watch_ids)) > _LONGEST_ID or "" in watch_ids:
        return False
    last = last_levels.pop()
    try:
        kinds = [*map(_LAST_AND_NEXT.__getitem__, last_levels), _LAST_LEVEL[last]]
    except KeyError:
        return False
    columns.watch_ids += watch_ids
    columns.kinds += kinds
    columns.backlog += [kind is None for kind in kinds]
    return True


def _add_each(sources: Sources, run: Sequence[str], columns: _Columns) -> None:
    for topic in run:
        route = sources.route(topic)
        if not route.is_sound:
            columns.routes[len(columns.kinds)] = route
        columns.watch_ids.append(route.watch_id)
        columns.kinds.append(route.kind)
        columns.backlog.append(route.is_backlog)


def _oversized(deliveries: Sequence[Delivered]) -> dict[int, Stray]:
    strays, first = {}, 0
    for delivered in deliveries:
        for place, whole_bytes in delivered.oversized.items():
            strays[first + place] = Stray(Reason.OVERSIZED, f"{whole_bytes} bytes; its beginning is kept")
        first += len(delivered)
    return strays


def _with_strays(
    messages: Messages, routes: dict[int, Route], oversized: Mapping[int, Stray], failed: Collection[int]
) -> Routed:
    """A bad topic says more than a bad size, and a fault of ours more than both."""
    strays = {place: route.stray for place, route in routes.items() if route.stray is not None}
    unread = {place for place in strays if not routes[place].decodes}
    for place, stray in oversized.items():
        if place not in strays:
            strays[place] = stray
            if messages.kinds[place] not in EMERGENCY_KINDS:
                unread.add(place)
    for place in failed:
        strays[place] = Stray(Reason.DECODER_FAILED, "carewatch failed on it; see its log")
        unread.add(place)
    return Routed(messages, routes, strays, frozenset(unread))
