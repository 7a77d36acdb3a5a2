"""What could not be a reading: kept whole, one entry a message, with every reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.formats.contract import Reason
from ingest.log.contract import Quarantined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.formats.contract import Messages, Refusal
    from ingest.sources import Stray

PAYLOAD_KEPT_BYTES = 65_536
REASONS_SHOWN = 10
_TEXT = {reason: reason.value for reason in Reason}


def of_strays(messages: Messages, strays: Mapping[int, Stray]) -> list[Quarantined]:
    """Messages on a topic that cannot be used as it is, or of which only the beginning is here."""
    return [_entry(messages, place, strays[place].reason, strays[place].detail) for place in sorted(strays)]


def of_refusals(messages: Messages, refusals: Iterable[Refusal]) -> list[Quarantined]:
    """One entry for each message of which something was refused whole; emptied fields are no refusal of the reading.

    A refusal still has its boot and seq only if these were marked as committed.
    """
    told = [refusal for refusal in refusals if refusal.field is None]
    if len({refusal.message for refusal in told}) == len(told):
        return [_of_one(messages, one) for one in told]
    by_message: dict[int, list[Refusal]] = {}
    for refusal in told:
        by_message.setdefault(refusal.message, []).append(refusal)
    return [
        _of_one(messages, several[0])
        if len(several) == 1
        else _entry(messages, place, several[0].reason, details(several), _receipted(several))
        for place, several in by_message.items()
    ]


def _of_one(messages: Messages, refusal: Refusal) -> Quarantined:
    """What most messages are: refused once."""
    boot, seq = refusal.boot, refusal.seq
    detail = refusal.detail if refusal.element is None else details((refusal,))
    seqs = () if boot is None or seq is None else ((boot, seq),)
    return _entry(messages, refusal.message, refusal.reason, detail, seqs)


def _receipted(refusals: Sequence[Refusal]) -> tuple[tuple[int, int], ...]:
    """(boot, seq) of the elements that count as committed now."""
    return tuple([(one.boot, one.seq) for one in refusals if one.boot is not None and one.seq is not None])


def details(refusals: Sequence[Refusal]) -> str:
    """Each with its place, up to `REASONS_SHOWN`."""
    if len(refusals) == 1 and refusals[0].element is None:
        return refusals[0].detail
    shown = [
        one.detail if one.element is None else f"element {one.element}: {_TEXT[one.reason]} {one.detail}"
        for one in refusals[:REASONS_SHOWN]
    ]
    more = len(refusals) - len(shown)
    return "; ".join([*shown, f"and {more} more"] if more else shown)


def _entry(
    messages: Messages, place: int, reason: Reason, detail: str, seqs: Sequence[tuple[int, int]] = ()
) -> Quarantined:
    payload = messages.payloads[place][:PAYLOAD_KEPT_BYTES]
    watch_id = messages.watch_ids[place]
    return Quarantined(messages.topics[place], messages.arrival_ms, _TEXT[reason], detail, payload, watch_id, seqs)
