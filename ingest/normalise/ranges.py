"""Which values may stand in a column. Every decoder's rows pass here (ingest/formats/rows.py), once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.reading import Column


def in_range(column: Column, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mask, shape (n,): within the column's inclusive range, judged before the value is narrowed to the column's type.

    NaN and infinities are outside every range.
    """
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    return (values >= low) & (values <= high) & np.isfinite(values)
