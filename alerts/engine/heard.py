"""When each watch was last heard, kind by kind: what `expire` counts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.last_where import NONE, Whole
from ingest.reading import ALL_KINDS

if TYPE_CHECKING:
    from alerts.engine.columns import Columns
    from alerts.engine.frame import Frame
    from ingest.reading import Kind


def heard_column(columns: Columns, kind: Kind) -> Whole:
    """Counted time of the newest reading of a kind, by watch, late ones too."""
    column: Whole = columns.get(f"heard.{kind.topic}", np.int64, NONE)
    return column


def note_heard(frame: Frame, columns: Columns) -> None:
    """Keep it for the readings of a batch."""
    for kind in ALL_KINDS:
        rows = frame.kind == kind
        if rows.any():
            heard_column(columns, kind)[frame.watch[rows]] = frame.counted[rows]
