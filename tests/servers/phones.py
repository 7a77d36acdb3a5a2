"""The far side of Kannel: the network's short message centre with every phone behind it.

Kannel's own fakesmsc looks at its socket once a second and loses lines that come close together, so this
speaks the line protocol of Kannel's `smsc = fake` itself: `sender receiver type [udh type] text`, type one of
`text`, `data`, `ucs-2` (url-coded UTF-16BE; `ucs2` on the way in) and `udh` (a part of a longer message).
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from tests.servers.waiting import wait_until

_LINE = re.compile(r"(\S+) (\S+) (text|data|ucs-2|udh) (.*)", re.DOTALL)
_PART = re.compile(r"(\S+) (?:data|ucs-2|text) (.*)", re.DOTALL)


@dataclass(frozen=True)
class Sms:
    """One message as its receiver reads it; `parts` is what the network bills."""

    sender: str
    receiver: str
    text: str
    parts: int = 1


@dataclass
class _Long:
    """The parts of a message that is not whole yet."""

    total: int
    parts: dict[int, bytes] = field(default_factory=dict)


class Phones:
    """Connects to the port of Kannel's fake SMSC; `.sent()`, `.wait_for(n)`, `.reply(...)`, `.close()`."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.settimeout(None)
        self._received = b""
        self._reader = threading.Thread(target=self._read, name="phones")
        self._reader.start()

    def _read(self) -> None:
        try:
            while chunk := self._socket.recv(65_536):
                self._received += chunk
        except ConnectionResetError:
            return  # Kannel was killed: there is nothing more to come

    def sent(self) -> list[Sms]:
        """What has reached the phones, in order; a message in parts stands where its last part came."""
        return messages(self._received)

    def wait_for(self, count: int, within_s: float = 15.0) -> list[Sms]:
        """`sent()` once it holds `count` messages."""
        return wait_until(lambda: len(got := self.sent()) >= count and got, within_s, f"{count} messages") or []

    def reply(self, sender: str, receiver: str, text: str) -> None:
        """A person with the phone `sender` writes `text` to the number `receiver`."""
        if text.isascii() and "\n" not in text:
            line = f"{sender} {receiver} text {text}\n"
        else:
            line = f"{sender} {receiver} ucs2 {quote(text.encode('utf-16-be'), safe='')}\n"
        self._socket.sendall(line.encode())

    def close(self) -> None:
        """The network goes away; Kannel keeps what it owes for the next one."""
        with contextlib.suppress(OSError):  # the other side has closed already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(timeout=10)
        self._socket.close()


def messages(received: bytes) -> list[Sms]:
    """Read what the protocol carried; a last line that is cut is left for later."""
    whole: list[Sms] = []
    waiting: dict[tuple[str, str, int], _Long] = {}
    for sender, receiver, kind, rest in _split(received.split(b"\n")[:-1]):
        if kind != "udh":
            whole.append(Sms(sender, receiver, _text(kind, rest)))
        elif (joined := _join(waiting, sender, receiver, rest)) is not None:
            whole.append(joined)
    return whole


def _split(lines: list[bytes]) -> list[tuple[str, str, str, str]]:
    split: list[tuple[str, str, str, str]] = []
    for line in (line.decode() for line in lines):
        if found := _LINE.match(line):
            split.append((found[1], found[2], found[3], found[4]))
        elif split:  # plain text may hold a line feed of its own, which the protocol does not escape
            split[-1] = (*split[-1][:3], f"{split[-1][3]}\n{line}")
        else:
            raise AssertionError(f"Kannel's fake SMSC sent {line!r}, which is no message")
    return split


def _text(kind: str, rest: str) -> str:
    if kind == "text":
        return rest
    if kind == "data":
        return unquote_plus(rest)
    return unquote_to_bytes(rest.replace("+", " ")).decode("utf-16-be")


def _join(waiting: dict[tuple[str, str, int], _Long], sender: str, receiver: str, rest: str) -> Sms | None:
    """Put one part to the others; the message once it is whole. The header is 05 00 03 reference total number."""
    found = _PART.match(rest)
    if found is None:
        raise AssertionError(f"a part of a message without a header: {rest!r}")
    header = unquote_to_bytes(found[1].replace("+", " "))
    reference, total, number = header[3:6]
    long = waiting.setdefault((sender, receiver, reference), _Long(total))
    long.parts[number] = unquote_to_bytes(found[2].replace("+", " "))
    if len(long.parts) < long.total:
        return None
    del waiting[sender, receiver, reference]
    return Sms(sender, receiver, _decoded(b"".join(part for _, part in sorted(long.parts.items()))), total)


def _decoded(joined: bytes) -> str:
    """The protocol does not say how a part is coded: UTF-16BE shows by its control and invalid bytes."""
    try:
        text = joined.decode()
    except UnicodeDecodeError:
        return joined.decode("utf-16-be")
    return text if text.replace("\n", "").isprintable() else joined.decode("utf-16-be")
