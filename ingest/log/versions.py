"""Versions of the log's file: what each one added, and how an older file becomes today's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import apsw

FILE_VERSION = 2
"""Of the tables (PRAGMA user_version); the columns of a body have their own (ingest/reading.py)."""

_VERSION_1 = """
CREATE TABLE record(
  last_offset INTEGER PRIMARY KEY, first_offset INTEGER NOT NULL, last_log_time_ms INTEGER NOT NULL,
  rows INTEGER NOT NULL, schema_version INTEGER NOT NULL, codec INTEGER NOT NULL, checksum INTEGER NOT NULL,
  parts BLOB NOT NULL, body BLOB NOT NULL) STRICT;
-- Offsets at which log time went back: between two of them it only rises, so that a time is found by halving.
CREATE TABLE set_back(at_offset INTEGER PRIMARY KEY) STRICT;
CREATE TABLE watch(
  idx INTEGER PRIMARY KEY, watch_id TEXT NOT NULL UNIQUE, profile TEXT NOT NULL, site TEXT NOT NULL,
  provisional INTEGER NOT NULL, retired INTEGER NOT NULL) STRICT;
CREATE TABLE seen_run(
  watch INTEGER, boot INTEGER, generation INTEGER, through INTEGER NOT NULL, ranges BLOB NOT NULL,
  newest_raw_ms INTEGER NOT NULL, touched_ms INTEGER NOT NULL, emergencies BLOB NOT NULL,
  PRIMARY KEY(watch, boot, generation)) STRICT, WITHOUT ROWID;
CREATE TABLE seen_value(
  watch INTEGER, hash BLOB, time_ms INTEGER NOT NULL, PRIMARY KEY(watch, hash)) STRICT, WITHOUT ROWID;
CREATE INDEX seen_value_by_time ON seen_value(time_ms);
CREATE TABLE quarantine(
  id INTEGER PRIMARY KEY, at_offset INTEGER NOT NULL, topic TEXT NOT NULL, arrival_ms INTEGER NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, payload BLOB NOT NULL, watch_id TEXT) STRICT;
"""

SEEN_2 = """
ALTER TABLE seen_run ADD COLUMN top_time_ms INTEGER;
-- The state of watches first_watch to first_watch + span - 1 as of a record; span 1: of one that changed beside it.
CREATE TABLE seen_chunk(
  first_watch INTEGER NOT NULL, span INTEGER NOT NULL, at_offset INTEGER NOT NULL, checksum INTEGER NOT NULL,
  body BLOB NOT NULL, PRIMARY KEY(first_watch, span)) STRICT;
-- Refused elements that count as committed: they stand in no record, and a restart must meet them again.
CREATE TABLE seen_refused(
  at_offset INTEGER, watch INTEGER, boot INTEGER, seq INTEGER, arrival_ms INTEGER NOT NULL,
  PRIMARY KEY(at_offset, watch, boot, seq)) STRICT, WITHOUT ROWID;
"""
"""Of ingest/log/seen_tables.py."""

_VERSION_2 = """
-- What the cap on quarantine counts at a start, and what pruning drops.
CREATE INDEX quarantine_by_arrival ON quarantine(arrival_ms);
-- Damaged rows that a person exchanged for empty records; their bytes lie in a file beside the log.
CREATE TABLE set_aside(
  last_offset INTEGER PRIMARY KEY, first_offset INTEGER NOT NULL, rows INTEGER NOT NULL, file TEXT NOT NULL) STRICT;
-- What `carewatch quarantine retry` made of an entry, and when.
ALTER TABLE quarantine ADD COLUMN retried_ms INTEGER;
ALTER TABLE quarantine ADD COLUMN outcome TEXT;
ALTER TABLE quarantine ADD COLUMN is_read INTEGER NOT NULL DEFAULT 0;
-- Refused elements that were receipted: they count as committed, and the entry may bring each of them once.
CREATE TABLE quarantine_seq(
  watch_id TEXT, boot INTEGER, seq INTEGER, entry INTEGER NOT NULL, brought INTEGER NOT NULL,
  PRIMARY KEY(watch_id, boot, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX quarantine_seq_by_entry ON quarantine_seq(entry);
CREATE TRIGGER quarantine_entry_gone AFTER DELETE ON quarantine BEGIN
  DELETE FROM quarantine_seq WHERE entry = old.id;
END;
"""


def _to_1(writing: apsw.Connection) -> None:
    writing.execute(_VERSION_1)


def _to_2(writing: apsw.Connection) -> None:
    writing.execute(_VERSION_2)
    writing.execute(SEEN_2)


STEPS: tuple[Callable[[apsw.Connection], None], ...] = (_to_1, _to_2)
"""From an empty file to today's, one a version. A new file walks all of them, an older one those it lacks, so that
both end the same. A released step never changes."""


def bring_up(writing: apsw.Connection, version: int) -> None:
    """Make a file of `version` (0: empty) one of `FILE_VERSION`, inside the transaction that the caller holds."""
    for step in STEPS[version:FILE_VERSION]:
        step(writing)
    writing.execute(f"PRAGMA user_version = {FILE_VERSION}")
