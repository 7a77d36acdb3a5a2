"""Whose each reading is: the registry's index, and the datum its watch speaks. By columns, a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.decode import without
from ingest.normalise.pipeline import Origin
from ingest.reading import EMERGENCY_KINDS, Flag
from ingest.sources import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ingest.formats.contract import Decoded
    from ingest.reading import Datum, Readings
    from ingest.routed import Routed
    from ingest.watches import Watches

    DatumOf = Callable[[Route], Datum]


def met(decoded: Decoded, watches: Watches, most_unknown: int) -> tuple[Decoded, NDArray[np.int64]]:
    """What is `admitted`, and the index of each of its readings' watches, shape (rows,); unknown ones are met."""
    indices = watches.indices(decoded.watch_ids)
    if not len(indices) or indices.min() >= 0:
        return decoded, indices
    decoded = admitted(decoded, watches, most_unknown)
    return decoded, watches.meet_all(decoded.watch_ids)


def admitted(decoded: Decoded, watches: Watches, most_unknown: int) -> Decoded:
    """Without the readings of unknown watches beyond `most_unknown`; an emergency is taken all the same.

    They get no receipt: their watches hold them, and send them again once somebody registered these.
    """
    unknown = watches.indices(decoded.watch_ids) < 0
    room = most_unknown - watches.provisional
    if np.count_nonzero(unknown) <= room:
        return decoded
    rows = np.flatnonzero(unknown).tolist()
    kinds = decoded.readings["kind"]
    new = dict.fromkeys(decoded.watch_ids[row] for row in rows)
    urgent = {decoded.watch_ids[row] for row in rows if kinds[row] in EMERGENCY_KINDS}
    calm = [watch_id for watch_id in new if watch_id not in urgent]
    beyond = set(calm[max(0, room - len(new) + len(calm)) :])
    why = f"{watches.provisional} watches that nobody registered"
    return without(decoded, beyond, why) if beyond else decoded


def identified(readings: Readings, indices: NDArray[np.int64], watches: Watches) -> Readings:
    """The readings with their watches' indices, shape (len(readings),); those of provisional ones are flagged."""
    flags = readings["flags"]
    if (provisional := watches.are_provisional(indices)).any():
        flags = flags | np.where(provisional, np.uint32(Flag.UNKNOWN_WATCH), np.uint32(0))
    return readings.replace(watch=indices, flags=flags)


def origin(asked: Routed, decoded: Decoded, readings: Readings, watches: Watches, datum_of: DatumOf) -> Origin:
    """Of each reading: its message, and the datum of its source's profile; on our own topics, its watch's own profile.

    `readings`: identified. What has no position needs no datum, and has the site's.
    """
    places = decoded.messages
    messages = np.arange(len(places)) if places == range(len(places)) else np.array(places, np.int64)
    datum = np.full(len(readings), datum_of(Route()), np.int8)
    if "lat" in readings.present:
        placed = np.flatnonzero(~np.isnan(readings["lat"]))
        datum[placed] = _datums(asked, messages[placed], readings["watch"][placed], watches, datum_of)
    return Origin(messages, datum)


def _datums(
    asked: Routed, messages: NDArray[np.int64], indices: NDArray[np.int64], watches: Watches, datum_of: DatumOf
) -> list[Datum] | Datum:
    profiles = watches.profiles(indices)
    by_profile = {profile: datum_of(Route(profile=profile)) for profile in set(profiles)}
    if not asked.routes:
        datums = set(by_profile.values())
        return datums.pop() if len(datums) == 1 else [by_profile[profile] for profile in profiles]
    by_message = {place: datum_of(route) for place, route in asked.routes.items() if not route.is_ours}
    return [
        by_profile[profile] if (said := by_message.get(place)) is None else said
        for place, profile in zip(messages.tolist(), profiles, strict=True)
    ]
