"""Into what a write is parted when InfluxDB does not take it whole."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFLICT = re.compile(r'input field "([^"]+)" on measurement "([^"]+)"')
"""How 1.6, 1.8 and 2.x name the field whose type does not fit (tsdb/shard.go); another text gives no hint."""


def pieces(lines: pa.Array, most: int) -> Iterator[pa.Array]:
    """As few as hold at most `most` lines each, of nearly the same size."""
    count = -(-len(lines) // most)
    bounds = [len(lines) * n // count for n in range(count + 1)] if count else []
    return (lines[first:stop] for first, stop in pairwise(bounds))


def halves(lines: pa.Array) -> list[pa.Array]:
    """Two parts, for two lines or more."""
    middle = len(lines) // 2
    return [lines[:middle], lines[middle:]]


def suspects(lines: pa.Array, words: str) -> list[pa.Array]:
    """Parts in which what is refused stands together, so that few writes tell it from the rest; at least two.

    Points are refused for the type of a field, which the words name, or for their time: those with that field come
    apart, and each part is ordered by time. A hint only: whatever the words are, every line is in one of the parts.
    """
    has_it = _with_field(lines, words)
    parts = [part for part in (lines.filter(pc.invert(has_it)), lines.filter(has_it)) if len(part)]
    in_time = [part.take(pa.array(np.argsort(_stamps(part), kind="stable"))) for part in parts]
    return in_time if len(in_time) > 1 else halves(in_time[0])


def _with_field(lines: pa.Array, words: str) -> pa.Array:
    named = CONFLICT.search(words)
    if named is None:
        return pa.array(np.zeros(len(lines), np.bool_))
    field, measurement = map(re.escape, named.groups())
    return pc.match_substring_regex(lines, f"^{measurement},.*[ ,]{field}=")


def _stamps(lines: pa.Array) -> list[int]:
    return [int(line.rsplit(" ", 1)[1]) for line in lines.to_pylist()]
