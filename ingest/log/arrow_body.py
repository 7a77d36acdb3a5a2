"""The body of a row of its own: an Arrow IPC stream of one batch, its columns read where they lie.

Opening a stream costs 60 us, a hundred times what the readings of a small record do. Streams with equal heads (schema
and length) have equal places, so pyarrow is asked once for each head, and its answer is kept.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.reading import Readings

_FRAME = struct.Struct("<iI")  # -1, bytes of the message that follows
_KEPT_HEADS = 1024
_places: dict[bytes, tuple[tuple[str, np.dtype[Any], int], ...]] = {}
"""Head -> name, type and place of each column. Heads are some kB; two threads may at worst ask pyarrow twice."""


def write(readings: Readings) -> pa.Buffer:
    """The columns held, in arrival order."""
    batch = pa.RecordBatch.from_arrays([pa.array(readings[n]) for n in readings.present], names=list(readings.present))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return sink.getvalue()


def read(body: bytes | pa.Buffer, rows: int) -> dict[str, NDArray[Any]]:
    """The inverse of `write`, for so many rows; the arrays are views of `body`.

    Raises
    ------
    ValueError, OSError, struct.error, pyarrow.ArrowException
        The bytes are no such stream.
    """
    whole = memoryview(body)
    head = bytes(whole[: _head_bytes(whole)])
    places = _places.get(head)
    if places is None:
        if len(_places) >= _KEPT_HEADS:
            _places.clear()
        _places[head] = places = _asked(pa.py_buffer(body))
    return {name: np.frombuffer(whole, dtype, rows, at) for name, dtype, at in places}


def _head_bytes(body: memoryview) -> int:
    """Of the schema's message and of what the batch's says of its columns."""
    at = 0
    for _ in range(2):
        marker, length = _FRAME.unpack_from(body, at)
        if marker != -1:
            raise ValueError("no Arrow stream")
        at += _FRAME.size + length
    return at


def _asked(body: pa.Buffer) -> tuple[tuple[str, np.dtype[Any], int], ...]:
    with pa.ipc.open_stream(body) as stream:
        batch = stream.read_next_batch()
    places = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        values = column.to_numpy()  # refuses what has empty cells
        places.append((name, values.dtype, column.buffers()[1].address - body.address))
    if any(not 0 <= at < body.size for _, _, at in places):
        raise ValueError("a column lies outside the stream")
    return tuple(places)
