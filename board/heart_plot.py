"""Geometry of the plot of heart rate: the last hour, limits dashed, gaps left open. Drawn by templates/heart.html."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WIDTH, HEIGHT = 420, 160
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 20, 20
SPAN_MS = 3_600_000
LEAST_GAP_MS = 180_000
"""Readings further apart than this, or than three usual intervals, are not joined."""
STEP_BPM = 40


@dataclass(frozen=True, slots=True)
class Mark:
    """A tick: where, and the text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class HeartPlot:
    """In the units of a `WIDTH` x `HEIGHT` picture. `lines` are SVG point lists, `dots` readings that stand alone."""

    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    limits: tuple[Mark, ...]
    levels: tuple[Mark, ...]
    minutes: tuple[Mark, ...]
    shade: tuple[float, float] | None  # x and width of the run that fired
    last: tuple[float, float, str] | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def draw(
    time_ms: NDArray[np.int64],
    bpm: NDArray[np.float32],
    now_ms: int,
    limits: Sequence[float],
    run_ms: tuple[int, int] | None,
) -> HeartPlot:
    """The plot of readings (ms, /min; oldest first) of the hour before `now_ms`.

    `run_ms`: begin and end of the run that fired, shaded.
    """
    low, high = _range(bpm, limits)

    def across(at_ms: NDArray[Any] | float) -> Any:
        share = 1 - (now_ms - at_ms) / SPAN_MS
        return np.round(LEFT + np.clip(share, 0, 1) * (WIDTH - LEFT - RIGHT), 1)

    def up(value: NDArray[Any] | float) -> Any:
        return np.round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    xs, ys = across(time_ms), up(bpm)
    pieces = _pieces(time_ms)
    shade = None if run_ms is None else (float(across(run_ms[0])), float(across(run_ms[1]) - across(run_ms[0])))
    return HeartPlot(
        lines=tuple(" ".join(f"{x:g},{y:g}" for x, y in zip(xs[p], ys[p], strict=True)) for p in pieces if len(p) > 1),
        dots=tuple((float(xs[p[0]]), float(ys[p[0]])) for p in pieces if len(p) == 1),
        limits=tuple(Mark(float(up(limit)), f"{limit:g}") for limit in limits),
        levels=tuple(Mark(float(up(v)), str(v)) for v in range(low, high + 1, STEP_BPM)),
        minutes=tuple(Mark(float(across(now_ms - m * 60_000)), f"-{m}" if m else "0") for m in (60, 45, 30, 15, 0)),
        shade=shade if shade and shade[1] > 0 else None,
        last=(float(xs[-1]), float(ys[-1]), f"{bpm[-1]:.0f}") if len(bpm) else None,
    )


def _range(bpm: NDArray[np.float32], limits: Sequence[float]) -> tuple[int, int]:
    values = np.concatenate([bpm, np.array(limits, np.float32), np.array([40, 160], np.float32)])
    return int(values.min() // STEP_BPM) * STEP_BPM, int(-(-values.max() // STEP_BPM)) * STEP_BPM


def _pieces(time_ms: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Index runs without a gap."""
    if not len(time_ms):
        return []
    apart = np.diff(time_ms)
    gap_ms = max(LEAST_GAP_MS, 3 * float(np.median(apart))) if len(apart) else LEAST_GAP_MS
    return np.split(np.arange(len(time_ms)), np.flatnonzero(apart > gap_ms) + 1)
