"""What a status event says of a flag that its reading leaves out: `removed` is `worn` false."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.reading import Event

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAID_BY_EVENT = {
    "worn": ((Event.WORN, 1), (Event.REMOVED, 0)),
    "charging": ((Event.CHARGING, 1), (Event.CHARGED, 1)),
}
"""Column -> what an event says of it."""


def completed(name: str, values: NDArray[Any], event: NDArray[np.int8]) -> NDArray[Any]:
    """`values` of the column `name`, shape (n,), where unknown by `event` of the same reading. The reading's own word
    wins.
    """
    for said, value in SAID_BY_EVENT.get(name, ()):
        values = np.where((values < 0) & (event == said), np.int8(value), values)
    return values
