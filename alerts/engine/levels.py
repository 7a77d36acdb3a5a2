"""State of level rules: only of watches with a run or an alert, in one table sorted by (watch, rule)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.last_where import NONE, Whole

if TYPE_CHECKING:
    from collections.abc import Mapping

RULE_BITS = 16
NEVER = 1 << 62

FIELDS = ("set_start", "set_last", "clear_start", "clear_last", "alert", "resolved")
"""Start and newest reading of the set run, of the clear run; start of the firing alert; counted time of the last
resolution. NONE where there is none."""


def key_of(watch: Whole, rule: Whole) -> Whole:
    """Sorts by watch, then by rule."""
    return np.asarray((watch << RULE_BITS) | rule, np.int64)


class Levels:
    """`keys` ascending; `fields[name]` beside them. `next_due`: no deadline of theirs lies before it (counted)."""

    def __init__(self) -> None:
        self.keys: Whole = np.empty(0, np.int64)
        self.fields: dict[str, Whole] = {name: np.empty(0, np.int64) for name in FIELDS}
        self.next_due = NEVER

    @property
    def watch(self) -> Whole:
        """Watch of each entry."""
        return self.keys >> RULE_BITS

    @property
    def rule(self) -> Whole:
        """Rule number of each entry."""
        return self.keys & ((1 << RULE_BITS) - 1)

    def entries_of(self, watches: Whole) -> Whole:
        """Keys held by any of `watches` (ascending, each once)."""
        low = np.searchsorted(self.keys, watches << RULE_BITS)
        high = np.searchsorted(self.keys, (watches + 1) << RULE_BITS)
        some = np.flatnonzero(high > low)
        if not len(some):
            return np.empty(0, np.int64)
        return np.concatenate([self.keys[low[i] : high[i]] for i in some.tolist()])

    def read(self, keys: Whole) -> dict[str, Whole]:
        """Fields at `keys`; NONE where there is no entry."""
        at, held = self._find(keys)
        return {
            name: np.where(held, values[at], NONE) if len(values) else np.full(len(keys), NONE)
            for name, values in self.fields.items()
        }

    def _find(self, keys: Whole) -> tuple[Whole, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        at = np.minimum(np.searchsorted(self.keys, keys), max(0, len(self.keys) - 1))
        held = self.keys[at] == keys if len(self.keys) else np.zeros(len(keys), np.bool_)
        return at, held

    def write(self, keys: Whole, fields: Mapping[str, Whole]) -> None:
        """Set the entries of `keys` (each once); those with nothing left to remember go."""
        lives = (fields["set_start"] != NONE) | (fields["alert"] != NONE) | (fields["resolved"] != NONE)
        at, held = self._find(keys)
        changed = held & lives
        for name in FIELDS:
            self.fields[name][at[changed]] = fields[name][changed]
        gone, new = held & ~lives, lives & ~held
        if gone.any():
            self.keep(np.delete(np.arange(len(self.keys)), at[gone]))
        if new.any():
            self._insert(keys[new], {name: fields[name][new] for name in FIELDS})

    def _insert(self, keys: Whole, fields: Mapping[str, Whole]) -> None:
        merged = np.concatenate((self.keys, keys))
        order = np.argsort(merged, kind="stable")
        self.keys = merged[order]
        self.fields = {name: np.concatenate((self.fields[name], fields[name]))[order] for name in FIELDS}

    def keep(self, chosen: Whole) -> None:
        """Keep the entries at these places, ascending."""
        self.keys = self.keys[chosen]
        self.fields = {name: values[chosen] for name, values in self.fields.items()}
