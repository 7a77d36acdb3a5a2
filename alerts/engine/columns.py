"""State of every watch: named arrays, one row a watch, that grow as watches are met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Columns:
    """Arrays by name, all of one length. A name not asked for before begins as all `fill`."""

    def __init__(self) -> None:
        self.watches = 0
        self._room = 0
        self._arrays: dict[str, NDArray[Any]] = {}
        self._fills: dict[str, float] = {}

    def grow(self, watches: int) -> None:
        """Make room for watch indices below `watches`."""
        if watches > self._room:
            self._room = max(watches, 2 * self._room, 16)
            for name, array in self._arrays.items():
                larger = np.full(self._room, self._fills[name], array.dtype)
                larger[: len(array)] = array
                self._arrays[name] = larger
        self.watches = max(self.watches, watches)

    def get(self, name: str, dtype: type[np.generic], fill: float) -> NDArray[Any]:
        """The column, at least `watches` long; valid until the next `grow`."""
        found = self._arrays.get(name)
        if found is None:
            found = self._arrays[name] = np.full(self._room, fill, dtype)
            self._fills[name] = fill
        return found

    def drop(self, name: str) -> None:
        """Let go of the column `name` and of those named `name.` and more."""
        for each in [each for each in self._arrays if each == name or each.startswith(f"{name}.")]:
            del self._arrays[each], self._fills[each]

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are held, sorted."""
        return tuple(sorted(self._arrays))

    def filled(self, name: str) -> tuple[NDArray[Any], float]:
        """The rows of watches met, and the fill, of a column that is held."""
        return self._arrays[name][: self.watches], self._fills[name]

    def put(self, name: str, values: NDArray[Any], fill: float) -> None:
        """Set a column as `filled` gave it."""
        array = self.get(name, values.dtype.type, fill)
        array[: len(values)] = values
