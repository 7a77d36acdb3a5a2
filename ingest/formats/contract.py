"""What every payload decoder is: a pure function from messages to readings, refusals and answers.

A decoder never raises for what a payload holds: what cannot be a reading becomes a `Refusal`, the rest lives. An
emergency is never refused: if its payload cannot be read, a reading with `Flag.UNDECODABLE` comes beside the refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
class Refusal:
    """`message` is the index among the messages decoded. `element`: index in its array, or None for the whole.

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
