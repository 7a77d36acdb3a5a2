"""What really happened: one JSON line an episode, as WIRE.md section 6 has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from simulator.episodes import FACTS, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from simulator.episodes import Episode
    from simulator.faults import DeadZone
    from simulator.town import Resident

SILENCE_MS = 32 * 60_000
"""A dead zone this long is a silence to be told of: 30 min, and two minutes in which the last readings lie."""


@dataclass(frozen=True, slots=True)
class Truth:
    """One episode. `start`, `end`: ms of event time. `within_s`: from start, if `must_alert`."""

    episode: str
    resident: int
    watch: str
    what: str
    start: int
    end: int
    must_alert: bool
    severity: str
    within_s: int
    why_hard: str = ""

    @property
    def due_ms(self) -> int:
        """When the alert must be there at the latest."""
        return self.start + self.within_s * 1000


def truth_of(episode: Episode) -> Truth:
    """The line of an episode that has begun."""
    facts = episode.facts
    return Truth(
        episode=episode.name,
        resident=episode.resident,
        watch=episode.watch,
        what=facts.what,
        start=episode.start_ms,
        end=episode.end_ms,
        must_alert=facts.must_alert,
        severity=facts.severity,
        within_s=facts.within_s,
        why_hard=facts.why_hard,
    )


def truth_of_dead_zone(zone: DeadZone, resident: Resident) -> Truth:
    """The line of a watch out of signal: the other end can only see that it is silent, and for how long."""
    silent = FACTS[Scenario.SILENT]
    long = zone.end_ms - zone.start_ms >= SILENCE_MS
    return Truth(
        episode=f"{resident.watch_id}-dead-zone-{zone.start_ms // 1000}",
        resident=resident.index,
        watch=resident.watch_id,
        what=silent.what,
        start=zone.start_ms,
        end=zone.end_ms,
        must_alert=long,
        severity=silent.severity,
        within_s=silent.within_s,
        why_hard="out of signal: a backlog follows" if long else "out of signal for less than 30 min",
    )


def write_truth(path: Path, truths: Iterable[Truth]) -> None:
    """All episodes in one file, a line each, in order of start."""
    ordered = sorted(truths, key=lambda truth: (truth.start, truth.watch))
    path.write_bytes(b"".join(msgspec.json.encode(truth) + b"\n" for truth in ordered))


def read_truth(path: Path) -> Iterator[Truth]:
    """The episodes of a file.

    Raises
    ------
    ValueError
        a line that is no episode, with its number and what is wrong.
    """
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if line.strip():
            try:
                yield msgspec.json.decode(line, type=Truth)
            except msgspec.MsgspecError as error:
                raise ValueError(f"{path}:{number}: not a line of truth: {error}") from error
