"""Email through SMTP (aiosmtplib): one recipient a message, so that one bad address spoils nobody else's."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

import aiosmtplib

from alerts.delivery.contract import Fate, Handover, Letter


@dataclass(frozen=True, slots=True)
class EmailOptions:
    """`security`: `starttls` demands it, `tls` is TLS from the first byte, `none` is plain."""

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = ""
    sender: str = "carewatch@localhost"
    timeout_s: float = 15.0


class Email:
    """The channel `email`."""

    name = "email"
    gateway = "smtp"

    def __init__(self, options: EmailOptions) -> None:
        self._options = options

    async def send(self, letter: Letter) -> Handover:
        """Hand over within `timeout_s`. 4xx and broken connections are tried again, 5xx of the recipient never."""
        try:
            async with aiosmtplib.SMTP(
                hostname=self._options.host,
                port=self._options.port,
                use_tls=self._options.security == "tls",
                start_tls=self._options.security == "starttls",
                username=self._options.username or None,
                password=self._options.password or None,
                timeout=self._options.timeout_s,
            ) as server:
                _, answer = await server.send_message(self._composed(letter))
        except aiosmtplib.SMTPAuthenticationError as error:
            return Handover(
                Fate.LOCKED_OUT,
                problem=f"{self._where} refuses our sign-in ({error.code} {error.message}); check email.username",
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _refused(error.recipients[0], self._where)
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error, self._where)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Handover(Fate.TRY_AGAIN, problem=f"{self._where}: {error or type(error).__name__}")
        return Handover(Fate.HANDED, reference=answer[:120])

    async def close(self) -> None:
        """Nothing stays open between letters."""

    @property
    def _where(self) -> str:
        return f"mail server {self._options.host}:{self._options.port}"

    def _composed(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._options.sender
        message["To"] = letter.address
        message["Subject"] = " ".join(letter.subject.split())
        # The same letter keeps its id however often it is handed over, so a mailbox can drop the second.
        domain = self._options.sender.rpartition("@")[2] or "localhost"
        message["Message-ID"] = f"<carewatch-{letter.message_id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        if letter.is_urgent:
            message["Importance"] = "high"
            message["X-Priority"] = "1"
        message.set_content(letter.body)
        return message


def _refused(error: aiosmtplib.SMTPResponseException, where: str) -> Handover:
    is_final = 500 <= error.code < 600
    problem = f"{where} answers {error.code} {error.message}"
    return Handover(Fate.REFUSED if is_final else Fate.TRY_AGAIN, problem=problem)
