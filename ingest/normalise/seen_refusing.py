"""Marks by columns what watches sent that could not be a reading, where it is the next of their count or a resend.

A watch is ordinary in it if all that is marked is of the boot that stands in its row, or nothing is known of the watch
yet, and each seq is the next after the highest, or lies in the interval that ends there. All others are marked one by
one, and by the same rules (`seen_open.OpenWatch.mark_refused`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ingest.normalise.seen_columns import ROW_WORDS, RUN, SIDE, SPILLED, STATE, has
from ingest.normalise.seen_kept import NO_TIME_MS
from ingest.normalise.seen_ordinary import SEQ_BITS, highest
from ingest.normalise.verdict import Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.normalise.seen_ordinary import Grouped


class Marked(NamedTuple):
    """`rest`: rows to be marked one by one, rising. `watches`, `states`: what became of the others that changed."""

    rest: NDArray[np.int64]
    watches: NDArray[np.int64]
    states: NDArray[Any]


class Refused(NamedTuple):
    """What is marked, a row each, shape (n,)."""

    boot: NDArray[np.int64]
    seq: NDArray[np.int64]
    arrival_ms: NDArray[np.int64]


def mark_ordinary(
    refused: Refused,
    by_watch: Grouped,
    states: NDArray[Any],
    committed: NDArray[Any],
    verdicts: NDArray[np.int8],
) -> Marked:
    """Write the verdicts of the ordinary watches' rows.

    `states`: a copy of each watch's row as this batch made it so far, shape (g,), which becomes what it is after;
    `committed`: as of the last commit.
    """
    order, starts, spread = by_watch.order, by_watch.starts, by_watch.spread
    boot, seq = refused.boot[order], refused.seq[order]
    is_unheard = (states["bits"] == 0) & (states["older"] == 0)
    ordinary = (states["bits"] & (RUN | SPILLED)) == RUN
    ordinary &= (states["through"] <= states["top"]) & (states["top"] > 0)
    _begin(states, is_unheard, boot[starts], seq[starts])
    is_closed = states["through"] == states["top"]
    top, last = highest(seq, by_watch, SEQ_BITS, states["top"].astype(np.int64))
    is_new = seq > top
    fits = (boot == spread(states["boot"])) & np.where(is_new, seq == top + 1, seq >= spread(states["low"]))
    was_known = _was_known(committed, by_watch, boot, seq)
    has_side = has(committed, SIDE)
    if has_side.any():
        fits &= is_new | was_known | ~spread(has_side)
    ordinary = (ordinary | is_unheard) & np.logical_and.reduceat(fits, starts)
    verdicts[order[spread(ordinary) & was_known]] = Verdict.DUPLICATE
    touched_ms = np.maximum.reduceat(np.where(is_new, refused.arrival_ms[order], 0), starts)
    np.maximum(states["touched_ms"], touched_ms, out=states["touched_ms"])
    states["through"] = np.where(is_closed, last, states["through"])
    states["top"] = last
    changed = np.flatnonzero(ordinary & np.logical_or.reduceat(is_new, starts))
    rest = order[~spread(ordinary)]
    rest.sort()
    return Marked(rest, by_watch.watches[changed], states.take(changed))


def over(
    watches: NDArray[np.int64], rows: NDArray[Any], newer: NDArray[np.int64], newer_rows: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Rows of watches, both rising, with `newer` ones in their place or among them."""
    if not len(watches):
        return newer, newer_rows
    kept = ~np.isin(watches, newer)
    both = np.concatenate([watches[kept], newer])
    words = np.concatenate([_words(rows)[kept], _words(newer_rows)])
    order = np.argsort(both)
    return both[order], words[order].view(STATE)[:, 0]


def found_in(
    watches: NDArray[np.int64], rows: NDArray[Any], asked: NDArray[np.int64], otherwise: NDArray[Any]
) -> NDArray[Any]:
    """The row of each asked watch, or what stands in `otherwise` for it; a copy. `watches` rise."""
    found = _words(otherwise).copy()
    if len(watches):
        places = np.minimum(np.searchsorted(watches, asked), len(watches) - 1)
        is_there = np.flatnonzero(watches[places] == asked)
        found[is_there] = _words(rows)[places[is_there]]
    return found.view(STATE)[:, 0]


def _begin(
    states: NDArray[Any], is_unheard: NDArray[np.bool_], boot: NDArray[np.int64], seq: NDArray[np.int64]
) -> None:
    """A run that begins just below the first seq; when its boot began is not known, as no reading came."""
    rows = np.flatnonzero(is_unheard)
    for name, value in (
        ("boot", boot[rows]),
        ("low", seq[rows]),
        ("top", seq[rows] - 1),
        ("newest_raw_ms", -1),
        ("top_time_ms", NO_TIME_MS),
        ("bits", RUN),
    ):
        states[name][rows] = value
    states["through"][rows] = 0


def _was_known(
    committed: NDArray[Any], by_watch: Grouped, boot: NDArray[np.int64], seq: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Mask: the commit before this batch knew it, as far as the row tells."""
    spread = by_watch.spread
    is_run = (committed["bits"] & (RUN | SPILLED)) == RUN
    known = (seq >= spread(committed["low"])) & (seq <= spread(committed["top"])) | (seq <= spread(committed["under"]))
    known &= spread(is_run) & (boot == spread(committed["boot"]))
    return known


def _words(rows: NDArray[Any]) -> NDArray[np.uint64]:
    words: NDArray[np.uint64] = rows.view(np.uint64).reshape(len(rows), ROW_WORDS)
    return words
