"""carewatch's own JSON (WIRE.md section 1): one object, an array of one kind, or a backlog array of any kinds.

`null` is read as absent. A whole number may be written 5 or 5.0, as JSON makes no difference.

Two ways, one meaning: `native_columns` reads a batch's regular messages straight into columns; every other message is
read element by element by `native_reading`, which knows what to say of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.formats.contract import Decoded, Messages
from ingest.formats.joined import joined
from ingest.formats.native_columns import read_regular
from ingest.formats.native_reading import NativeReading, flags_of
from ingest.formats.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.formats.contract import Message

WORTH_COLUMNS = 16
"""Messages from which on columns are quicker; an emergency that comes alone is read at once."""


class Native:
    """The decoder of our own topics."""

    name = "native"

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Every element of every message: a reading, or a refusal with its reason. Raises for no payload.

        Of `Messages` the regular ones are read by columns; another sequence is read message by message.
        """
        rows = Rows()
        if not isinstance(messages, Messages) or len(messages) < WORTH_COLUMNS:
            return _carefully(rows, messages, range(len(messages)))
        regular, others = read_regular(messages, rows.count_unknown)
        careful = _carefully(rows, messages, others)
        return joined([regular, careful])


def _carefully(rows: Rows, messages: Sequence[Message], places: Sequence[int]) -> Decoded:
    reading = NativeReading(rows)
    if not isinstance(messages, Messages):
        for place in places:
            reading.read(place, messages[place])
        return rows.finish()
    for place in places:
        flags = flags_of(is_backlog=messages.backlog[place], retained=messages.retained[place])
        watch_id, kind = messages.watch_ids[place], messages.kinds[place]
        payload = messages.payloads[place]
        reading.read_cells(place, messages.topics[place], payload, messages.arrival_ms, watch_id, kind, flags)
    return rows.finish()
