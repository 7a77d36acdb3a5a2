"""The state of one connection, without any input or output: packets in, packets to send out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ingest.mqtt import packets
from ingest.mqtt.fields import MqttProtocolError
from ingest.mqtt.options import OFFLINE, ONLINE
from ingest.mqtt.outcomes import Trouble, of_connack, of_disconnect, of_suback
from ingest.mqtt.properties import number, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.mqtt.options import MqttOptions

_ACKS = (packets.PUBACK, packets.PUBREC, packets.PUBCOMP)


class Phase(Enum):
    """How far a connection has come."""

    GREETING = "CONNECT sent"
    SUBSCRIBING = "accepted, SUBSCRIBE sent"
    OPEN = "SUBACK came"


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection ended. `detail`: the broker's or the system's own words."""

    trouble: Trouble
    detail: str = ""


class Session:
    """What the broker granted on this connection. `ended` is set when it can't go on."""

    def __init__(self, options: MqttOptions, filters: Sequence[str]) -> None:
        self.phase = Phase.GREETING
        self.ended: Ending | None = None
        self.session_present = False
        self.keep_alive_s: float = options.keep_alive_s
        self.max_publish_bytes = 268_435_460
        self.kept_s: int | None = None
        """How long the broker keeps our session while we are away, if it said another time than we asked for."""
        self.refused: dict[str, int] = {}
        """Filter -> the broker's refusal code."""
        self.unacknowledged: tuple[str, ...] = ()
        """Filters granted at QoS 0 only by the newest SUBACK: the broker does not wait for our PUBACK."""
        self._options = options
        self._filters = tuple(filters)
        self._asked: dict[int, tuple[str, ...]] = {}
        self._last_id = 0
        self._pings = 0
        self._pongs = 0

    def hello(self) -> bytes:
        """The first bytes of the connection."""
        return packets.encode_connect(self._options)

    def check_first(self, data: bytes) -> None:
        """Raise `MqttProtocolError` if the connection's first byte is none of a CONNACK: this is no MQTT broker."""
        if self.phase is Phase.GREETING and data[:1] != b"\x20":
            raise MqttProtocolError(f"instead of CONNACK came {data[:16]!r}")

    def ping(self) -> bytes:
        """A PINGREQ, counted."""
        self._pings += 1
        return packets.PINGREQ_BYTES

    @property
    def settled(self) -> bool:
        """Every ping is answered: the broker has read all that was sent before the last one."""
        return self._pongs >= self._pings

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong with the subscriptions of an open session."""
        return of_suback(next(iter(self.refused.values()))) if self.refused else None

    def subscribe_again(self) -> bytes:
        """A SUBSCRIBE for what was refused, in case the operator has put it right; empty when nothing was."""
        return self._subscribe(tuple(self.refused)) if self.refused and not self._asked else b""

    def receive(self, first_byte: int, body: bytes) -> bytes:
        """Take any packet but PUBLISH; returns what to answer. Raises `MqttProtocolError`."""
        kind = first_byte >> 4
        if first_byte != packets.FULL_HEADER.get(kind, first_byte & 0xF0):
            raise MqttProtocolError(f"packet 0x{first_byte:02x} with wrong flags")
        if (self.phase is Phase.GREETING) != (kind == packets.CONNACK):
            raise MqttProtocolError(f"packet 0x{first_byte:02x} out of place: {self.phase.value}")
        if kind == packets.CONNACK:
            return self._connack(body)
        if kind == packets.SUBACK:
            return self._suback(body)
        if kind == packets.PINGRESP:
            self._pingresp(body)
        elif kind == packets.DISCONNECT:
            self._disconnect(body)
        elif kind == packets.PUBREL:
            released = packets.decode_ack(self._options.version, body)
            return packets.encode_acks(packets.PUBCOMP, [released.packet_id])
        elif kind in _ACKS:
            packets.decode_ack(self._options.version, body)
        else:
            raise MqttProtocolError(f"packet 0x{first_byte:02x}, which a broker does not send us")
        return b""

    def _connack(self, body: bytes) -> bytes:
        connack = packets.decode_connack(self._options.version, body)
        if connack.code != 0:
            words = text(connack.properties, "reason") or text(connack.properties, "server_reference")
            self.ended = Ending(of_connack(connack.code), f"CONNACK code {connack.code} {words}".rstrip())
            return b""
        self.phase = Phase.SUBSCRIBING
        self.session_present = connack.session_present
        self.keep_alive_s = number(connack.properties, "server_keep_alive_s") or self.keep_alive_s
        self.kept_s = number(connack.properties, "session_expiry_s")
        self.max_publish_bytes = number(connack.properties, "maximum_packet_bytes") or self.max_publish_bytes
        return self._subscribe(self._filters)

    def _subscribe(self, filters: tuple[str, ...]) -> bytes:
        self._last_id = self._last_id % 0xFFFF + 1
        self._asked[self._last_id] = filters
        return packets.encode_subscribe(self._options.version, self._last_id, filters)

    def _suback(self, body: bytes) -> bytes:
        suback = packets.decode_suback(self._options.version, body)
        filters = self._asked.pop(suback.packet_id, ())
        if len(filters) != len(suback.codes):
            raise MqttProtocolError(
                f"SUBACK {suback.packet_id} of {len(suback.codes)} codes for {len(filters)} filters"
            )
        answers = dict(zip(filters, suback.codes, strict=True))
        came_up, self.phase = self.phase is not Phase.OPEN, Phase.OPEN
        self.refused = {one: code for one, code in answers.items() if code >= 128}
        self.unacknowledged = tuple(one for one, code in answers.items() if code == 0)
        if len(self.refused) == len(self._filters):
            one, code = next(iter(self.refused.items()))
            self.ended = Ending(of_suback(code), f"SUBACK code {code} for {one!r}")
            return b""
        return self._presence(ONLINE) if came_up else b""

    def farewell(self) -> bytes:
        """Before an orderly close: what the broker would say for us if we vanished."""
        return self._presence(OFFLINE) if self.phase is Phase.OPEN else b""

    def _presence(self, word: bytes) -> bytes:
        topic = self._options.presence_topic
        return packets.encode_publish(self._options.version, topic, word, retain=True) if topic else b""

    def _pingresp(self, body: bytes) -> None:
        if body:
            raise MqttProtocolError(f"PINGRESP of {len(body)} bytes")
        self._pongs += 1

    def _disconnect(self, body: bytes) -> None:
        told = packets.decode_disconnect(self._options.version, body)
        words = text(told.properties, "reason") or text(told.properties, "server_reference")
        self.ended = Ending(of_disconnect(told.code), f"DISCONNECT code {told.code} {words}".rstrip())
