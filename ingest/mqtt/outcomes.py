"""What can be wrong with the broker or the way to it, each with its remedy."""

from __future__ import annotations

import errno
import socket
import ssl
from enum import Enum


class Trouble(Enum):
    """A reason and what an operator does about it."""

    NAME_UNKNOWN = "the broker's host name is not known", "check the host in mqtt.url and this machine's DNS"
    NOT_LISTENING = "nothing listens there", "start the broker, or correct host and port in mqtt.url"
    NO_ANSWER = "no answer in time", "check host and port in mqtt.url, the firewall, and that it speaks MQTT"
    UNREACHABLE = "the network does not reach the broker", "check the host in mqtt.url and this machine's network"
    SOCKET_FORBIDDEN = "the broker's socket may not be opened", "let carewatch's user read and write the socket file"
    CERTIFICATE = "the broker's certificate is not trusted", "give its CA in mqtt.ca_file, and its name in mqtt.url"
    OUR_CERTIFICATE = (
        "the broker wants a certificate of ours that it trusts",
        "give mqtt.certificate_file and mqtt.key_file, signed by an authority of the broker's cafile, not run out",
    )
    TLS = "no TLS connection comes about", "check that the port speaks TLS (8883 by custom); for plain MQTT use mqtt://"
    NO_GREETING = (
        "the broker hangs up before it answers CONNECT",
        "check the port (a TLS port hangs up on plain MQTT), mqtt.version, and the broker's own log",
    )
    VERSION_REFUSED = "the broker does not speak this MQTT version", "set mqtt.version to the other one (4 or 5)"
    CLIENT_ID_REFUSED = "the broker refuses our client id", "set another mqtt.client_id, or allow this one"
    BAD_CREDENTIALS = "wrong user name or password", "check mqtt.username and CAREWATCH_MQTT__PASSWORD (or ..._FILE)"
    NOT_AUTHORISED = (
        "not authorised",
        "check mqtt.username and mqtt.password, and that the broker's ACL lets this user connect",
    )
    BROKER_BUSY = "the broker is not available or busy", "wait; if it lasts, look at the broker's log and load"
    MOVED = "the broker sends us to another server", "put that server's address into mqtt.url"
    CONNECT_REFUSED = "the broker refuses CONNECT", "look at the broker's log for our client id"
    SUBSCRIPTION_REFUSED = (
        "the broker refuses a subscription",
        "let this user read the filter in the broker's ACL, or correct the filter in sources",
    )
    SHARING_REFUSED = (
        "the broker has no shared subscriptions",
        "use a broker with $share, or subscribe without it and run one ingest",
    )
    NO_RETAINING = "the broker keeps no retained messages", "leave mqtt.status_topic empty"
    TAKEN_OVER = (
        "another client connected with our client id",
        "stop the other carewatch, or give each its own mqtt.client_id",
    )
    SHUTTING_DOWN = "the broker shuts down", "start it again"
    KEEP_ALIVE = "the broker stopped answering pings", "check the network on the way, and that the broker still runs"
    DISCONNECTED = "the broker ended the connection", "look at the broker's log for our client id"
    LOST = "the connection broke", "check the network on the way, and that the broker still runs"
    PROTOCOL = (
        "the broker sent what MQTT does not allow",
        "check that the port speaks MQTT; report the broker's version",
    )

    def __init__(self, text: str, remedy: str) -> None:
        self.text = text
        self.remedy = remedy


_CONNACK = {
    1: Trouble.VERSION_REFUSED,
    2: Trouble.CLIENT_ID_REFUSED,
    3: Trouble.BROKER_BUSY,
    4: Trouble.BAD_CREDENTIALS,
    5: Trouble.NOT_AUTHORISED,
    0x84: Trouble.VERSION_REFUSED,
    0x85: Trouble.CLIENT_ID_REFUSED,
    0x86: Trouble.BAD_CREDENTIALS,
    0x87: Trouble.NOT_AUTHORISED,
    0x88: Trouble.BROKER_BUSY,
    0x89: Trouble.BROKER_BUSY,
    0x8A: Trouble.NOT_AUTHORISED,
    0x97: Trouble.BROKER_BUSY,
    0x9A: Trouble.NO_RETAINING,
    0x9C: Trouble.MOVED,
    0x9D: Trouble.MOVED,
    0x9F: Trouble.BROKER_BUSY,
}
_DISCONNECT = {
    0x87: Trouble.NOT_AUTHORISED,
    0x89: Trouble.BROKER_BUSY,
    0x8B: Trouble.SHUTTING_DOWN,
    0x8D: Trouble.KEEP_ALIVE,
    0x8E: Trouble.TAKEN_OVER,
    0x97: Trouble.BROKER_BUSY,
    0x9C: Trouble.MOVED,
    0x9D: Trouble.MOVED,
    0x9E: Trouble.SHARING_REFUSED,
}


def of_connack(code: int) -> Trouble:
    """The trouble behind a CONNACK code that is not 0 (3.1.1 table 3.1; 5.0 section 3.2.2.2)."""
    return _CONNACK.get(code, Trouble.CONNECT_REFUSED)


def of_disconnect(code: int) -> Trouble:
    """The trouble behind a broker's DISCONNECT (5.0 section 3.14.2.1)."""
    return _DISCONNECT.get(code, Trouble.DISCONNECTED)


def of_suback(code: int) -> Trouble:
    """The trouble behind a refused filter (5.0 section 3.9.3)."""
    return Trouble.SHARING_REFUSED if code == 0x9E else Trouble.SUBSCRIPTION_REFUSED


_CONNECT_ERRORS: tuple[tuple[type[OSError], Trouble], ...] = (
    (ssl.SSLCertVerificationError, Trouble.CERTIFICATE),
    (ssl.SSLError, Trouble.TLS),
    (socket.gaierror, Trouble.NAME_UNKNOWN),
    (ConnectionRefusedError, Trouble.NOT_LISTENING),
    (FileNotFoundError, Trouble.NOT_LISTENING),
    (TimeoutError, Trouble.NO_ANSWER),
    (PermissionError, Trouble.SOCKET_FORBIDDEN),
    (ConnectionError, Trouble.NO_GREETING),
)
"""The narrower class first."""


_ABOUT_OUR_CERTIFICATE = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
"""In a TLS alert that the broker sends (RFC 8446 section 6.2); a TLS 1.2 broker only says that it failed."""


def of_lost(error: Exception | None, *, greeting: bool) -> Trouble:
    """The trouble behind a connection that broke, `greeting`: before the broker had answered CONNECT.

    In TLS 1.3 a broker refuses our certificate only after the connection stands.
    """
    if isinstance(error, ssl.SSLError) and _is_about_our_certificate(error):
        return Trouble.OUR_CERTIFICATE
    return Trouble.NO_GREETING if greeting else Trouble.LOST


def _is_about_our_certificate(error: ssl.SSLError) -> bool:
    words = str(error)
    return "ALERT" in words and any(word in words for word in _ABOUT_OUR_CERTIFICATE)


def of_connect_error(error: OSError) -> Trouble:
    """The trouble behind a connection that did not come about."""
    if isinstance(error, ssl.SSLError) and _is_about_our_certificate(error):
        return Trouble.OUR_CERTIFICATE
    for kind, trouble in _CONNECT_ERRORS:
        if isinstance(error, kind):
            return trouble
    # For a name with several addresses asyncio folds their errors into one text.
    if f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return Trouble.NOT_LISTENING
    return Trouble.UNREACHABLE
