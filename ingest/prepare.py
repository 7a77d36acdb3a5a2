"""From delivered messages to what one commit makes durable. The stages, in order:

route (whose, which format) -> decode -> shed (where the disk is full: all but emergencies) -> admit (at most so many
    unknown watches) -> identify (registry) -> normalise -> judge (duplicates) -> batch

Everything here can be undone: nothing counts until `seen.commit`, and `undo` restores registry and filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from ingest.alarms import rows_of_alarms
from ingest.decode import decode_all, urgent
from ingest.formats.joined import joined
from ingest.identify import identified, met, origin
from ingest.log.contract import Batch
from ingest.normalise.pipeline import normalise
from ingest.normalise.seen import Seen, SeenRefused, Verdict
from ingest.quarantine import of_refusals, of_strays
from ingest.routed import routed
from ingest.sources import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ingest.alarms import Alarm
    from ingest.formats.contract import Decoded, Decoder, Messages, Refusal
    from ingest.mqtt.delivered import Delivered
    from ingest.normalise.seen import Judgement
    from ingest.reading import Datum, Readings
    from ingest.routed import Routed
    from ingest.sources import Sources, Stray
    from ingest.watches import Watches

_message = attrgetter("message")
MOST_UNKNOWN = 10_000
"""Watches that spoke before anyone registered them: a flood of made-up ids must not fill the registry."""
NONE_FAILED: Mapping[int, Sequence[Alarm]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Prepared:
    """One commit, and what follows it.

    `readings`: all that were judged, duplicates too. `refused`: (watch, boot, seq) of what went to quarantine.
    `shed`: readings that are let go for want of room; their watches hold them.
    """

    batch: Batch
    readings: Readings
    judgement: Judgement
    refused: Sequence[tuple[int, int, int]]
    decoded: Decoded
    messages: int
    first_new: int
    shed: int = 0

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
        failed: Mapping[int, Sequence[Alarm]] = NONE_FAILED,
        urgent_only: bool = False,
    ) -> Prepared:
        """Pure but for the registry and the filter, which wait for `seen.commit` or `undo`.

        `failed`: messages (counted over the deliveries) that no stage is to look into, with what alerts of each: they
        are quarantined whole. `urgent_only`: for want of room nothing but emergencies is kept.
        """
        asked = routed(self.sources, deliveries, arrival_ms, failed)
        decoded = self._decoded(asked, failed)
        kept = urgent(decoded) if urgent_only else decoded
        shed = len(decoded.readings) - len(kept.readings)
        first_new = len(self.watches)
        kept, indices = met(kept, self.watches, self.most_unknown)
        readings = identified(kept.readings, indices, self.watches)
        readings = normalise(readings, origin(asked, kept, readings, self.watches, self.datum_of))
        judgement = self.judge(self.seen, readings)
        refused, refusals = self._refused(kept.refusals, asked.messages)
        readings = readings.replace(flags=readings["flags"] | judgement.flags)
        strays = asked.strays if not urgent_only else _of_these(asked.strays, kept.messages)
        batch = Batch(
            readings=(readings if judgement.is_new.all() else readings.take(judgement.is_new)).without_empty_columns(),
            log_time_ms=arrival_ms,
            deaf=deaf,
            new_watches=tuple(self.watches.at(index) for index in range(first_new, len(self.watches))),
            quarantined=(
                *of_strays(asked.messages, strays),
                *of_refusals(asked.messages, (one for one in refusals if one.message not in strays)),
            ),
            seen_runs=tuple(self.seen.runs()),
            seen_values=tuple(self.seen.values()),
            seen_forgotten=tuple(self.seen.forgotten()),
            seen_refused=tuple(self.seen.refused()),
            seen_chunks=tuple(self.seen.chunks()),
        )
        return Prepared(batch, readings, judgement, refused, kept, len(asked.messages), first_new, shed)

    def _decoded(self, asked: Routed, failed: Mapping[int, Sequence[Alarm]]) -> Decoded:
        """Each message by its decoder; of those on which a stage failed only what alerts."""
        others: dict[int, tuple[Decoder, list[int]]] = {}
        for place, route in asked.routes.items():
            if place not in asked.unread:
                decoder = self.decoder_of(route)
                others.setdefault(id(decoder), (decoder, []))[1].append(place)
        found = decode_all(asked.messages, [(self.decoder_of(Route()), asked.ours()), *others.values()])
        return joined([found, rows_of_alarms(asked.messages, failed)]) if failed else found

    def _refused(
        self, refusals: Sequence[Refusal], messages: Messages
    ) -> tuple[list[tuple[int, int, int]], list[Refusal]]:
        """(watch, boot, seq) of refused elements that can be receipted, and the refusals of readings that are new."""
        told = [refusal for refusal in refusals if refusal.field is None]
        watch_ids = [messages.watch_ids[refusal.message] for refusal in told]
        indices = self.watches.indices([watch_id or "" for watch_id in watch_ids]).tolist()
        marked: list[Refusal] = []
        watches: list[int] = []
        new: list[Refusal] = []
        for refusal, watch_id, index in zip(told, watch_ids, indices, strict=True):
            if refusal.boot is None or refusal.seq is None or watch_id is None:
                new.append(_unsettled(refusal))
            elif index >= 0:
                marked.append(refusal)
                watches.append(index)
            elif self._is_full(watch_id):
                new.append(_unsettled(refusal))
            else:
                marked.append(refusal)
                watches.append(self.watches.meet(watch_id)[0].index)
        if not marked:
            return [], new
        seqs = [(refusal.boot or 0, refusal.seq or 0) for refusal in marked]  # both are there
        arrival_ms = messages.arrival_ms
        marks = [SeenRefused(watch, boot, seq, arrival_ms) for watch, (boot, seq) in zip(watches, seqs, strict=True)]
        verdicts = self.seen.mark_all_refused(marks)
        # A reading beside it (an SOS of another version) was met first, and is no duplicate for that.
        fresh = [one for one, verdict in zip(marked, verdicts, strict=True) if verdict is not Verdict.DUPLICATE]
        return [mark[:3] for mark in marks], sorted([*new, *fresh], key=_message) if new else fresh

    def _is_full(self, watch_id: str) -> bool:
        return self.watches.get(watch_id) is None and self.watches.provisional >= self.most_unknown

    def undo(self, prepared: Prepared) -> None:
        """The commit failed: as if it had never been prepared."""
        self.undo_from(prepared.first_new)

    def undo_from(self, first_new: int) -> None:
        """The same, by what the registry's length was before."""
        self.seen.rollback()
        self.watches.forget_from(first_new)


def _unsettled(refusal: Refusal) -> Refusal:
    """Told, but not settled with the watch."""
    return refusal if refusal.boot is None else msgspec.structs.replace(refusal, boot=None, seq=None)


def _of_these(strays: Mapping[int, Stray], messages: Collection[int]) -> dict[int, Stray]:
    places = set(messages)
    return {place: stray for place, stray in strays.items() if place in places}
