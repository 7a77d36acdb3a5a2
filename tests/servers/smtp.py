"""An SMTP server that keeps what it gets and refuses, delays or resets as a test says."""

from __future__ import annotations

import asyncio
import email
import email.policy
from typing import TYPE_CHECKING, cast

from aiosmtpd.controller import Controller

from tests.servers.process import free_port
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from email.message import EmailMessage

    from aiosmtpd.smtp import SMTP, Envelope, Session


class SmtpServer:
    """`.host .port .messages`; `.refuse_with(code, text)`, `.accept()`, `.delay_s`, `.reset_next()`, `.wait_for(n)`."""

    def __init__(self) -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.delay_s = 0.0
        self._answer = ""
        self._resets = 0
        self._controller: Controller | None = None

    def start(self) -> None:
        """Listen; after `stop` on the same port again."""
        self._controller = Controller(self, hostname=self.host, port=self.port)
        self._controller.start()

    def stop(self) -> None:
        """Nobody listens any more."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def refuse_with(self, code: int, text: str) -> None:
        """Answer every recipient so, until `accept`: 4xx for later, 5xx for never."""
        self._answer = f"{code} {text}"

    def accept(self) -> None:
        """Take messages again."""
        self._answer = ""

    def reset_next(self) -> None:
        """Break the connection of the next message after its text was sent: nobody knows whether it went."""
        self._resets += 1

    def wait_for(self, count: int, within_s: float = 10.0) -> list[EmailMessage]:
        """`messages` once it holds `count`."""
        wait_until(lambda: len(self.messages) >= count, within_s, f"{count} emails")
        return self.messages

    async def handle_RCPT(  # noqa: N802 -- the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse one recipient."""
        if self._answer:
            return self._answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 -- as above
        """Keep one message, late or never as a test said."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self._resets:
            self._resets -= 1
            cast("asyncio.WriteTransport", server.transport).abort()
            return "421 reset"
        content = cast("bytes", envelope.original_content).replace(b"\r\n", b"\n")
        self.recipients.append(list(envelope.rcpt_tos))
        self.messages.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 kept"
