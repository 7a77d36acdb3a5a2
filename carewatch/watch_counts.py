"""What is known of each watch beside the registry: when it was last heard of, and how many readings it lost."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ingest.log.sqlite import SqliteLog
from ingest.normalise.seen_restore import restored

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.heard import LastHeard
    from ingest.normalise.seen import Seen


NO_VALUES = 1 << 62
"""A time after which no reading came: what is known by values is not asked for."""


class Counts(NamedTuple):
    """`last_ms`: arrival of the newest reading known of, 0 if none is. `lost`: readings given up, ever."""

    last_ms: int
    lost: int


def counts_of(seen: Seen, heard: LastHeard | None, first: int, stop: int) -> list[Counts]:
    """Of the watches with index `first` up to `stop`.

    Readings without seq leave no trace in the filter: of these watches only `heard` knows, since its process began.
    """
    watches = np.arange(first, stop, dtype=np.int64)
    rows = seen.committed_rows(watches)
    last_ms = rows["touched_ms"] if heard is None else np.maximum(rows["touched_ms"], heard.at(watches))
    return [Counts(*pair) for pair in zip(last_ms.tolist(), rows["lost"].tolist(), strict=True)]


def counts_in(log_path: Path, watches: int) -> list[Counts]:
    """Of the first `watches` watches, from the log. LogError: it cannot be read, or somebody writes it."""
    with closing(SqliteLog(log_path)) as reading_log:
        return counts_of(restored(reading_log, NO_VALUES), None, 0, watches)
