"""What the consumer gets: PUBLISH packets as columns."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Delivered:
    r"""A batch of PUBLISH packets from one connection, in the order of arrival; the lists have one length.

    `topics`: decoded; bytes that are no UTF-8 stand as `\xNN`, so that the message can be quarantined under a name
    that every file and terminal takes. `packet_ids`: 0 for QoS 0. `connection`: number of the connection that
    delivered it, from 1. `oversized`: position -> real payload size in bytes of those packets that went over the
    packet limit; their payload is cut to its first 64 KiB. `first_ns`: `time.perf_counter_ns` when the first packet had
    been read; 0 where nobody measures.
    """

    connection: int
    topics: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    retained: list[bool] = field(default_factory=list)
    packet_ids: list[int] = field(default_factory=list)
    oversized: dict[int, int] = field(default_factory=dict)
    first_ns: int = 0

    def __len__(self) -> int:
        return len(self.topics)

    def part(self, start: int, stop: int) -> Delivered:
        """The messages from position `start` up to `stop`, to be committed and acknowledged apart from the others."""
        return Delivered(
            self.connection,
            self.topics[start:stop],
            self.payloads[start:stop],
            self.retained[start:stop],
            self.packet_ids[start:stop],
            {place - start: size for place, size in self.oversized.items() if start <= place < stop},
            self.first_ns,
        )
