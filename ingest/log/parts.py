"""The source records of a row: offset, kind, log time, deaf flag, step and count of readings of each.

Wide, little-endian int64 of shape (records, 6), beside a plain body; as few bytes as it takes, beside a merged one:
a year of ticks and single readings is tens of millions of records.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa

from ingest.log.numbers import Groups, Narrow, Way, narrowest, widen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ingest.log.contract import Record

OFFSET, KIND, LOG_TIME_MS, DEAF, STEP_MS, ROWS = range(6)
"""Places in `parts[:, ...]`."""
_WIDE = np.dtype("<i8")
_HEAD = struct.Struct("<3Q")  # bytes of what is told of the columns, bytes of all, records
_NOBODY = Groups(np.zeros(0, np.int64))
_BY_ROW = (Way.ROW, Way.ROW_STEP)
_ZSTD = pa.Codec("zstd", 3)


def parts_of(records: Iterable[Record]) -> NDArray[np.int64]:
    """Shape (records, 6)."""
    told = [(r.offset, r.kind, r.log_time_ms, r.deaf, r.step_ms, r.readings.rows) for r in records]
    return np.array(told, np.int64).reshape(-1, 6)


def wide(parts: NDArray[np.int64]) -> bytes:
    """As a row of its own keeps them."""
    return parts.astype(_WIDE).tobytes()


def read_wide(kept: bytes) -> NDArray[np.int64]:
    """The inverse of `wide`."""
    return np.frombuffer(kept, _WIDE).reshape(-1, 6)


def small(parts: NDArray[np.int64]) -> bytes:
    """As a merged row keeps them; at least one."""
    kept = [narrowest(np.ascontiguousarray(column), _BY_ROW, _NOBODY)[1:] for column in parts.T]
    told = msgspec.msgpack.encode([how for how, _ in kept])
    plain = b"".join((told, *(data for _, data in kept)))
    return _HEAD.pack(len(told), len(plain), len(parts)) + bytes(_ZSTD.compress(plain, asbytes=True))


def read_small(kept: bytes) -> NDArray[np.int64]:
    """The inverse of `small`."""
    at, length, records = _HEAD.unpack_from(kept)
    plain = memoryview(pa.decompress(memoryview(kept)[_HEAD.size :], length, codec="zstd"))
    parts = np.empty((records, 6), np.int64)
    for place, how in enumerate(msgspec.msgpack.decode(plain[:at], type=list[Narrow])):
        parts[:, place] = widen(how, plain[at:], records, _NOBODY)
        at += how.size(records)
    return parts
