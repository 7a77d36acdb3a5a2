"""A message on which a stage fails is a fault of ours: it is taken around, and costs itself alone, never the flow.

The broker would deliver it again for ever, and ingest would end at it for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ingest.mqtt.delivered import Delivered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.prepare import Preparation, Prepared

log = structlog.get_logger(__name__)


def prepare_around(
    preparation: Preparation, deliveries: Sequence[Delivered], arrival_ms: int, *, deaf: bool
) -> Prepared:
    """As `Preparation.prepare`; if that fails, with the failing messages unreadable. Raises if that fails, too."""
    first_new = len(preparation.watches)
    try:
        return preparation.prepare(deliveries, arrival_ms, deaf=deaf)
    except Exception:  # whatever a stage raises: each message is then tried alone
        log.exception("preparation_failed", messages=sum(len(delivered) for delivered in deliveries))
        preparation.undo_from(first_new)
    unreadable = frozenset(place for place, one in enumerate(_each(deliveries)) if _fails(preparation, one, arrival_ms))
    return preparation.prepare(deliveries, arrival_ms, deaf=deaf, unreadable=unreadable)


def _fails(preparation: Preparation, one: Delivered, arrival_ms: int) -> bool:
    first_new = len(preparation.watches)
    try:
        preparation.prepare([one], arrival_ms, deaf=False)
    except Exception as error:  # as above; the payload is in the quarantine
        log.exception("message_taken_around", topic=one.topics[0], problem=repr(error))
        return True
    finally:
        preparation.undo_from(first_new)
    return False


def _each(deliveries: Sequence[Delivered]) -> Iterator[Delivered]:
    for delivered in deliveries:
        for place in range(len(delivered)):
            whole_bytes = delivered.oversized.get(place)
            yield Delivered(
                delivered.connection,
                [delivered.topics[place]],
                [delivered.payloads[place]],
                [delivered.retained[place]],
                [delivered.packet_ids[place]],
                {} if whole_bytes is None else {0: whole_bytes},
            )
