"""Which readings are committed already: the duplicate filter (WIRE.md section 2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeenRun:
    """What is committed of one boot of one watch; replaces the run kept before under (watch, boot, generation).

    `generation` counts resets of seq within one boot (0 at first). Every seq <= `through` and every closed range of
    `ranges` is committed or given up by the watch. `newest_raw_ms`: the newest committed raw time of the run.
    `emergencies`: (kind, seq, raw_time_ms) of the newest 32 emergencies. `touched_ms`: arrival of the last change.
    """

    watch: int
    boot: int
    generation: int
    through: int
    ranges: tuple[tuple[int, int], ...]
    newest_raw_ms: int
    touched_ms: int
    emergencies: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SeenValue:
    """A committed reading without seq, known by the hash of (kind, time, values); kept 24 h of watch time."""

    watch: int
    hash: int
    time_ms: int
