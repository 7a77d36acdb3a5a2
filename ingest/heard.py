"""When each watch was last heard of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.reading import Readings


class LastHeard:
    """Arrival of each watch's newest reading since the process began, duplicates counted; 8 bytes a watch."""

    def __init__(self) -> None:
        self._arrival_ms = np.zeros(0, np.int64)

    def note(self, readings: Readings) -> None:
        """Readings of one commit, in order of arrival."""
        if not len(readings):
            return
        watches = readings["watch"]
        if (needed := int(watches.max()) + 1) > len(self._arrival_ms):
            grown = np.zeros(needed + needed // 8 + 1024, np.int64)
            grown[: len(self._arrival_ms)] = self._arrival_ms
            self._arrival_ms = grown
        self._arrival_ms[watches] = readings["arrival_ms"]

    def at(self, watches: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of these watches, ms since 1970, of the same shape; 0: not heard of."""
        known = watches < len(self._arrival_ms)
        return np.where(known, self._arrival_ms[np.where(known, watches, 0)] if known.any() else 0, 0)
