"""What every payload decoder is: a pure function from messages to readings, refusals and answers.

A decoder never raises for what a payload holds: what cannot be a reading becomes a `Refusal`, the rest lives. An
emergency is never refused: if its payload cannot be read, a reading with `Flag.UNDECODABLE` comes beside the refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, overload

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.reading import Kind, Readings


class Reason(StrEnum):
    """Why a payload, or one element or field of it, was refused. The operator reads these in the quarantine."""

    NOT_JSON = "not_json"
    NOT_UTF8 = "not_utf8"
    TOO_DEEP = "too_deep"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_KIND = "unknown_kind"
    UNKNOWN_TOPIC = "unknown_topic"
    UNKNOWN_VERSION = "unknown_version"
    BAD_WATCH_ID = "bad_watch_id"
    NO_TIME = "no_time"
    BAD_TIME = "bad_time"
    BAD_FRAME = "bad_frame"
    NOT_A_READING = "not_a_reading"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    OVERSIZED = "oversized"
    DECODER_FAILED = "decoder_failed"
    TOO_MANY_UNKNOWN = "too_many_unknown"


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message. `watch_id` and `kind` come from its topic; None where the topic does not say."""

    topic: str
    payload: bytes
    arrival_ms: int
    watch_id: str | None = None
    kind: Kind | None = None
    is_backlog: bool = False
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Messages(Sequence[Message]):
    """A batch of messages kept as columns, each list of one length; `messages[i]` builds a `Message`.

    Most decoders just iterate. One that is fast reads the columns, and builds no object a message. `watch_ids` are
    valid ids (or stand-ins for ids that cannot be one), or None. `arrival_ms`: of the whole batch.
    """

    topics: Sequence[str]
    payloads: Sequence[bytes]
    watch_ids: Sequence[str | None]
    kinds: Sequence[Kind | None]
    backlog: Sequence[bool]
    retained: Sequence[bool]
    arrival_ms: int

    def __len__(self) -> int:
        return len(self.topics)

    @overload
    def __getitem__(self, place: int) -> Message: ...
    @overload
    def __getitem__(self, place: slice) -> Messages: ...
    def __getitem__(self, place: int | slice) -> Message | Messages:
        """One message, or the columns of some."""
        if isinstance(place, slice):
            return self.chosen(range(*place.indices(len(self))))
        return Message(
            self.topics[place],
            self.payloads[place],
            self.arrival_ms,
            self.watch_ids[place],
            self.kinds[place],
            self.backlog[place],
            self.retained[place],
        )

    def chosen(self, places: Sequence[int]) -> Messages:
        """The columns of the messages at these places, in that order."""
        if isinstance(places, range) and places == range(len(self)):
            return self
        return Messages(
            [self.topics[place] for place in places],
            [self.payloads[place] for place in places],
            [self.watch_ids[place] for place in places],
            [self.kinds[place] for place in places],
            [self.backlog[place] for place in places],
            [self.retained[place] for place in places],
            self.arrival_ms,
        )


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """Made by the million when a watch fails: a msgspec struct takes a fifth of a frozen dataclass's time.

    `message` is the index among the messages decoded. `element`: index in its array, or None for the whole.

    `field` is set when only that field was emptied and the rest of the reading lives (it is not quarantined then).
    `boot`, `seq`: readable ones of a quarantined element, so that it is receipted.
    """

    message: int
    reason: Reason
    detail: str
    element: int | None = None
    field: str | None = None
    boot: int | None = None
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A frame that the watch waits for (`watch_3g` alarms repeat until answered); published after the commit."""

    message: int
    watch_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Decoded:
    """`readings.watch` is -1 yet; row i belongs to `watch_ids[i]` and came in message `messages[i]`."""

    readings: Readings
    watch_ids: Sequence[str] = ()
    messages: Sequence[int] = ()
    refusals: Sequence[Refusal] = ()
    answers: Sequence[Answer] = ()
    unknown_fields: Mapping[str, int] = field(default_factory=dict)


class Decoder(Protocol):
    """One payload format. `name` is what `sources` in carewatch.toml and `carewatch decode --format` say."""

    name: str

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Pure; order of the readings is the order of arrival."""
