"""Readings as residents' watches would have sent them, made by columns: a year of a hundred in seconds.

By the minute: a heart rate that wanders about the wearer's own base and follows day, night and steps; steps in bouts;
a battery that falls by its own slope and is charged when low, the watch then off the wrist; spo2 each half hour, skin
temperature each ten minutes. Watches sample at their own second, a few ms early or late; the network takes a third of a
second as a rule, sometimes many. Values are rounded as makers round them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.reading import COLUMN, Kind, Readings

if TYPE_CHECKING:
    from numpy.typing import NDArray

MINUTE_MS = 60_000
DAY_MINUTES = 1_440
BEGIN_MS = 1_767_225_600_000
"""1 January 2026, UTC."""
TOGETHER_MS = 15
"""Readings that arrive within this become one record (ingest/intake.py)."""
BOOT_EVERY_DAYS = 30


@dataclass(frozen=True, slots=True)
class Wearers:
    """What stays of each resident, shape (residents,)."""

    base_bpm: NDArray[np.float64]
    slope: NDArray[np.float64]
    phase_ms: NDArray[np.int64]
    charged_at: NDArray[np.int64]

    @staticmethod
    def made(residents: int, rng: np.random.Generator) -> Wearers:
        """As many as asked."""
        return Wearers(
            rng.normal(68, 8, residents),
            rng.uniform(20, 45, residents) / DAY_MINUTES,
            rng.integers(0, MINUTE_MS, residents),
            rng.integers(0, DAY_MINUTES, residents),
        )

    def __len__(self) -> int:
        return len(self.base_bpm)


def day(wearers: Wearers, number: int, rng: np.random.Generator) -> Readings:
    """Every reading of the day `number` (0, 1, ...), in order of arrival, those of one record with one arrival."""
    minute = number * DAY_MINUTES + np.arange(DAY_MINUTES)[None, :]
    shape = (len(wearers), DAY_MINUTES)
    charging, battery = _battery(wearers, minute)
    steps = _steps(minute, shape, rng)
    bpm = np.rint(_bpm(wearers, minute, steps, rng))
    worn = ~charging
    time_ms = BEGIN_MS + minute * MINUTE_MS + wearers.phase_ms[:, None] + rng.integers(-40, 41, shape)
    arrival_ms = time_ms + rng.lognormal(5.7, 0.7, shape).astype(np.int64)
    seq = minute % (BOOT_EVERY_DAYS * DAY_MINUTES) + 1
    cells: dict[str, NDArray[Any]] = {
        "watch": np.broadcast_to(np.arange(len(wearers))[:, None], shape),
        "kind": np.full(shape, Kind.HEART_RATE),
        "time_ms": time_ms,
        "raw_time_ms": time_ms,
        "arrival_ms": arrival_ms,
        "boot": _boot(len(wearers), number, shape),
        "seq": np.broadcast_to(seq, shape),
        "oldest": np.maximum(1, seq - (rng.random(shape) < 0.05)),
        "flags": np.zeros(shape),
        "battery": battery,
        "worn": worn,
        "charging": charging,
        "bpm": np.where(worn, bpm, np.nan),
        "quality": np.where(worn, np.round(rng.beta(12, 1.5, shape), 2), np.nan),
        "steps": np.where(worn, steps, 0),
        "spo2": np.where(worn & (minute % 30 == 0), np.rint(rng.normal(96, 1.2, shape)).clip(80, 100), np.nan),
        "skin_c": np.where(worn & (minute % 10 == 0), np.round(rng.normal(33, 0.6, shape), 1), np.nan),
    }
    return _arrived(cells)


def _battery(wearers: Wearers, minute: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Charged for an hour and a half each day or two, at the wearer's own hour."""
    period = DAY_MINUTES * (1 + np.arange(len(wearers)) % 2)[:, None]
    since = (minute - wearers.charged_at[:, None]) % period
    charging = since >= period - 90
    low = 100 - wearers.slope[:, None] * (period - 90)
    level = np.where(charging, low + (100 - low) * (since - period + 90) / 90, 100 - wearers.slope[:, None] * since)
    return charging, np.rint(level)


def _steps(minute: NDArray[np.int64], shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """In bouts, by day."""
    by_day = (minute % DAY_MINUTES > 420) & (minute % DAY_MINUTES < 1_320)
    begins = rng.random(shape) < 0.012
    bout = np.zeros(shape, np.bool_)
    for later in range(12):
        bout[:, later:] |= begins[:, : shape[1] - later] & (rng.random((shape[0], 1)) < 1 - later / 14)
    return np.where(by_day & bout, rng.integers(5, 95, shape), 0)


def _bpm(
    wearers: Wearers, minute: NDArray[np.int64], steps: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """A mean-reverting walk (half of a deviation gone in 7 minutes) about base, time of day and what steps cost."""
    noise = rng.normal(0, 1.6, steps.shape)
    walk = np.empty(steps.shape)
    walk[:, 0] = noise[:, 0]
    for place in range(1, steps.shape[1]):
        walk[:, place] = 0.9 * walk[:, place - 1] + noise[:, place]
    of_day = 5 * np.sin((minute % DAY_MINUTES - 540) / DAY_MINUTES * 2 * np.pi)
    return (wearers.base_bpm[:, None] + of_day + walk + steps * 0.25).clip(38, 180)


def _boot(residents: int, number: int, shape: tuple[int, int]) -> NDArray[np.int64]:
    boots = np.random.default_rng(number // BOOT_EVERY_DAYS).integers(1, 2**32 - 1, residents)
    return np.broadcast_to(boots[:, None], shape)


def _arrived(cells: dict[str, NDArray[Any]]) -> Readings:
    arrival_ms = cells["arrival_ms"].reshape(-1)
    order = np.argsort(arrival_ms, kind="stable")
    cells["arrival_ms"] = together(arrival_ms[order])[np.argsort(order, kind="stable")]
    columns = {name: cell.reshape(-1)[order].astype(COLUMN[name].dtype) for name, cell in cells.items()}
    return Readings(columns)


def together(arrival_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rising times, those within 15 ms of the record's first taken as its last."""
    taken = arrival_ms.copy()
    starts = np.flatnonzero(np.diff(arrival_ms // TOGETHER_MS, prepend=-1))
    ends = np.append(starts[1:], len(arrival_ms))
    taken[:] = np.repeat(arrival_ms[ends - 1], ends - starts)
    return taken
