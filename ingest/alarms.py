"""What must still alert of a message on which a stage of ours failed.

The payload stands in quarantine whole, and nobody reads that at three in the morning. So:

1. A topic that says `sos` or `fall` alerts, whatever the payload is.
2. A payload that its decoder can read alone alerts for each emergency in it (an SOS in a backlog, an alarm frame), with
   its boot, seq and time, so that a resend is known again and the watch gets its receipt. Nothing else of it is used.
3. A payload that its decoder fails on alerts as SOS if it carries a mark by which its format, or any, names an alarm.

A wrong alert costs a call; a missed one may cost a life. But an alert for each message that we fail on would be a
flood by our own fault, so the third asks for the mark; docs/adr/0010-columns-and-alarms-in-front.md tells the price.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ingest.formats.identity import stand_in_id
from ingest.formats.rows import Rows
from ingest.reading import EMERGENCY_KINDS, Flag, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.formats.contract import Decoded, Decoder, Message, Messages

log = structlog.get_logger(__name__)

ALARM_MARKS = {
    "native": re.compile(rb'"kind"\s*:\s*"(?:sos|fall)"'),
    "watch_3g": re.compile(rb"\*AL"),
    "watch_iw": re.compile(rb"AP10"),
}
"""By format; frames of status words (`UD`) name no alarm in words, so without their decoder they cannot tell of one."""
ANY_MARK = re.compile(rb"sos|fall|alarm|emergency", re.IGNORECASE)
"""Of a format that is not named above."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One emergency: whose, which, and what tells a resend of it; -1 and None where that is not known."""

    watch_id: str
    kind: Kind
    raw_time_ms: int | None = None
    boot: int = -1
    seq: int = -1


def alarms_in(decoder: Decoder, message: Message) -> list[Alarm]:
    """Of a message on which a later stage failed. Raises for nothing that the decoder does."""
    if message.kind is not None and message.kind.is_emergency:
        return [Alarm(_watch_id(message), message.kind)]
    try:
        return _emergencies(decoder.decode([message]))
    except Exception:  # whatever a decoder raises, as in decode.py
        log.exception("decoder_failed", format=decoder.name, messages=1)
    return alarms_by_mark(decoder, message)


def alarms_by_mark(decoder: Decoder, message: Message) -> list[Alarm]:
    """Of a message that its decoder fails on."""
    if message.kind is not None and message.kind.is_emergency:
        return [Alarm(_watch_id(message), message.kind)]
    mark = ALARM_MARKS.get(decoder.name, ANY_MARK)
    return [Alarm(_watch_id(message), Kind.SOS)] if mark.search(message.payload) else []


def rows_of_alarms(messages: Messages, alarms: Mapping[int, Iterable[Alarm]]) -> Decoded:
    """A reading for each, flagged as one that could not be read. `alarms`: by the place of their message."""
    rows = Rows()
    for place, told in alarms.items():
        for alarm in told:
            opened = (place, messages[place])
            row = rows.open(opened, alarm.watch_id, alarm.kind, alarm.raw_time_ms, Flag.UNDECODABLE)
            rows.head["boot"][row], rows.head["seq"][row] = alarm.boot, alarm.seq
    return rows.finish()


def _emergencies(decoded: Decoded) -> list[Alarm]:
    readings = decoded.readings
    names = ("kind", "raw_time_ms", "boot", "seq")
    cells: Sequence[tuple[int, ...]] = list(zip(*(readings[name].tolist() for name in names), strict=True))
    return [
        Alarm(watch_id, Kind(kind), raw_time_ms if raw_time_ms >= 0 else None, boot, seq)
        for watch_id, (kind, raw_time_ms, boot, seq) in zip(decoded.watch_ids, cells, strict=True)
        if kind in EMERGENCY_KINDS
    ]


def _watch_id(message: Message) -> str:
    """A topic that names no watch gives a stand-in: the alert comes as that of an unknown watch."""
    return message.watch_id or stand_in_id(message.topic)
