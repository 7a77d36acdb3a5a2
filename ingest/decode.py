"""The stage that runs the decoders. A decoder that fails is a fault of ours: it costs one message, never the flow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import structlog

from ingest.alarms import alarms_by_mark, rows_of_alarms
from ingest.formats.contract import Decoded, Reason, Refusal
from ingest.formats.joined import joined
from ingest.reading import EMERGENCY_KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ingest.formats.contract import Decoder, Messages

log = structlog.get_logger(__name__)


def decode_all(messages: Messages, groups: Sequence[tuple[Decoder, Sequence[int]]]) -> Decoded:
    """Decode each group, a decoder and the places of its messages; everything in order of arrival again."""
    return joined([_placed(_decoded(decoder, messages.chosen(places)), places) for decoder, places in groups if places])


def without(decoded: Decoded, watch_ids: Collection[str], why: str) -> Decoded:
    """Refuse every reading of these watches; boot and seq are left out, so that nothing of them is receipted."""
    kept = np.array([watch_id not in watch_ids for watch_id in decoded.watch_ids], np.bool_)
    refused = [
        Refusal(message, Reason.TOO_MANY_UNKNOWN, f"{why}; `carewatch watch add {watch_id}` if this one is yours")
        for message, watch_id in dict.fromkeys(zip(decoded.messages, decoded.watch_ids, strict=True))
        if watch_id in watch_ids
    ]
    return replace(
        decoded,
        readings=decoded.readings.take(kept),
        watch_ids=[watch_id for watch_id in decoded.watch_ids if watch_id not in watch_ids],
        messages=[place for place, keep in zip(decoded.messages, kept.tolist(), strict=True) if keep],
        refusals=[*decoded.refusals, *refused],
    )


def urgent(decoded: Decoded) -> Decoded:
    """Nothing but emergencies, and what was refused of their messages: the disk has no room for more.

    What is left out is not receipted, and a message without an emergency is not answered: its watch sends it again.
    """
    is_urgent = np.isin(decoded.readings["kind"], list(EMERGENCY_KINDS))
    rows = np.flatnonzero(is_urgent).tolist()
    messages = [decoded.messages[row] for row in rows]
    with_urgent = set(messages)
    return replace(
        decoded,
        readings=decoded.readings.take(is_urgent),
        watch_ids=[decoded.watch_ids[row] for row in rows],
        messages=messages,
        refusals=[_held(refusal) for refusal in decoded.refusals if refusal.message in with_urgent],
        answers=[answer for answer in decoded.answers if answer.message in with_urgent],
    )


def _held(refusal: Refusal) -> Refusal:
    """Told, but not settled with the watch."""
    return msgspec.structs.replace(refusal, boot=None, seq=None)


def _decoded(decoder: Decoder, messages: Messages, *, is_part: bool = False) -> Decoded:
    """Halved where the decoder fails, until only its messages remain: one among 65,536 costs a few repeats."""
    try:
        return decoder.decode(messages)
    except Exception as error:
        if not is_part or len(messages) == 1:
            log.exception("decoder_failed", format=decoder.name, messages=len(messages), topic=messages.topics[0])
        if len(messages) == 1:
            return _failed(decoder, messages, error)
    middle = len(messages) // 2
    halves = (range(middle), range(middle, len(messages)))
    return joined([_placed(_decoded(decoder, messages.chosen(places), is_part=True), places) for places in halves])


def _failed(decoder: Decoder, messages: Messages, error: Exception) -> Decoded:
    """Of one message: what it was stands in the quarantine with the payload."""
    found = rows_of_alarms(messages, {0: alarms_by_mark(decoder, messages[0])})
    return replace(found, refusals=[Refusal(0, Reason.DECODER_FAILED, repr(error)[:200])])


def _placed(decoded: Decoded, places: Sequence[int]) -> Decoded:
    """The same, its message numbers counted in the whole batch."""
    if isinstance(places, range) and places.start == 0:
        return decoded
    return Decoded(
        decoded.readings,
        decoded.watch_ids,
        [places[message] for message in decoded.messages],
        [_moved(refusal, places) for refusal in decoded.refusals],
        [type(answer)(places[answer.message], answer.watch_id, answer.payload) for answer in decoded.answers],
        decoded.unknown_fields,
    )


def _moved(refusal: Refusal, places: Sequence[int]) -> Refusal:
    return Refusal(
        places[refusal.message],
        refusal.reason,
        refusal.detail,
        refusal.element,
        refusal.field,
        refusal.boot,
        refusal.seq,
    )
