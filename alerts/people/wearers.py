"""What the engine may know of the wearers: limits and homes by watch index, and no name."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

from alerts.engine.contract import Person
from alerts.store.people import wearers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ingest.watches import Watches


def engine_people(connection: Connection, watches: Watches) -> dict[int, Person]:
    """Watch index -> its wearer, of every watch that the registry knows."""
    people = {}
    for row in wearers(connection):
        watch = watches.get(row.watch_id)
        if watch is not None:
            people[watch.index] = Person(
                limits=row.limits,
                home_lat=nan if row.latitude is None else row.latitude,
                home_lon=nan if row.longitude is None else row.longitude,
                home_radius_m=nan if row.home_radius_m is None else row.home_radius_m,
            )
    return dict(sorted(people.items()))
