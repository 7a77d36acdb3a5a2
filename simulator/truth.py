"""What really happened: one JSON line an episode, as WIRE.md section 6 has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from simulator.episodes import Episode


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
