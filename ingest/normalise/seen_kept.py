"""What the duplicate filter keeps in the log's file, in the transaction of the batch that changed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

SPAN = 16_384
"""Watches whose state is kept together, as one chunk."""
NO_TIME_MS = -(2**62)
"""Stands for "not known yet" where a time is kept as a number; earlier than every time."""


@dataclass(frozen=True, slots=True)
class SeenRun:
    """What is committed of one boot of one watch; replaces the run kept before under (watch, boot, generation).

    Kept so are older boots, and newest ones whose count began again or has more than 16 ranges; all others stand in a
    chunk. `generation` counts resets of seq within one boot (0 at first). Every seq <= `through` and every closed
    range of `ranges` is committed or given up by the watch. Ranges that begin with (0, 0) name everything that really
    came, below `through` too: the gaps between them were given up, and a late copy from there is new.
    `newest_raw_ms`: the newest committed raw time of the run. `emergencies`: (kind, seq, raw_time_ms) of the newest 32
    emergencies. `touched_ms`: arrival of the last change. `top_time_ms`: repaired time of the highest seq
    (`NO_TIME_MS`: unknown; None: not kept, as by file version 1).
    """

    watch: int
    boot: int
    generation: int
    through: int
    ranges: tuple[tuple[int, int], ...]
    newest_raw_ms: int
    touched_ms: int
    emergencies: tuple[tuple[int, int, int], ...] = ()
    top_time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SeenValue:
    """A committed reading without seq, known by the hash of (kind, time, values); kept 24 h of watch time."""

    watch: int
    hash: int
    time_ms: int


class SeenRefused(NamedTuple):
    """A quarantined element that counts as committed. Readings of its record come before it."""

    watch: int
    boot: int
    seq: int
    arrival_ms: int


@dataclass(frozen=True, slots=True)
class SeenChunk:
    """The state of watches `first_watch` to `first_watch + span - 1`, as ingest/normalise/seen_chunks.py writes it.

    `span`: `SPAN`, or 1 for a watch whose runs changed in this very batch. `behind`: how many records before the one
    it is committed with the state is of: 0 or 1. `is_whole`: False when it was read back and its checksum did not fit.
    """

    first_watch: int
    span: int
    body: bytes
    behind: int = 1
    at_offset: int = -1
    is_whole: bool = True
