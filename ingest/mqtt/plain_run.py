"""A run of plain PUBLISH packets, cut by columns: a loop finds where each ends, numpy the rest.

It takes nothing that is odd in any way: that is left to the scanner's loop, which says what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.mqtt.packets import PUBLISH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.mqtt.delivered import Delivered

PLAIN = PUBLISH << 4 | 2
"""First byte of nearly every packet: QoS 1, neither retained nor sent before."""
_SENT_BEFORE = 8
WORTH_COLUMNS = 48
"""Packets from which on columns are quicker."""


def scan_plain(data: bytes, at: int, into: Delivered, *, v5: bool, limit: int) -> int:
    """Append the plain packets from `at` on to `into`, but for `retained`; return where the first other one starts.

    `limit`: bytes of a packet's body; larger ones are not plain. Fewer than `WORTH_COLUMNS` are left, too.
    """
    ends = _ends(data, at, min(limit, (1 << 14) - 1))
    if len(ends) < WORTH_COLUMNS:
        return at
    octets = np.frombuffer(data, np.uint8)
    end = np.array(ends, np.int64)
    begin = np.empty_like(end)
    begin[0], begin[1:] = at, end[:-1]
    topic = begin + 4 + (octets[begin + 1] > 127)
    if (topic > end).any():
        return at
    topic_end = topic + (octets[topic - 2].astype(np.int64) << 8 | octets[topic - 1])
    payload = topic_end + 2
    if (payload + v5 > end).any():
        return at
    packet_id = octets[topic_end].astype(np.int64) << 8 | octets[topic_end + 1]
    if v5:
        if (topic_end == topic).any() or (octets[payload] > 127).any():
            return at
        payload += octets[payload].astype(np.int64) + 1
    if not packet_id.all() or (payload > end).any():
        return at
    into.topics += _topics(data[at : ends[-1]], topic - at, topic_end - at)
    into.payloads += [data[start:stop] for start, stop in zip(payload.tolist(), ends, strict=True)]
    into.packet_ids += packet_id.tolist()
    return ends[-1]


def _ends(data: bytes, at: int, most: int) -> list[int]:
    """Where each packet of the run ends. `most` bytes of a body: its length has one byte or two."""
    ends: list[int] = []
    add, last = ends.append, len(data)
    try:
        while data[at] | _SENT_BEFORE == PLAIN | _SENT_BEFORE:
            length = data[at + 1]
            if length > 127:
                more = data[at + 2]
                length = length & 127 | more << 7
                if more > 127 or length > most:
                    break
                at += length + 3
            else:
                at += length + 2
            if at > last:
                break
            add(at)
    except IndexError:
        return ends  # the data ends within a header
    return ends


def _topics(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> list[str]:
    """Bytes that are no UTF-8 as the scanner shows them."""
    text = data.decode("latin-1")
    topics = [text[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    if "".join(topics).isascii():
        return topics
    return [topic if topic.isascii() else _decoded(topic.encode("latin-1")) for topic in topics]


def _decoded(topic: bytes) -> str:
    return topic.decode("utf-8", "backslashreplace")
