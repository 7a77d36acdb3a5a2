"""What a role says of itself, in a small file beside its own: read by /healthz, /metrics, doctor and the demo.

A file and not a port: it needs no set-up, and a role that hangs is told by the age of its file.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STALE_S = 15.0
"""A role writes each second; one that has not for this long hangs or is gone."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong. `since_ms`: epoch ms by the role's clock. `is_grave`: people may go unprotected."""

    part: str
    what: str
    remedy: str
    since_ms: int
    is_grave: bool = True


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram: how many values were not above each bound (the last entry counts all), and their sum."""

    bounds: Sequence[float]
    cumulative: Sequence[int]
    total: float


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """`counters`: name -> total since the role began. `gauges`: name -> value now.

    `by_label`: name of a counter or gauge -> label's value (a reason, a session) -> number. What each name means
    stands in carewatch/metrics/declared.py.
    """

    role: str
    pid: int
    counters: dict[str, float] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)
    by_label: dict[str, dict[str, float]] = field(default_factory=dict)
    histograms: dict[str, Buckets] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    written_boot_s: float = 0.0

    @property
    def age_s(self) -> float:
        """Seconds since it was written, by the machine's boot clock."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.written_boot_s

    @property
    def is_stale(self) -> bool:
        """The role hangs, is gone, or wrote before the machine last started."""
        return not 0 <= self.age_s <= STALE_S


def write_status(path: Path, status: RoleStatus) -> None:
    """Replace the file whole, so that a reader never sees half of it."""
    document = {**asdict(status), "written_boot_s": time.clock_gettime(time.CLOCK_BOOTTIME)}
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    fresh.replace(path)


def read_status(path: Path) -> RoleStatus | None:
    """The newest status; None if the role has never run here."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    document["histograms"] = {name: Buckets(**one) for name, one in document.get("histograms", {}).items()}
    document["problems"] = tuple(Problem(**problem) for problem in document["problems"])
    return RoleStatus(**document)
