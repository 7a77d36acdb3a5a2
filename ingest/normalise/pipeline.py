"""What happens to readings between a decoder and the log, in order.

1. ranges: a value that cannot be is emptied. Decoders' rows pass `ranges.in_range` where they become columns
   (ingest/formats/rows.py), before a number is narrowed to its column's type; nothing after it makes new values.
2. clock: an absurd time becomes a likely one.
3. positions: GCJ-02 becomes WGS-84.
4. duplicates: `seen.Seen.judge`, which holds state and takes part in the commit; ingest/pipeline.py calls it after
   `normalise`, as it compares repaired times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.normalise.clock import repair_clock
from ingest.normalise.positions import convert_datum

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from ingest.reading import Readings


@dataclass(frozen=True, slots=True)
class Origin:
    """What a row's columns do not say: the message it came in, and the datum its watch speaks (`Datum`), by row."""

    messages: NDArray[np.int64]
    datum_of_watch: NDArray[np.int8]


STEPS: tuple[Callable[[Readings, Origin], Readings], ...] = (
    lambda readings, origin: repair_clock(readings, origin.messages),
    lambda readings, origin: convert_datum(readings, origin.datum_of_watch),
)


def normalise(readings: Readings, origin: Origin) -> Readings:
    """Every step, each pure; the rows stay the same and in the same order."""
    for step in STEPS:
        readings = step(readings, origin)
    return readings
