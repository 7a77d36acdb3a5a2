"""The engine's state as it stood at an offset. The newest few are kept: one may turn out to be damaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from alerts.store.tables import engine_snapshot
from alerts.store.upsert import put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

KEPT = 3


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`body` as alerts.engine.snapshot wrote it, after the record `offset`."""

    offset: int
    body: bytes


def keep_snapshot(connection: Connection, snapshot: Snapshot, now_ns: int) -> None:
    """Add `snapshot` and drop all but the newest `KEPT`."""
    row = {"offset": snapshot.offset, "created_ns": now_ns, "body": snapshot.body}
    put(connection, engine_snapshot, [row])
    offset = engine_snapshot.c.offset
    kept = select(offset).order_by(offset.desc()).limit(KEPT)
    connection.execute(delete(engine_snapshot).where(offset.not_in(kept.scalar_subquery())))


def newest_snapshots(connection: Connection, up_to: int) -> Iterator[Snapshot]:
    """Snapshots of at most offset `up_to`, newest first."""
    offset = engine_snapshot.c.offset
    for row in connection.execute(select(engine_snapshot).where(offset <= up_to).order_by(offset.desc())):
        yield Snapshot(row.offset, row.body)
