"""The primitive that carries nearly everything: the newest row at or before this one where a mask is true.

Rows stand in segments (a watch, or a rule and a watch), each segment's rows together and in log order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]
Real = NDArray[np.float64]

NONE = -(1 << 62)
"""No time: far below every time, and still subtractable without overflow."""


def heads_of(keys: Whole) -> Mask:
    """True where a segment begins; `keys` are equal within a segment."""
    head = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=head[1:])
    return head


def starts_of(head: Mask) -> Whole:
    """The row at which each row's segment begins."""
    return np.maximum.accumulate(np.where(head, np.arange(len(head)), 0))


def newest_row(mask: Mask, start: Whole) -> Whole:
    """The newest row at or before each where `mask` is true, within its segment; -1 if none."""
    row = np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1))
    return np.where(row >= start, row, -1)


def row_before(mask: Mask, start: Whole) -> Whole:
    """As `newest_row`, strictly before."""
    row = np.empty(len(mask), np.int64)
    row[:1] = -1
    row[1:] = np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1))[:-1]
    return np.where(row >= start, row, -1)


def pick(row: Whole, value: NDArray[Any], carry: NDArray[Any]) -> NDArray[Any]:
    """`value` at the rows named, `carry` where the row is -1."""
    return np.where(row >= 0, value[row], carry)


def running_maximum(values: Whole, head: Mask) -> Whole:
    """Running maximum within each segment. `values` in [0, 2**43): milliseconds until the year 2248."""
    offset = np.cumsum(head) << 43
    return np.asarray(np.maximum.accumulate(values + offset) - offset, np.int64)
