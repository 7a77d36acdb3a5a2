"""What expressions yield over a batch: truth as two columns, numbers as ranges.

Known true and known false are two columns, never one and its negation: what is unknown is in neither (RULES.md
section 2). A number is a range low..high; nearly always both are one array, and NaN where it is unknown. Only `since`
of a condition that was never true yields a true range: at least so long, possibly for ever.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.engine.last_where import Mask  # noqa: TC001 - the aliases below are values

Numbers = NDArray[Any]


class Truth(NamedTuple):
    """Shape (rows,) each; never both true in a row."""

    true: Mask
    false: Mask

    @property
    def known(self) -> Mask:
        """True or false."""
        return self.true | self.false

    def negated(self) -> Truth:
        """`not`."""
        return Truth(self.false, self.true)


class Range(NamedTuple):
    """Shape (rows,) or a scalar each; the same array where the number is exact."""

    low: Numbers
    high: Numbers

    @property
    def known(self) -> Mask:
        """Not NaN."""
        return np.asarray(~np.isnan(self.low), np.bool_)

    def exact(self) -> NDArray[np.float64]:
        """As float64, NaN where only a range is known."""
        low = np.asarray(self.low, np.float64)
        return low if self.high is self.low else np.where(self.high == self.low, low, np.nan)


def exact(values: Numbers) -> Range:
    """A number known exactly, or NaN."""
    return Range(values, values)


def constant(value: float) -> Range:
    """A constant; float32 where that holds it, so that a float32 column need not be widened to be compared."""
    narrow = np.float32(value)
    kept = np.asarray(narrow if float(narrow) == value else np.float64(value))
    return Range(kept, kept)


def compare(sign: str, left: Range, right: Range) -> Truth:
    """Both columns of a comparison; a NaN on either side is in neither."""
    match sign:
        case "<":
            return Truth(left.high < right.low, left.low >= right.high)
        case "<=":
            return Truth(left.high <= right.low, left.low > right.high)
        case ">":
            return compare("<", right, left)
        case ">=":
            return compare("<=", right, left)
        case "==":
            is_same = (left.low == right.high) & (left.high == right.low)
            return Truth(is_same, (left.high < right.low) | (left.low > right.high))
        case "!=":
            return compare("==", left, right).negated()
    raise ValueError(f"no comparison {sign!r}")


def calculate(sign: str, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 arithmetic; x / 0 and what overflows are unknown."""
    with np.errstate(all="ignore"):
        match sign:
            case "+":
                found = left + right
            case "-":
                found = left - right
            case "*":
                found = left * right
            case _:
                found = left / right
    return np.asarray(np.where(np.isfinite(found), found, np.nan), np.float64)
