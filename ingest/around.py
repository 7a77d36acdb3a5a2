"""A message on which a stage fails is a fault of ours: it is taken around, and costs itself alone, never the flow.

The broker would deliver it again for ever, and ingest would end at it for ever. A log that cannot be asked just now is
no fault of a message: that is raised, nothing is acknowledged, and the same batch is tried again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ingest.alarms import Alarm, alarms_in
from ingest.log.contract import LogDamagedError, LogError
from ingest.mqtt.delivered import Delivered
from ingest.prepare import NONE_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.prepare import Preparation, Prepared

log = structlog.get_logger(__name__)


def prepare_around(
    preparation: Preparation, deliveries: Sequence[Delivered], arrival_ms: int, *, deaf: bool, urgent_only: bool = False
) -> Prepared:
    """As `Preparation.prepare`; if that fails, without the messages on which it does, but with what alerts of them.

    If messages fail only together, none of the batch is looked into: quarantined whole, each alarm of it alerts. Raises
    only if that fails, too, or `LogError` where the log cannot be asked just now; the preparation is then as it was.
    """
    undo_from = len(preparation.watches)

    def prepared(failed: Mapping[int, Sequence[Alarm]]) -> Prepared:
        try:
            return preparation.prepare(deliveries, arrival_ms, deaf=deaf, failed=failed, urgent_only=urgent_only)
        except Exception:
            preparation.undo_from(undo_from)
            raise

    try:
        return prepared(NONE_FAILED)
    except Exception as error:  # whatever a stage raises: the messages are then tried in parts
        if _passes(error):
            raise
        log.exception("preparation_failed", messages=sum(map(len, deliveries)))
    whole = _whole(deliveries)
    try:
        return prepared(_alarms(preparation, whole, _failing(preparation, whole, range(len(whole)), arrival_ms)))
    except Exception as error:
        if _passes(error):
            raise
        log.exception("batch_taken_around", messages=len(whole))
    return prepared(_bare(_alarms(preparation, whole, range(len(whole)))))


def _failing(preparation: Preparation, whole: Delivered, places: range, arrival_ms: int) -> list[int]:
    """Halved until only the failing messages remain: one among 65,536 costs a few repeats, not 65,536."""
    part = whole.part(places.start, places.stop)
    undo_from = len(preparation.watches)
    try:
        preparation.prepare([part], arrival_ms, deaf=False)
    except Exception as error:  # as above; told for each message, not for each half
        if _passes(error):
            raise
        if len(places) == 1:
            log.warning("message_taken_around", topic=part.topics[0], problem=repr(error)[:200])
            return [places.start]
    else:
        return []
    finally:
        preparation.undo_from(undo_from)
    middle = (places.start + places.stop) // 2
    halves = (range(places.start, middle), range(middle, places.stop))
    return [place for half in halves for place in _failing(preparation, whole, half, arrival_ms)]


def _passes(error: Exception) -> bool:
    """The log could not be asked: a lock, a failing read. A damaged one stays so, and costs those whom it concerns."""
    return isinstance(error, LogError) and not isinstance(error, LogDamagedError)


def _alarms(preparation: Preparation, whole: Delivered, places: Iterable[int]) -> dict[int, list[Alarm]]:
    """What alerts of each message at `places`."""
    found: dict[int, list[Alarm]] = {}
    for place in places:
        topic = whole.topics[place]
        route = preparation.sources.route(topic)
        message = route.message(topic, whole.payloads[place], 0)
        found[place] = alarms_in(preparation.decoder_of(route), message) if route.decodes else []
    return found


def _bare(alarms: Mapping[int, Sequence[Alarm]]) -> dict[int, list[Alarm]]:
    """Without what a stage may have failed on."""
    return {place: [Alarm(one.watch_id, one.kind) for one in told] for place, told in alarms.items()}


def _whole(deliveries: Sequence[Delivered]) -> Delivered:
    """All deliveries as one, for looking at."""
    whole = Delivered(0)
    for delivered in deliveries:
        first = len(whole)
        whole.topics.extend(delivered.topics)
        whole.payloads.extend(delivered.payloads)
        whole.retained.extend(delivered.retained)
        whole.packet_ids.extend(delivered.packet_ids)
        whole.oversized.update({first + place: size for place, size in delivered.oversized.items()})
    return whole
