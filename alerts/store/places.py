"""How far in the log the engine's effects are in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from alerts.store.tables import engine_place
from alerts.store.upsert import put

if TYPE_CHECKING:
    from sqlalchemy import Connection

CONSUMER = "alerts"


@dataclass(frozen=True, slots=True)
class Place:
    """Everything up to the record `offset` is in the store; `log_time_ms` is that record's. 0: nothing yet."""

    offset: int = 0
    log_time_ms: int = 0


def read_place(connection: Connection, consumer: str = CONSUMER) -> Place:
    """The consumer's place."""
    row = connection.execute(select(engine_place).where(engine_place.c.consumer == consumer)).one_or_none()
    return Place() if row is None else Place(row.offset, row.log_time_ms)


def move_place(connection: Connection, place: Place, consumer: str = CONSUMER) -> None:
    """Write the consumer's new place, in the transaction that holds what it stands for."""
    put(
        connection,
        engine_place,
        [{"consumer": consumer, "offset": place.offset, "log_time_ms": place.log_time_ms}],
    )
