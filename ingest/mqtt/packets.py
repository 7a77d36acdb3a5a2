"""MQTT 3.1.1 and 5 packets: what we send, and what a broker may send us.

Sources: OASIS MQTT 3.1.1 and MQTT 5.0, chapter 3. Decoders take the body of a packet, that is the bytes after the
fixed header, and raise `MqttProtocolError` for anything the standards do not allow.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.mqtt.fields import MqttProtocolError, put_binary, put_text, put_varint, take_text, take_uint
from ingest.mqtt.properties import take_properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.mqtt.options import MqttOptions
    from ingest.mqtt.properties import Properties

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = 8, 9, 12, 13, 14, 15

PINGREQ_BYTES = b"\xc0\x00"
DISCONNECT_BYTES = b"\xe0\x00"
"""Normal disconnection in both versions: the will is not published."""

_PUBLISH_OF_SIZE = tuple(bytes((PUBLISH << 4, size)) for size in range(128))
_SHORT = tuple(length.to_bytes(2, "big") for length in range(128))
"""Fixed header of a short PUBLISH at QoS 0, and the length before a short text."""

FULL_HEADER = {CONNACK: 0x20, PUBACK: 0x40, PUBREC: 0x50, PUBREL: 0x62, PUBCOMP: 0x70, SUBACK: 0x90, PINGRESP: 0xD0}
"""Packet kind -> its first byte, whose low bits are fixed."""


@dataclass(frozen=True, slots=True)
class Connack:
    """The broker's answer to CONNECT. `code`: 0 is accepted; 1 to 5 are of 3.1.1, 128 and above of 5."""

    session_present: bool
    code: int
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suback:
    """One code a filter: the granted QoS, or 128 and above for a refusal."""

    packet_id: int
    codes: tuple[int, ...]
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ack:
    """PUBACK, PUBREC, PUBREL or PUBCOMP."""

    packet_id: int
    code: int = 0
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Why the broker ends an MQTT 5 connection."""

    code: int = 0
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publish:
    """One message with everything it says; the hot path reads it without this."""

    topic: str
    payload: bytes
    qos: int
    retained: bool
    duplicate: bool
    packet_id: int
    properties: Properties = field(default_factory=dict)


def packet(first_byte: int, body: bytes) -> bytes:
    """Put the fixed header before a body."""
    return bytes((first_byte,)) + put_varint(len(body)) + body


def encode_connect(options: MqttOptions) -> bytes:
    """CONNECT. Maximum Packet Size is not sent: a broker would silently drop what is larger."""
    flags = 0x02 if options.clean else 0
    payload = put_text(options.client_id)
    will = options.spoken_will
    if will is not None:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        payload += b"\x00" if options.version == 5 else b""
        payload += put_text(will.topic) + put_binary(will.payload)
    if options.username is not None:
        flags |= 0x80
        payload += put_text(options.username)
    if options.password is not None:
        flags |= 0x40
        payload += put_text(options.password)
    head = put_text("MQTT") + struct.pack(">BBH", options.version, flags, options.keep_alive_s)
    if options.version == 5:
        head += b"\x05\x11" + options.session_expiry_s.to_bytes(4, "big")
    return packet(CONNECT << 4, head + payload)


def encode_subscribe(version: int, packet_id: int, filters: Sequence[str]) -> bytes:
    """SUBSCRIBE at QoS 1.

    In MQTT 5 also: retained messages only with a new subscription (0x10), not at each return; and not our own
    receipts (No Local, 0x04, which a shared subscription may not ask for).
    """
    head = packet_id.to_bytes(2, "big") + (b"\x00" if version == 5 else b"")
    return packet(SUBSCRIBE << 4 | 2, head + b"".join(put_text(one) + _wish(version, one) for one in filters))


def _wish(version: int, topic_filter: str) -> bytes:
    if version != 5:
        return b"\x01"
    return b"\x11" if topic_filter.startswith("$share/") else b"\x15"


def encode_publish(version: int, topic: str, payload: bytes, *, retain: bool = False) -> bytes:
    """PUBLISH at QoS 0."""
    head = put_text(topic) + (b"\x00" if version == 5 else b"")
    return packet(PUBLISH << 4 | retain, head + payload)


def encode_publishes(version: int, messages: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """`encode_publish` of each (topic, payload), in a third of its time: receipts leave by the thousand."""
    found = []
    for topic, payload in messages:
        name = topic.encode()
        size = 2 + len(name) + len(payload)
        if version == 5 or size > 127 or len(name) > 127:
            found.append(encode_publish(version, topic, payload))
        else:
            found.append(_PUBLISH_OF_SIZE[size] + _SHORT[len(name)] + name + payload)
    return found


def encode_acks(kind: int, packet_ids: Iterable[int]) -> bytes:
    """PUBACK, PUBREC or PUBCOMP of each id, back to back, reason success; the same bytes in both versions."""
    first = kind << 28 | 2 << 16
    words = [first | packet_id for packet_id in packet_ids]
    return struct.pack(f">{len(words)}I", *words)


def decode_connack(version: int, body: bytes) -> Connack:
    """CONNACK. An older broker answers an MQTT 5 CONNECT in the two bytes of 3.1.1."""
    flags, at = take_uint(body, 0, 1)
    code, at = take_uint(body, at, 1)
    properties: Properties = {}
    if version == 5 and at < len(body):
        properties, at = take_properties(body, at)
    if flags > 1:
        raise MqttProtocolError(f"CONNACK with flags 0x{flags:02x}")
    _ends(body, at, "CONNACK")
    return Connack(flags == 1, code, properties)


def decode_suback(version: int, body: bytes) -> Suback:
    """SUBACK: a code a filter, at least one."""
    packet_id, at = take_uint(body, 0, 2)
    properties: Properties = {}
    if version == 5:
        properties, at = take_properties(body, at)
    codes = tuple(body[at:])
    if not codes or any(2 < code < 128 for code in codes):
        raise MqttProtocolError(f"SUBACK with codes {list(codes[:8])}")
    return Suback(packet_id, codes, properties)


def decode_ack(version: int, body: bytes) -> Ack:
    """PUBACK, PUBREC, PUBREL, PUBCOMP; MQTT 5 may leave reason and properties out."""
    packet_id, at = take_uint(body, 0, 2)
    code = 0
    properties: Properties = {}
    if version == 5 and at < len(body):
        code, at = take_uint(body, at, 1)
        if at < len(body):
            properties, at = take_properties(body, at)
    if packet_id == 0:
        raise MqttProtocolError("an acknowledgement of packet id 0")
    _ends(body, at, "acknowledgement")
    return Ack(packet_id, code, properties)


def decode_disconnect(version: int, body: bytes) -> Disconnect:
    """DISCONNECT from the broker, which only MQTT 5 has."""
    if version != 5:
        raise MqttProtocolError("a DISCONNECT from the broker, which MQTT 3.1.1 does not have")
    code, at = 0, 0
    properties: Properties = {}
    if body:
        code, at = take_uint(body, 0, 1)
        if at < len(body):
            properties, at = take_properties(body, at)
    _ends(body, at, "DISCONNECT")
    return Disconnect(code, properties)


def decode_publish(version: int, first_byte: int, body: bytes) -> Publish:
    """PUBLISH with all its properties."""
    qos = first_byte >> 1 & 3
    if qos == 3:
        raise MqttProtocolError("PUBLISH with QoS 3")
    topic, at = take_text(body, 0)
    packet_id = 0
    if qos:
        packet_id, at = take_uint(body, at, 2)
    properties: Properties = {}
    if version == 5:
        properties, at = take_properties(body, at)
    return Publish(topic, body[at:], qos, first_byte & 1 == 1, first_byte & 8 == 8, packet_id, properties)


def _ends(body: bytes, at: int, name: str) -> None:
    if at != len(body):
        raise MqttProtocolError(f"{name} with {len(body) - at} bytes too many")
