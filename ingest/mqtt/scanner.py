"""The hot path: bytes in whatever pieces they come -> PUBLISH packets as columns, and the few other packets.

What begins with a run of plain packets is cut by columns (plain_run.py); the rest by a loop on `bytes`: one pass, one
slice a topic and a payload. Everything rare leaves the loop at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.mqtt.fields import MqttProtocolError, take_text, take_uint, take_varint
from ingest.mqtt.packets import PUBLISH
from ingest.mqtt.plain_run import PLAIN, scan_plain

if TYPE_CHECKING:
    from ingest.mqtt.delivered import Delivered

OVERSIZED_PAYLOAD_BYTES = 64 << 10
"""So much of a payload over the limit is kept: enough to see what it is."""
OVERSIZED_BODY_BYTES = 2 * OVERSIZED_PAYLOAD_BYTES
"""So much of its packet: the longest topic (65,535 bytes) comes before the payload."""


@dataclass(slots=True)
class _Oversized:
    """A packet over the limit on its way in: its head is kept, the rest flows by."""

    first_byte: int
    length: int
    left: int
    kept: bytearray = field(default_factory=bytearray)

    def take(self, data: bytes) -> int:
        """Swallow what belongs to this packet; returns how many bytes."""
        taken = min(self.left, len(data))
        self.kept += data[: min(taken, OVERSIZED_BODY_BYTES - len(self.kept))]
        self.left -= taken
        return taken


class Scanner:
    """Cuts one connection's bytes into packets. `exactly_once` collects the ids of QoS 2 deliveries."""

    __slots__ = ("_limit", "_need", "_oversized", "_tail", "_v5", "exactly_once")

    def __init__(self, version: int, max_packet_bytes: int = 1 << 20) -> None:
        self.exactly_once: set[int] = set()
        self._v5 = version == 5
        self._limit = max_packet_bytes
        self._tail = bytearray()
        self._need = 0
        self._oversized: _Oversized | None = None

    def feed(self, data: bytes, into: Delivered) -> list[tuple[int, bytes]]:
        """Append the PUBLISH packets that are complete to `into`; return the others as (first byte, body).

        Raises `MqttProtocolError` for what MQTT does not allow; what came before it is in `into`.
        """
        control: list[tuple[int, bytes]] = []
        if self._tail:
            # Pieces of one packet are only joined once it can be whole: many small reads stay linear.
            if len(self._tail) + len(data) < self._need:
                self._tail += data
                return control
            data = bytes(self._tail) + data
        at, stopped = self._swallow(data, 0, into), -1
        while at != stopped:
            stopped = self._scan(data, at, into, control)
            at = self._swallow(data, stopped, into)
        self._tail = bytearray(data[at:])
        return control

    def _scan(self, data: bytes, at: int, into: Delivered, control: list[tuple[int, bytes]]) -> int:
        """Return where the first packet starts that is not complete, or the body of one over the limit."""
        retained: list[int] = []
        try:
            at = scan_plain(data, at, into, v5=self._v5, limit=self._limit)
            return self._scan_whole(data, at, into, control, retained)
        except IndexError as error:
            raise MqttProtocolError("a packet ends within its own header") from error
        finally:
            # Hardly any is retained: one call a packet less.
            into.retained.extend([False] * (len(into.topics) - len(into.retained)))
            for place in retained:
                into.retained[place] = True

    def _scan_whole(  # noqa: C901, PLR0912 - one loop by design: one more call a packet costs a tenth of the rate
        self, data: bytes, at: int, into: Delivered, control: list[tuple[int, bytes]], retained: list[int]
    ) -> int:
        add_topic, add_payload, add_packet_id = into.topics.append, into.payloads.append, into.packet_ids.append
        v5, limit, size = self._v5, self._limit, len(data)
        while at + 1 < size:
            first, length, start = data[at], data[at + 1], at + 2
            if length > 127:
                if start < size and data[start] < 128:  # two bytes, as nearly every reading has: a call would cost more
                    length, start = length & 127 | data[start] << 7, start + 1
                else:
                    length, start = _long_length(data, at + 1)
                    if length < 0:
                        break
                if length > limit:
                    self._oversized = _Oversized(first, length, length)
                    return start
            end = start + length
            if end > size:
                self._need = end - at
                return at
            if first != PLAIN and first & 0xF0 != 0x30:
                control.append((first, data[start:end]))
                at = end
                continue
            body = start + 2 + (data[start] << 8 | data[start + 1])
            topic = data[start + 2 : body]
            packet_id = 0
            if first & 0x06:
                packet_id = data[body] << 8 | data[body + 1]
                body += 2
                if first != PLAIN or not packet_id:
                    self._check_odd(first, packet_id)
            if v5:
                if not topic:
                    raise MqttProtocolError("PUBLISH with a topic alias, which was not offered")
                body = body + 1 + data[body] if data[body] < 128 else _after_properties(data, body)
            if body > end:
                raise MqttProtocolError("PUBLISH shorter than its own header")
            if first & 1:
                retained.append(len(into.topics))
            try:
                add_topic(topic.decode())
            except UnicodeDecodeError:
                add_topic(topic.decode("utf-8", "backslashreplace"))
            add_payload(data[body:end])
            add_packet_id(packet_id)
            at = end
        self._need = size - at + 1
        return at

    def _check_odd(self, first: int, packet_id: int) -> None:
        """We ask for QoS 1, but a session that an earlier client left may still hold QoS 2."""
        if first & 0x06 == 0x06:
            raise MqttProtocolError("PUBLISH with QoS 3")
        if packet_id == 0:
            raise MqttProtocolError("PUBLISH with packet id 0")
        if first & 0x04:
            self.exactly_once.add(packet_id)

    def _swallow(self, data: bytes, at: int, into: Delivered) -> int:
        """Take what belongs to a packet over the limit, if one is under way; returns where the next one starts."""
        oversized = self._oversized
        if oversized is None:
            return at
        if oversized.first_byte & 0xF0 != PUBLISH << 4:
            raise MqttProtocolError(f"packet 0x{oversized.first_byte:02x} of {oversized.length} bytes")
        at += oversized.take(data[at:] if at else data)
        if oversized.left == 0:
            self._oversized = None
            self._deliver_cut(oversized, into)
        return at

    def _deliver_cut(self, oversized: _Oversized, into: Delivered) -> None:
        kept, first = bytes(oversized.kept), oversized.first_byte
        topic, at = take_text(kept, 0)
        packet_id = 0
        if first & 0x06:
            packet_id, at = take_uint(kept, at, 2)
            self._check_odd(first, packet_id)
        if self._v5:
            skip, at = take_varint(kept, at)
            at += skip
        if at > oversized.length:
            raise MqttProtocolError("PUBLISH shorter than its own header")
        into.oversized[len(into.topics)] = oversized.length - at
        into.topics.append(topic)
        into.payloads.append(kept[at : at + OVERSIZED_PAYLOAD_BYTES])
        into.retained.append(first & 1 == 1)
        into.packet_ids.append(packet_id)


def _after_properties(data: bytes, at: int) -> int:
    """Where the payload starts behind properties of 128 bytes or more."""
    size_bytes, at = take_varint(data, at)
    return at + size_bytes


def _long_length(data: bytes, at: int) -> tuple[int, int]:
    """Remaining length of more than one byte and where the body starts; (-1, 0) when its bytes are not all here."""
    length = 0
    for place in range(4):
        if at + place >= len(data):
            return -1, 0
        byte = data[at + place]
        length |= (byte & 127) << 7 * place
        if byte < 128:
            return length, at + place + 1
    raise MqttProtocolError("a remaining length of more than four bytes")
