"""A quarantined payload read again with today's decoders and profiles: what can be a reading now is committed once.

It keeps the arrival that it had; log time goes on from now. What is in the log already stays the only one of it:

- elements whose boot and seq count as committed because they were refused are the entry's own to bring, each once;
  they go in without boot and seq, which are settled with the watch;
- every other reading is judged as one that comes live;
- an emergency that alerted when the payload came, unreadable as it was, does not alert again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from ingest.around import prepare_around
from ingest.log.contract import LogError, Retried
from ingest.mqtt.delivered import Delivered
from ingest.normalise.seen import Judgement, Verdict
from ingest.quarantine import details
from ingest.reading import COLUMN, EMERGENCY_KINDS

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from ingest.log.contract import Quarantined, ReadingLog
    from ingest.normalise.seen import Seen
    from ingest.prepare import Preparation, Prepared
    from ingest.reading import Readings
    from ingest.watches import Watches

SEQ_COLUMNS = ("boot", "seq", "oldest")
Pair = tuple[int, int]


class Outcome(StrEnum):
    """What a retry made of an entry."""

    READ = "read"
    """All of it is in the log now."""
    PARTLY = "partly read"
    """Something is in the log now, something is refused still."""
    REFUSED = "refused"
    """Nothing can be read yet."""
    KNOWN = "known already"
    """It can be read, and all of it was in the log."""
    READ_BEFORE = "read before"
    """An earlier retry read it; nothing was done."""


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """`readings`: committed by this retry. `why`: what is refused still."""

    entry: int
    outcome: Outcome
    readings: int = 0
    why: str = ""


def read_again(
    preparation: Preparation, reading_log: ReadingLog, entry: Quarantined, now_ms: int, *, deaf: bool
) -> ReadAgain:
    """Commit what can be read of the entry now. While no batch is under way.

    Raises
    ------
    LogError
        The log did not take it; everything is as before.
    """
    if entry.outcome.partition(":")[0] in {Outcome.READ, Outcome.KNOWN}:
        return ReadAgain(entry.entry, Outcome.READ_BEFORE)
    claims = _Claims(entry, reading_log, preparation.watches)
    asking = replace(preparation, judge=claims.judge)
    delivered = Delivered(0, [entry.topic], [entry.payload], [False], [0])
    prepared = prepare_around(asking, [delivered], entry.arrival_ms, deaf=deaf)
    try:
        return _committed(preparation, reading_log, entry, prepared, claims, now_ms)
    except LogError:
        preparation.undo(prepared)
        raise


def _committed(
    preparation: Preparation,
    reading_log: ReadingLog,
    entry: Quarantined,
    prepared: Prepared,
    claims: _Claims,
    now_ms: int,
) -> ReadAgain:
    watch_id = entry.watch_id or ""
    is_new = prepared.judgement.is_new
    brought = claims.own_pairs(prepared.readings.take(is_new))
    readings = claims.settled(prepared.readings).take(is_new).without_empty_columns()
    refused = prepared.batch.quarantined
    answer = _answer(entry, len(readings), was_decoded=len(prepared.readings) > 0, why=_why(prepared))
    mark = Retried(
        entry.entry,
        now_ms,
        f"{answer.outcome}: {answer.why}" if answer.why else answer.outcome,
        answer.outcome in {Outcome.READ, Outcome.KNOWN},
        [(watch_id, boot, seq) for boot, seq in brought],
        [(watch_id, boot, seq) for one in refused for boot, seq in one.seqs],
    )
    if not len(readings):
        reading_log.mark_retried(replace(mark, refused=()))
        preparation.undo(prepared)
        return answer
    reading_log.append(replace(prepared.batch, readings=readings, log_time_ms=now_ms, quarantined=(), retried=(mark,)))
    preparation.seen.commit()
    return answer


def _why(prepared: Prepared) -> str:
    """What is refused still: elements, or the whole."""
    elements = [one for one in prepared.decoded.refusals if one.field is None]
    if elements:
        reason = f"{elements[0].reason} " if elements[0].element is None else ""
        return reason + details(elements)
    return "; ".join(f"{one.reason} {one.detail}".strip() for one in prepared.batch.quarantined)


def _answer(entry: Quarantined, count: int, *, was_decoded: bool, why: str) -> ReadAgain:
    if why:
        outcome = Outcome.PARTLY if count else Outcome.REFUSED
    elif count:
        outcome = Outcome.READ
    else:
        outcome = Outcome.KNOWN if was_decoded else Outcome.REFUSED
        why = "" if was_decoded else "there is no reading in it"
    return ReadAgain(entry.entry, outcome, count, why)


class _Claims:
    """What an entry may bring though the filter knows it, and what it may not though the filter does not.

    `_alerted`: (watch, kind) of the emergencies that its batch raised at its arrival. `_has_brought`: a retry brought
    something before: what has no seq is in the log then.
    """

    def __init__(self, entry: Quarantined, reading_log: ReadingLog, watches: Watches) -> None:
        known = watches.get(entry.watch_id) if entry.watch_id is not None else None
        records = reading_log.read(entry.at_offset - 1, 1) if entry.at_offset > 0 else ()
        beside = [record.readings for record in records if record.offset == entry.at_offset]
        self._entry, self._log = entry, reading_log
        self._watch = -1 if known is None else known.index
        self._in_batch = {pair for readings in beside for pair in _pairs(readings, readings["watch"] == self._watch)}
        self._alerted = {one for readings in beside for one in _emergencies(readings, entry.arrival_ms)}
        self._has_brought = entry.outcome.startswith(Outcome.PARTLY)
        self._own: set[Pair] = set()
        self._done: set[Pair] = set()

    def judge(self, seen: Seen, readings: Readings) -> Judgement:
        """As the filter does, but for what is the entry's own, and without what is in the log already."""
        self._look_up(readings)
        may_come = np.flatnonzero(~self._is_done(readings))
        judged = seen.judge(self.settled(readings).take(may_come))
        return _spread(judged, may_come, len(readings))

    def settled(self, readings: Readings) -> Readings:
        """The entry's own ones without boot and seq: the watch has its receipt for these."""
        own = self._has_pair(readings, self._own)
        if not own.any():
            return readings
        return readings.replace(
            **{name: np.where(own, COLUMN[name].absent, readings[name]).astype(np.int64) for name in SEQ_COLUMNS}
        )

    def own_pairs(self, readings: Readings) -> list[Pair]:
        """Which of the entry's own pairs these are."""
        return sorted(set(_pairs(readings, self._has_pair(readings, self._own))))

    def _look_up(self, readings: Readings) -> None:
        pairs = set(_pairs(readings, readings["watch"] == self._watch))
        refused = self._log.refused_seqs(self._entry.watch_id or "", pairs)
        open_ = {pair for pair, (entry, brought) in refused.items() if entry == self._entry.entry and not brought}
        self._own = open_ - self._in_batch
        self._done = refused.keys() - self._own

    def _is_done(self, readings: Readings) -> NDArray[np.bool_]:
        done = self._has_pair(readings, self._done)
        if self._has_brought:
            done |= (readings["boot"] < 0) | (readings["seq"] <= 0)
        raised = zip(readings["watch"].tolist(), readings["kind"].tolist(), strict=True)
        return done | np.array([one in self._alerted for one in raised], np.bool_)

    def _has_pair(self, readings: Readings, pairs: Collection[Pair]) -> NDArray[np.bool_]:
        cells = zip(*(readings[name].tolist() for name in ("watch", "boot", "seq")), strict=True)
        return np.array([watch == self._watch and (boot, seq) in pairs for watch, boot, seq in cells], np.bool_)


def _spread(judged: Judgement, rows: NDArray[np.int64], count: int) -> Judgement:
    """A judgement of `rows` as one of `count` rows, the others known already."""
    verdicts = np.full(count, Verdict.DUPLICATE, np.int8)
    flags, generations = np.zeros(count, np.uint32), np.full(count, -1, np.int32)
    verdicts[rows], flags[rows], generations[rows] = judged.verdicts, judged.flags, judged.generations
    return Judgement(verdicts, flags, generations)


def _pairs(readings: Readings, chosen: NDArray[np.bool_]) -> list[Pair]:
    return list(zip(readings["boot"][chosen].tolist(), readings["seq"][chosen].tolist(), strict=True))


def _emergencies(readings: Readings, arrival_ms: int) -> list[Pair]:
    """(watch, kind) of those that arrived then."""
    chosen = np.isin(readings["kind"], list(EMERGENCY_KINDS)) & (readings["arrival_ms"] == arrival_ms)
    return list(zip(readings["watch"][chosen].tolist(), readings["kind"][chosen].tolist(), strict=True))
