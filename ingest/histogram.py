"""How often a value fell into which bucket: what Prometheus calls a histogram."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate


@dataclass(slots=True)
class Histogram:
    """`bounds`: inclusive upper bounds of the buckets, rising; one more bucket takes what lies above the last."""

    bounds: tuple[float, ...]
    total: float = 0.0
    counts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin at nothing."""
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> list[int]:
        """How many values were not above each bound; the last entry counts them all."""
        return list(accumulate(self.counts))
