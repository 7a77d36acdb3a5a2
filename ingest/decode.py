"""The stage that runs the decoders. A decoder that fails is a fault of ours: it costs one message, never the flow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import structlog

from ingest.formats.contract import Decoded, Message, Reason, Refusal
from ingest.formats.rows import Rows
from ingest.reading import Flag, Readings

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ingest.formats.contract import Decoder

log = structlog.get_logger(__name__)


def decode_all(messages: Sequence[tuple[Decoder, Message]]) -> Decoded:
    """Decode each decoder's messages together; everything in order of arrival again."""
    by_decoder: dict[int, tuple[Decoder, list[int]]] = {}
    for place, (decoder, _) in enumerate(messages):
        by_decoder.setdefault(id(decoder), (decoder, []))[1].append(place)
    parts = [
        _placed(_decoded(decoder, [messages[place][1] for place in chosen]), chosen)
        for decoder, chosen in by_decoder.values()
    ]
    return parts[0] if len(parts) == 1 else _merged(parts)


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


def _decoded(decoder: Decoder, messages: Sequence[Message]) -> Decoded:
    try:
        return decoder.decode(messages)
    except Exception:  # whatever a decoder raises: the batch is tried again message by message
        log.exception("decoder_failed", format=decoder.name, messages=len(messages))
    return _merged([_placed(_one(decoder, message), [place]) for place, message in enumerate(messages)])


def _one(decoder: Decoder, message: Message) -> Decoded:
    try:
        return decoder.decode([message])
    except Exception as error:  # as above; what it was stands in the quarantine with the payload
        log.exception("decoder_failed", format=decoder.name, topic=message.topic, messages=1)
        rows = Rows()
        rows.refusals.append(Refusal(0, Reason.DECODER_FAILED, repr(error)[:200]))
        if message.kind is not None and message.kind.is_emergency and message.watch_id is not None:
            rows.open((0, message), message.watch_id, message.kind, None, Flag.UNDECODABLE)
        return rows.finish()


def _placed(decoded: Decoded, places: Sequence[int]) -> Decoded:
    """The same, its message numbers counted in the whole batch."""
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


def _merged(parts: Sequence[Decoded]) -> Decoded:
    messages = [message for part in parts for message in part.messages]
    watch_ids = [watch_id for part in parts for watch_id in part.watch_ids]
    order = np.argsort(np.array(messages, np.int64), kind="stable")
    unknown: dict[str, int] = {}
    for part in parts:
        for name, count in part.unknown_fields.items():
            unknown[name] = unknown.get(name, 0) + count
    return Decoded(
        Readings.concatenate(part.readings for part in parts).take(order),
        [watch_ids[row] for row in order.tolist()],
        [messages[row] for row in order.tolist()],
        sorted((refusal for part in parts for refusal in part.refusals), key=lambda refusal: refusal.message),
        sorted((answer for part in parts for answer in part.answers), key=lambda answer: answer.message),
        unknown,
    )
