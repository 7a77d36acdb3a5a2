"""The primitive fields MQTT packets are made of (OASIS MQTT 5.0, section 1.5).

Readers take `(body, at)` and return `(value, next at)`. They raise `MqttProtocolError` where the body is too short.
"""

from __future__ import annotations

MAX_TEXT_BYTES = 0xFFFF


class MqttProtocolError(Exception):
    """The broker sent what MQTT does not allow. The connection is dropped and made again."""


def put_text(text: str) -> bytes:
    """Length and UTF-8. Raises `ValueError` over 65,535 bytes."""
    return put_binary(text.encode())


def put_binary(value: bytes) -> bytes:
    """Length and bytes. Raises `ValueError` over 65,535 bytes."""
    if len(value) > MAX_TEXT_BYTES:
        raise ValueError(f"{value[:32]!r}... has {len(value)} bytes: MQTT takes {MAX_TEXT_BYTES} at most")
    return len(value).to_bytes(2, "big") + value


def put_varint(value: int) -> bytes:
    """Seven bits a byte, lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def take_uint(body: bytes, at: int, size_bytes: int) -> tuple[int, int]:
    """A big-endian unsigned integer."""
    end = at + size_bytes
    return int.from_bytes(_cut(body, at, end), "big"), end


def take_binary(body: bytes, at: int) -> tuple[bytes, int]:
    """Bytes with their length before them."""
    size_bytes, at = take_uint(body, at, 2)
    return _cut(body, at, at + size_bytes), at + size_bytes


def take_text(body: bytes, at: int) -> tuple[str, int]:
    r"""Text; what is no UTF-8 stands as `\xNN`."""
    value, at = take_binary(body, at)
    return value.decode("utf-8", "backslashreplace"), at


def take_varint(body: bytes, at: int) -> tuple[int, int]:
    """Seven bits a byte, lowest first, four bytes at most."""
    value = 0
    for shift in (0, 7, 14, 21):
        byte, at = take_uint(body, at, 1)
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise MqttProtocolError("a variable byte integer of more than four bytes")


def _cut(body: bytes, start: int, end: int) -> bytes:
    if end > len(body):
        raise MqttProtocolError(f"a field needs {end - start} bytes, {max(0, len(body) - start)} are left")
    return body[start:end]
