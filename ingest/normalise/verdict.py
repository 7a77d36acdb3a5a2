"""What the duplicate filter says of each reading."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Verdict(IntEnum):
    """What the filter says of one reading. Only `NEW` ones are used."""

    NEW = 0
    DUPLICATE = 1
    """Committed before: receipted again."""
    DUPLICATE_PENDING = 2
    """Met already in this batch: its receipt waits for the commit, as the first one's does."""
    DUPLICATE_VALUE = 3
    """Without seq; the same kind, time and values are known."""


class Judgement(NamedTuple):
    """One entry a row of the readings judged, shape (rows,).

    `flags`: to be added to the readings' own. `generations`: which count of its boot the reading belongs to, for
    its receipt; -1 without seq.
    """

    verdicts: NDArray[np.int8]
    flags: NDArray[np.uint32]
    generations: NDArray[np.int32]

    @property
    def is_new(self) -> NDArray[np.bool_]:
        """Mask of the readings to use."""
        return np.equal(self.verdicts, Verdict.NEW)
