"""Every position in WGS-84, whatever the watch speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.datum import gcj02_to_wgs84
from ingest.reading import Datum, Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.reading import Readings


def convert_datum(readings: Readings, datum_of_watch: NDArray[np.int8]) -> Readings:
    """GCJ-02 positions to WGS-84, flagged; `datum` says in which a position arrived.

    `datum_of_watch`: for each row what its watch's profile, or else the site, says; it holds where the reading itself
    is silent. A position is never taken for GCJ-02 because of where it lies.
    """
    if "lat" not in readings.present or "lon" not in readings.present:
        return readings
    lat, lon = readings["lat"], readings["lon"]
    placed = ~np.isnan(lat) & ~np.isnan(lon)
    said = readings["datum"]
    datum = np.where(placed & (said < 0), datum_of_watch, said).astype(np.int8)
    rows = np.flatnonzero(placed & (datum == Datum.GCJ02))
    flags = readings["flags"]
    if len(rows):
        lat, lon, flags = lat.copy(), lon.copy(), flags.copy()
        lat[rows], lon[rows] = gcj02_to_wgs84(lat[rows], lon[rows])
        flags[rows] |= np.uint32(Flag.DATUM_CONVERTED)
    return readings.replace(lat=lat, lon=lon, datum=datum, flags=flags)
