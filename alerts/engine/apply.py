"""The engine: one record in, transitions out (RULES.md; the order of the stages is the order of this page).

A pure function in meaning: it reads no clock, no network, no database, and however the log is cut into records and
these into batches, the same readings give the same transitions. The state is changed in place and returned.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.absent import Absence
from alerts.engine.conditions import Conditions
from alerts.engine.deadlines import sweep
from alerts.engine.edges import Edges
from alerts.engine.events import Events
from alerts.engine.few import Few
from alerts.engine.frame import MOST_ROWS, Frame
from alerts.engine.heard import note_heard
from alerts.engine.lifecycle import Lifecycle
from alerts.engine.settings import EngineSettings
from alerts.engine.state import State, new_state
from ingest.log.contract import RecordKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.engine.contract import Transition
    from alerts.engine.last_where import Whole
    from ingest.log.contract import Record

__all__ = ["EngineSettings", "apply", "new_state"]


def apply(state: State, record: Record, settings: EngineSettings) -> tuple[State, list[Transition]]:
    """Take one record of the log.

    Returns the state after it and its transitions, ordered by (at_ms, watch, rule). `settings` must be those that the
    state was made or changed for; ValueError otherwise, with nothing changed. After any other exception the state is
    half changed: load the last snapshot and take the records after it again.
    """
    if len(state.rules) != len(settings.rules) or any(
        known != (rule.name, rule.version) for known, rule in zip(state.rules, settings.rules, strict=True)
    ):
        raise ValueError("the state was made for other rules; call change_settings first")
    found: list[Transition] = []
    for part in _batches(record):
        edges = Edges(settings)
        log, counted = state.time.advance(part, part.readings["arrival_ms"], settings.deaf_gap_ms)
        if part.readings.rows:
            _take(part, log, counted, state, settings, edges)
        sweep(state, settings, edges)
        found += edges.ordered()
    state.offset = record.offset
    found.sort(key=lambda each: (each.at_ms, each.watch, each.rule))
    return state, found


def _take(part: Record, log: Whole, counted: Whole, state: State, settings: EngineSettings, edges: Edges) -> None:
    state.columns.grow(int(part.readings["watch"].max()) + 1)
    frame = Frame(part.readings, log, counted, state.columns)
    conditions = Conditions(frame, state.columns, settings)
    few = Few(conditions, state)
    if len(few.row):
        lifecycle = Lifecycle(few, state.levels, settings)
        lifecycle.tell(edges, state.time)
        lifecycle.commit()
    Events(conditions, state, edges).run()
    Absence(conditions, state, edges).run()
    for intervals in few.intervals.values():
        intervals.commit()
    conditions.memory.commit()
    frame.commit()
    note_heard(frame, state.columns)


def _batches(record: Record) -> Iterator[Record]:
    """A large record in pieces that stay in the processor's cache; the pieces mean the same as the whole."""
    rows = record.readings.rows
    if record.kind is not RecordKind.READINGS or rows <= MOST_ROWS:
        yield record
        return
    for first in range(0, rows, MOST_ROWS):
        piece = record.readings.take(np.arange(first, min(first + MOST_ROWS, rows)))
        is_last = first + MOST_ROWS >= rows
        # A piece ends at its last arrival: the record's own log time belongs to the last piece.
        log_time_ms = record.log_time_ms if is_last else int(piece["arrival_ms"][-1])
        yield replace(record, readings=piece, deaf=record.deaf and first == 0, log_time_ms=log_time_ms)
