"""The demo's mail server: it takes everything and keeps it in memory."""

from __future__ import annotations

import email
import email.policy
from typing import TYPE_CHECKING

from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage

    from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """Listens on `port` of this machine; each email goes to `on_email`, from another thread."""

    def __init__(self, port: int, on_email: Callable[[EmailMessage], None]) -> None:
        self._on_email = on_email
        self._controller = Controller(self, hostname="127.0.0.1", port=port)

    def start(self) -> None:
        """Listen."""
        self._controller.start()

    def stop(self) -> None:
        """Stop listening."""
        self._controller.stop()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one message."""
        content = envelope.original_content or b""
        self._on_email(email.message_from_bytes(content, policy=email.policy.default))
        return "250 kept"
