"""MQTT 5 properties as they come from a broker (OASIS MQTT 5.0, table 2-4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.mqtt.fields import MqttProtocolError, take_binary, take_text, take_uint, take_varint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Value = int | str | bytes | tuple[str, str]
    Properties = Mapping[str, Value | list[Value]]


def _pair(body: bytes, at: int) -> tuple[Value, int]:
    name, at = take_text(body, at)
    value, at = take_text(body, at)
    return (name, value), at


def _uint(size_bytes: int) -> Callable[[bytes, int], tuple[Value, int]]:
    return lambda body, at: take_uint(body, at, size_bytes)


_u8, _u16, _u32 = _uint(1), _uint(2), _uint(4)

NAMES: dict[int, tuple[str, Callable[[bytes, int], tuple[Value, int]]]] = {
    0x01: ("payload_format", _u8),
    0x02: ("message_expiry_s", _u32),
    0x03: ("content_type", take_text),
    0x08: ("response_topic", take_text),
    0x09: ("correlation", take_binary),
    0x0B: ("subscription_ids", take_varint),
    0x11: ("session_expiry_s", _u32),
    0x12: ("assigned_client_id", take_text),
    0x13: ("server_keep_alive_s", _u16),
    0x15: ("authentication_method", take_text),
    0x16: ("authentication", take_binary),
    0x18: ("will_delay_s", _u32),
    0x1A: ("response_information", take_text),
    0x1C: ("server_reference", take_text),
    0x1F: ("reason", take_text),
    0x21: ("receive_maximum", _u16),
    0x22: ("topic_alias_maximum", _u16),
    0x23: ("topic_alias", _u16),
    0x24: ("maximum_qos", _u8),
    0x25: ("retain_available", _u8),
    0x26: ("user", _pair),
    0x27: ("maximum_packet_bytes", _u32),
    0x28: ("wildcards_available", _u8),
    0x29: ("subscription_ids_available", _u8),
    0x2A: ("shared_available", _u8),
}
"""Identifier -> name and reader."""

REPEATED = frozenset({"user", "subscription_ids"})
"""These may stand more than once, so their value is a list."""


def take_properties(body: bytes, at: int) -> tuple[Properties, int]:
    """Read the length and the properties. Raises `MqttProtocolError` for an unknown or a doubled one."""
    size_bytes, at = take_varint(body, at)
    end = at + size_bytes
    if end > len(body):
        raise MqttProtocolError(f"properties of {size_bytes} bytes, {len(body) - at} are left")
    body = body[:end]
    found: dict[str, Value | list[Value]] = {}
    while at < end:
        identifier, at = take_varint(body, at)
        if identifier not in NAMES:
            raise MqttProtocolError(f"unknown property 0x{identifier:02x}")
        name, take = NAMES[identifier]
        value, at = take(body, at)
        _keep(found, name, value)
    return found, at


def _keep(found: dict[str, Value | list[Value]], name: str, value: Value) -> None:
    if name in REPEATED:
        values = found.setdefault(name, [])
        if isinstance(values, list):
            values.append(value)
    elif name in found:
        raise MqttProtocolError(f"property {name} stands twice")
    else:
        found[name] = value


def number(properties: Properties, name: str) -> int | None:
    """The value of an integer property, None when absent."""
    value = properties.get(name)
    return value if isinstance(value, int) else None


def text(properties: Properties, name: str) -> str:
    """The value of a text property, empty when absent."""
    value = properties.get(name)
    return value if isinstance(value, str) else ""
