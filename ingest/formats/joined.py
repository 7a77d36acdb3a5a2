"""Parts of one batch that were decoded apart, in order of arrival again."""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from ingest.formats.contract import Decoded
from ingest.reading import Readings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.formats.contract import Answer, Refusal

_message = attrgetter("message")


def joined(parts: Sequence[Decoded]) -> Decoded:
    """One `Decoded` of parts that number the same messages, no message in two of them."""
    if len(parts) < 2:
        return parts[0] if parts else Decoded(Readings.empty())
    with_rows = [part for part in parts if part.messages]
    if len(with_rows) < 2:
        return _with_the_rest(with_rows[0] if with_rows else parts[0], parts)
    messages = np.array([message for part in parts for message in part.messages], np.int64)
    order = np.argsort(messages, kind="stable")
    watch_ids = [watch_id for part in parts for watch_id in part.watch_ids]
    return Decoded(
        Readings.concatenate(part.readings for part in parts).take(order),
        [watch_ids[row] for row in order.tolist()],
        messages[order].tolist(),
        *_rest(parts),
    )


def _with_the_rest(rows: Decoded, parts: Sequence[Decoded]) -> Decoded:
    return Decoded(rows.readings, rows.watch_ids, rows.messages, *_rest(parts))


def _rest(parts: Sequence[Decoded]) -> tuple[list[Refusal], list[Answer], dict[str, int]]:
    """What comes beside readings."""
    return (
        sorted(chain.from_iterable(part.refusals for part in parts), key=_message),
        sorted(chain.from_iterable(part.answers for part in parts), key=_message),
        _summed([part.unknown_fields for part in parts]),
    )


def _summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return total
