"""The quarantine in the log's file: what is kept, what is asked for, and what a retry leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.log.contract import Quarantined
from ingest.log.many_rows import put_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import apsw

    from ingest.log.contract import QuarantineQuery, Retried

COLUMNS = "topic, arrival_ms, reason, detail, payload, watch_id, id, at_offset, retried_ms, outcome"
_PUT = "INSERT INTO quarantine(id, at_offset, topic, arrival_ms, reason, detail, payload, watch_id) VALUES"
_NEWEST = "SELECT coalesce(max(id), 0) FROM quarantine"
_PUT_SEQ = "INSERT OR IGNORE INTO quarantine_seq VALUES"
"""Two entries of one seq: the first may bring it, so that no retry brings it twice."""
_MARK = "UPDATE quarantine SET retried_ms = ?, outcome = ?, is_read = ? WHERE id = ?"
_BROUGHT = "UPDATE quarantine_seq SET brought = 1 WHERE watch_id = ? AND boot = ? AND seq = ?"
SEQ = "SELECT entry, brought FROM quarantine_seq WHERE watch_id = ? AND boot = ? AND seq = ?"
"""Which entry may bring this one though it counts as committed, and whether a retry did."""


def put_entries(writing: apsw.Connection, entries: Iterable[Quarantined], offset: int) -> None:
    """Keep these, inside the transaction that the caller holds."""
    first = next(writing.execute(_NEWEST))[0] + 1  # as SQLite would number them
    numbered = list(enumerate(entries, first))
    told = [
        (entry, offset, one.topic, one.arrival_ms, one.reason, one.detail, one.payload, one.watch_id)
        for entry, one in numbered
    ]
    put_rows(writing, _PUT, told)
    seqs = [(one.watch_id, boot, seq, entry, 0) for entry, one in numbered if one.watch_id for boot, seq in one.seqs]
    put_rows(writing, _PUT_SEQ, sorted(seqs))  # in the order of its key: half the time


def mark_retried(writing: apsw.Connection, retried: Iterable[Retried]) -> None:
    """Keep what became of these, inside the transaction that the caller holds."""
    for one in retried:
        writing.execute(_MARK, (one.time_ms, one.outcome, one.is_whole, one.entry))
        put_rows(writing, _PUT_SEQ, [(*seq, one.entry, 0) for seq in one.refused])
        writing.executemany(_BROUGHT, one.brought)


def chosen(query: QuarantineQuery, columns: str = COLUMNS) -> tuple[str, Sequence[Any]]:
    """SQL for the entries that a query asks for, newest first, and its values. `columns`: a constant of ours."""
    asked = (
        ("id = ?", query.entry),
        ("reason = ?", query.reason),
        ("watch_id = ?", query.watch_id),
        ("arrival_ms >= ?", query.since_ms),
        ("arrival_ms < ?", query.before_ms),
    )
    wanted = [(term, value) for term, value in asked if value is not None]
    terms = [term for term, _ in wanted] + ["NOT is_read"] * query.unread
    where = f"WHERE {' AND '.join(terms)} " if terms else ""
    sql = f"SELECT {columns} FROM quarantine {where}ORDER BY id DESC LIMIT ?"  # noqa: S608 - the terms are constants
    return sql, (*(value for _, value in wanted), query.newest)


def entry_of(row: Sequence[Any]) -> Quarantined:
    """A row of `chosen`."""
    topic, arrival_ms, reason, detail, payload, watch_id, entry, at_offset, retried_ms, outcome = row
    told = (topic, arrival_ms, reason, detail, payload, watch_id, (), entry, at_offset)
    return Quarantined(*told, retried_ms, outcome or "")
