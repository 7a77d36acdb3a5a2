"""Readings, batches and the comparison of both, for the tests of the log and its consumers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.log.contract import Batch
from ingest.reading import COLUMN, Kind, Readings

if TYPE_CHECKING:
    from ingest.log.contract import Record

T0_MS = 1_780_000_000_000


def random_readings(rng: np.random.Generator, rows: int, watches: int = 9, first_seq: int = 1) -> Readings:
    """Heart rates and positions of some watches; a third of the cells empty."""
    kind = rng.choice([Kind.HEART_RATE, Kind.LOCATION], rows).astype(np.int8)
    time_ms = T0_MS + np.sort(rng.integers(0, 60_000, rows))

    def real(low: float, high: float, only: Kind, name: str) -> np.ndarray:
        values = rng.uniform(low, high, rows).astype(COLUMN[name].dtype)
        values[(kind != only) | (rng.random(rows) < 0.3)] = np.nan
        return values

    return Readings(
        {
            "watch": rng.integers(0, watches, rows),
            "kind": kind,
            "time_ms": time_ms,
            "arrival_ms": time_ms + rng.integers(10, 2000, rows),
            "boot": np.full(rows, 77),
            "seq": np.arange(first_seq, first_seq + rows),
            "bpm": real(40, 140, Kind.HEART_RATE, "bpm"),
            "lat": real(22, 23, Kind.LOCATION, "lat"),
            "lon": real(113, 114, Kind.LOCATION, "lon"),
            "worn": rng.integers(-1, 2, rows).astype(np.int8),
        }
    )


def batch(rows: int = 3, log_time_ms: int = T0_MS, seed: int = 0, **more: object) -> Batch:
    """A batch of random readings; `more` goes to `Batch`."""
    return Batch(random_readings(np.random.default_rng(seed), rows), log_time_ms, **more)  # type: ignore[arg-type]


def bits(readings: Readings) -> dict[str, bytes]:
    """Every column that some row carries, as its bytes: equal only if equal bit for bit."""
    full = readings.without_empty_columns()
    return {name: full[name].tobytes() for name in full.present}


def offsets(records: list[Record] | tuple[Record, ...]) -> list[int]:
    """Their offsets."""
    return [record.offset for record in records]
