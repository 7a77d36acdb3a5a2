"""How to reach the broker, and the bounds of what we take from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import ssl

DAY_S = 86_400
MAX_U16 = 0xFFFF
MAX_U32 = 0xFFFFFFFF
ONLINE, OFFLINE = b"online", b"offline"
"""As Home Assistant and its like read availability."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes for us when we vanish."""

    topic: str
    payload: bytes
    qos: Literal[0, 1] = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """One broker connection.

    `client_id`: names the session at the broker, so it is required and each running client has its own.
    `unix_path`: a socket file, instead of host and port. `tls`: a context, or None for plain TCP. `version`: 4 is
    MQTT 3.1.1. `session_expiry_s`: how long the broker keeps messages for us while we are away; 0 asks for a clean
    session; 3.1.1 has no such number, there the broker's own setting rules. `presence_topic`: where other tools find a
    retained `online` or `offline` of ours, the second said by the broker if we vanish; empty: nowhere.
    `reconnect_max_s`: so long an SOS may wait for us once the broker is back. `max_packet_bytes`: a larger PUBLISH is
    delivered cut (`Delivered.oversized`). `max_pending_*`: beyond either, reading pauses until the consumer took a
    batch.
    """

    client_id: str
    host: str = "localhost"
    port: int = 1883
    unix_path: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    version: Literal[4, 5] = 5
    keep_alive_s: int = 30
    session_expiry_s: int = 7 * DAY_S
    will: Will | None = None
    presence_topic: str = ""
    connect_timeout_s: float = 10.0
    reconnect_min_s: float = 0.2
    reconnect_max_s: float = 3.0
    close_timeout_s: float = 2.0
    max_packet_bytes: int = 1 << 20
    max_pending_messages: int = 50_000
    max_pending_bytes: int = 16 << 20

    def __post_init__(self) -> None:
        """Raise `ValueError` naming the field, its value and the remedy."""
        if not self.client_id or len(self.client_id.encode()) > MAX_U16:
            raise ValueError(f"mqtt.client_id is {self.client_id!r}: give 1 to 65535 bytes; it names our session")
        if self.version not in (4, 5):
            raise ValueError(f"mqtt.version is {self.version!r}: use 5, or 4 for MQTT 3.1.1")
        self._check_presence()
        if self.password is not None and self.username is None:
            raise ValueError("mqtt.password without mqtt.username: MQTT 3.1.1 forbids it; set mqtt.username")
        self._check("keep_alive_s", self.keep_alive_s, 1, MAX_U16, "without pings a dead link is never seen")
        self._check("session_expiry_s", self.session_expiry_s, 0, MAX_U32, "0 asks for a clean session")
        self._check("max_packet_bytes", self.max_packet_bytes, 1024, 268_435_460, "MQTT's own limit is 256 MiB")
        self._check("max_pending_messages", self.max_pending_messages, 1, 10_000_000, "it bounds memory")
        self._check("max_pending_bytes", self.max_pending_bytes, 1, 1 << 34, "it bounds memory")
        self._check("reconnect_min_s", self.reconnect_min_s, 0.01, self.reconnect_max_s, "at most reconnect_max_s")

    @staticmethod
    def _check(name: str, value: float, low: float, high: float, why: str) -> None:
        if not low <= value <= high:
            raise ValueError(f"mqtt.{name} is {value!r}: give {low} to {high} ({why})")

    def _check_presence(self) -> None:
        topic = self.presence_topic
        if any(mark in topic for mark in "+#\0") or topic.startswith(("$", "/", "watch/")):
            raise ValueError(
                f"mqtt.status_topic gives {topic!r}: no wildcard, not of the watches; try carewatch/ingest"
            )
        if topic and self.will is not None:
            raise ValueError("a will beside presence_topic: a client has one will; leave one of them out")

    @property
    def spoken_will(self) -> Will | None:
        """What the broker is to say when we vanish."""
        return Will(self.presence_topic, OFFLINE, qos=1, retain=True) if self.presence_topic else self.will

    @property
    def clean(self) -> bool:
        """Ask the broker to forget what it kept for us."""
        return self.session_expiry_s == 0

    @property
    def broker(self) -> str:
        """The address as an operator would write it, without user and password."""
        return f"unix:{self.unix_path}" if self.unix_path else f"{self.host}:{self.port}"
