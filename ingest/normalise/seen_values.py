"""Duplicates among readings without boot and seq: known by what they say, 24 h of the watch's own time."""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ingest.normalise.verdict import Verdict
from ingest.reading import EMERGENCY_KINDS, PAYLOAD_COLUMNS, Flag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from ingest.reading import Readings

KEPT_MS = 24 * 3600 * 1000
FORGET_EVERY_MS = 3600 * 1000
MOST_VALUES = 100_000
"""Of a watch, the newest come; one reading a second is fewer in a day. A flood of them must not fill the memory."""


def value_hashes(readings: Readings, rows: NDArray[np.int64]) -> list[int]:
    """A signed 64-bit hash of (kind, time, values) for each of `rows`; the same on every machine and for ever.

    The time is the watch's own; a reading without one is known by its arrival: two presses of a button that tells no
    time are two. So are two of a watch whose clock stands still in the year 2000; if it was a resend, the alert that
    is open takes it up. Only values that are there count, so a column that is added later changes no hash.
    """
    present = [column.name for column in PAYLOAD_COLUMNS if column.name in readings.present]
    chosen = readings.take(rows)
    raw_ms = chosen["raw_time_ms"]
    is_repaired = (chosen["flags"] & np.uint32(Flag.CLOCK_REPAIRED)) != 0
    tells_time = (raw_ms >= 0) & ~(is_repaired & np.isin(chosen["kind"], list(EMERGENCY_KINDS)))
    head = zip(chosen["kind"].tolist(), np.where(tells_time, raw_ms, chosen["time_ms"]).tolist(), strict=True)
    texts = [f"{kind} {time_ms}" for kind, time_ms in head]
    for name in present:
        absent = -1 if chosen[name].dtype.kind == "i" else None
        for row, value in enumerate(chosen[name].tolist()):
            if value == value and value != absent:  # noqa: PLR0124 - NaN
                texts[row] += f" {name}={value + 0.0!r}"
    return [_hash(text) for text in texts]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


class ValueMemory:
    """(watch, hash) -> time, with what is pending apart from what is committed."""

    def __init__(self) -> None:
        self._committed: dict[int, dict[int, int]] = {}
        self._pending: dict[int, dict[int, int]] = {}
        self._newest_ms: dict[int, int] = {}
        self._forgot_ms: dict[int, int] = {}

    def judge(self, readings: Readings, rows: NDArray[np.int64]) -> list[Verdict]:
        """The verdict of each of these rows; new ones are pending from then on."""
        verdicts = []
        watches, times = readings["watch"][rows].tolist(), readings["time_ms"][rows].tolist()
        for watch, value_hash, time_ms in zip(watches, value_hashes(readings, rows), times, strict=True):
            is_known = self.is_committed(watch, value_hash) or self.is_pending(watch, value_hash)
            verdicts.append(Verdict.DUPLICATE_VALUE if is_known else Verdict.NEW)
            if not is_known:
                self.take(watch, value_hash, time_ms)
        return verdicts

    def is_committed(self, watch: int, value_hash: int) -> bool:
        """Durably known."""
        return value_hash in self._committed.get(watch, ())

    def is_pending(self, watch: int, value_hash: int) -> bool:
        """Met in this batch."""
        return value_hash in self._pending.get(watch, ())

    def take(self, watch: int, value_hash: int, time_ms: int) -> None:
        """One more, pending."""
        self._pending.setdefault(watch, {})[value_hash] = time_ms

    def pending(self) -> Iterator[tuple[int, int, int]]:
        """(watch, hash, time_ms) of this batch."""
        for watch, values in self._pending.items():
            for value_hash, time_ms in values.items():
                yield watch, value_hash, time_ms

    def rollback(self) -> None:
        """Forget this batch."""
        self._pending.clear()

    def commit(self) -> None:
        """The batch is durable; what is older than a day of the watch's time leaves."""
        for watch, values in self._pending.items():
            self._keep(watch, values)
        self._pending.clear()

    def restore(self, values: Iterable[tuple[int, int, int]]) -> None:
        """What the log knows at start."""
        for watch, value_hash, time_ms in values:
            self._keep(watch, {value_hash: time_ms})

    def _keep(self, watch: int, values: dict[int, int]) -> None:
        known = self._committed.setdefault(watch, {})
        known.update(values)
        newest_ms = self._newest_ms[watch] = max(self._newest_ms.get(watch, 0), *values.values())
        if newest_ms - self._forgot_ms.get(watch, 0) >= FORGET_EVERY_MS:
            self._forgot_ms[watch] = newest_ms
            known = {h: t for h, t in known.items() if t >= newest_ms - KEPT_MS or h in values}
        if len(known) > MOST_VALUES:
            known = dict(islice(known.items(), len(known) - MOST_VALUES * 3 // 4, None))
        self._committed[watch] = known
