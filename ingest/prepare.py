"""From delivered messages to what one commit makes durable. The stages, in order:

route (whose, which format) -> decode -> admit (at most so many unknown watches) -> identify (registry) -> normalise
    -> judge (duplicates) -> batch

Everything here can be undone: nothing counts until `seen.commit`, and `undo` restores registry and filter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ingest.decode import decode_all, without
from ingest.formats.contract import Reason
from ingest.log.contract import Batch
from ingest.normalise.pipeline import Origin, normalise
from ingest.normalise.seen import Seen, Verdict
from ingest.quarantine import of_refusals, of_strays
from ingest.reading import EMERGENCY_KINDS, Flag
from ingest.sources import Stray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.formats.contract import Decoded, Decoder, Message, Refusal
    from ingest.mqtt.delivered import Delivered
    from ingest.normalise.seen import Judgement
    from ingest.reading import Datum, Readings
    from ingest.sources import Route, Sources
    from ingest.watches import Watches

MOST_UNKNOWN = 10_000
"""Watches that spoke before anyone registered them: a flood of made-up ids must not fill the registry."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """One commit, and what follows it.

    `readings`: all that were judged, duplicates too. `refused`: (watch, boot, seq) of what went to quarantine.
    """

    batch: Batch
    readings: Readings
    judgement: Judgement
    refused: Sequence[tuple[int, int, int]]
    decoded: Decoded
    messages: int
    first_new: int

    @property
    def is_empty(self) -> bool:
        """Nothing new: everything was there before."""
        return not (len(self.batch.readings) or self.batch.quarantined or self.batch.seen_runs)


@dataclass(frozen=True, slots=True)
class Preparation:
    """`decoder_of` and `datum_of`: of a topic's format and profile. `most_unknown`: provisional watches.

    `judge`: how the filter is asked; a retry of the quarantine asks otherwise than what comes live.
    """

    sources: Sources
    watches: Watches
    seen: Seen
    decoder_of: Callable[[Route], Decoder]
    datum_of: Callable[[Route], Datum]
    most_unknown: int = MOST_UNKNOWN
    judge: Callable[[Seen, Readings], Judgement] = Seen.judge

    def prepare(
        self,
        deliveries: Sequence[Delivered],
        arrival_ms: int,
        *,
        deaf: bool,
        unreadable: frozenset[int] = frozenset(),
    ) -> Prepared:
        """Pure but for the registry and the filter, which wait for `seen.commit` or `undo`.

        `unreadable`: messages (counted over the deliveries) that no stage is to look into: quarantined whole, and an
        emergency among them alerts as one that could not be read.
        """
        messages_in = [one for delivered in deliveries for one in _messages(delivered)]
        routed = [
            _routed(self.sources, one, arrival_ms, is_unreadable=place in unreadable)
            for place, one in enumerate(messages_in)
        ]
        usable = [_openable(route, message) for route, message in routed if route.decodes]
        messages = [message for _, message in usable]
        decoded = decode_all([(self.decoder_of(route), message) for route, message in usable])
        first_new = len(self.watches)
        decoded = self._admitted(decoded)
        readings = self._identified(decoded, [self.datum_of(route) for route, _ in usable])
        judgement = self.judge(self.seen, readings)
        refused, refusals = self._refused(decoded.refusals, messages)
        told = {place for place, (route, _) in enumerate(usable) if route.stray is not None}
        readings = readings.replace(flags=readings["flags"] | judgement.flags)
        batch = Batch(
            readings=readings.take(judgement.is_new).without_empty_columns(),
            log_time_ms=arrival_ms,
            deaf=deaf,
            new_watches=tuple(self.watches.at(index) for index in range(first_new, len(self.watches))),
            quarantined=(
                *of_strays(routed),
                *of_refusals(messages, (one for one in refusals if one.message not in told)),
            ),
            seen_runs=tuple(self.seen.runs()),
            seen_values=tuple(self.seen.values()),
        )
        return Prepared(batch, readings, judgement, refused, decoded, len(routed), first_new)

    def _admitted(self, decoded: Decoded) -> Decoded:
        """Without the readings of unknown watches beyond `most_unknown`; an emergency is taken all the same.

        They get no receipt: their watches hold them, and send them again once somebody registered these.
        """
        room = self.most_unknown - self.watches.provisional
        if len(decoded.watch_ids) <= room:
            return decoded
        new = dict.fromkeys(watch_id for watch_id in decoded.watch_ids if self.watches.get(watch_id) is None)
        kinds = decoded.readings["kind"].tolist()
        urgent = {name for name, kind in zip(decoded.watch_ids, kinds, strict=True) if kind in EMERGENCY_KINDS}
        calm = [watch_id for watch_id in new if watch_id not in urgent]
        beyond = set(calm[max(0, room - len(new) + len(calm)) :])
        why = f"{self.watches.provisional} watches that nobody registered"
        return without(decoded, beyond, why) if beyond else decoded

    def _identified(self, decoded: Decoded, datums: Sequence[Datum]) -> Readings:
        """Each row gets its watch's index, a likely time, and WGS-84. `datums`: of each message's profile."""
        readings = decoded.readings
        watches = [self.watches.meet(watch_id)[0] for watch_id in decoded.watch_ids]
        unknown = np.array([watch.provisional for watch in watches], np.bool_)
        flags = readings["flags"] | np.where(unknown, np.uint32(Flag.UNKNOWN_WATCH), np.uint32(0))
        indices = np.array([watch.index for watch in watches], np.int64)
        messages = np.array(decoded.messages, np.int64)
        datum = np.array([datums[place] for place in decoded.messages], np.int8)
        return normalise(readings.replace(watch=indices, flags=flags), Origin(messages, datum))

    def _refused(
        self, refusals: Sequence[Refusal], messages: Sequence[Message]
    ) -> tuple[list[tuple[int, int, int]], list[Refusal]]:
        """(watch, boot, seq) of refused elements that can be receipted, and the refusals that are new."""
        receipted, new = [], []
        for refusal in refusals:
            message = messages[refusal.message]
            boot, seq = refusal.boot, refusal.seq
            watch_id = message.watch_id
            if refusal.field is not None or boot is None or seq is None or watch_id is None or self._is_full(watch_id):
                new.append(refusal if boot is None else replace(refusal, boot=None, seq=None))
                continue
            watch, _ = self.watches.meet(watch_id)
            verdict = self.seen.mark_refused(watch.index, boot, seq, message.arrival_ms)
            receipted.append((watch.index, boot, seq))
            if verdict is not Verdict.DUPLICATE:  # a reading beside it (an SOS of another version) is met first
                new.append(refusal)
        return receipted, new

    def _is_full(self, watch_id: str) -> bool:
        return self.watches.get(watch_id) is None and self.watches.provisional >= self.most_unknown

    def undo(self, prepared: Prepared) -> None:
        """The commit failed: as if it had never been prepared."""
        self.undo_from(prepared.first_new)

    def undo_from(self, first_new: int) -> None:
        """The same, by what the registry's length was before."""
        self.seen.rollback()
        self.watches.forget_from(first_new)


@dataclass(frozen=True, slots=True)
class _Message:
    """`whole_bytes`: size of a payload of which only the beginning was taken."""

    topic: str
    payload: bytes
    retained: bool
    whole_bytes: int | None


def _messages(delivered: Delivered) -> Iterator[_Message]:
    for place, topic in enumerate(delivered.topics):
        whole_bytes = delivered.oversized.get(place)
        yield _Message(topic, delivered.payloads[place], delivered.retained[place], whole_bytes)


def _routed(sources: Sources, one: _Message, arrival_ms: int, *, is_unreadable: bool) -> tuple[Route, Message]:
    route = sources.route(one.topic)
    stray = None
    if is_unreadable:
        stray = Stray(Reason.DECODER_FAILED, "carewatch failed on it; see its log")
    elif one.whole_bytes is not None:
        stray = Stray(Reason.OVERSIZED, f"{one.whole_bytes} bytes; its beginning is kept")
    if stray is not None and (route.stray is None or is_unreadable):
        is_emergency = route.kind is not None and route.kind.is_emergency
        route = replace(route, stray=stray, watch_id=route.watch_id if is_emergency else None)
    return route, route.message(one.topic, one.payload, arrival_ms, retained=one.retained)


def _openable(route: Route, message: Message) -> tuple[Route, Message]:
    """What the decoder gets: nothing of a payload on which a stage failed."""
    if route.stray is not None and route.stray.reason is Reason.DECODER_FAILED:
        return route, replace(message, payload=b"")
    return route, message
