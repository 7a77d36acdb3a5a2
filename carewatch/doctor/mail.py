"""Whether the mail server would take our mail."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import aiosmtplib

from carewatch.doctor.bounded import TRY_S
from carewatch.doctor.finding import Finding, bad, good, not_set, warning
from carewatch.doctor.nearness import is_this_machine

if TYPE_CHECKING:
    from carewatch.settings import Email, Settings

PART = "email"


async def mail(settings: Settings) -> list[Finding]:
    """Connects, signs in and names our sender, then takes that back: no mail is sent."""
    email = settings.email
    if not email.host:
        return [not_set(PART, "no emails are sent", "set email.host")]
    return [await _tried(email), *_doubts(settings)]


async def _tried(email: Email) -> Finding:
    where = f"mail server {email.host}:{email.port}"
    try:
        async with _server(email) as server:
            await server.mail(email.sender)
            await server.rset()
    except aiosmtplib.SMTPAuthenticationError as error:
        told = f"{where} refuses our sign-in ({error.code} {error.message})"
        return bad(PART, told, "correct email.username and CAREWATCH_EMAIL__PASSWORD (or ..._PASSWORD_FILE)")
    except aiosmtplib.SMTPSenderRefused as error:
        return bad(PART, f"{where} refuses the sender ({error.code} {error.message})", "correct email.sender")
    except aiosmtplib.SMTPTimeoutError:
        remedy = "check email.host, email.port, email.security (465 is tls, 587 starttls) and the firewall"
        return bad(PART, f"{where} does not answer within {TRY_S:g} s", remedy)
    except (aiosmtplib.SMTPException, OSError) as error:
        return bad(PART, f"{where}: {error or type(error).__name__}", _remedy(error))
    return good(PART, f"{where} takes mail of {email.sender}")


def _remedy(error: Exception) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "give email.host the name in its certificate, and this machine the certificate's authority"
    if isinstance(error, aiosmtplib.SMTPConnectError) and not isinstance(cause, ssl.SSLError):
        return "start it, or correct email.host and email.port"
    return "correct email.security and email.port: 587 is starttls, 465 tls, 25 none"


def _server(email: Email) -> aiosmtplib.SMTP:
    """As the channel of alerts/delivery/channels/email.py connects."""
    return aiosmtplib.SMTP(
        hostname=email.host,
        port=email.port,
        use_tls=email.security == "tls",
        start_tls=email.security == "starttls",
        username=email.username or None,
        password=email.password.get_secret_value() or None,
        timeout=TRY_S,
    )


def _doubts(settings: Settings) -> list[Finding]:
    email, found = settings.email, []
    if email.security == "none" and not is_this_machine(email.host):
        told = f"mail goes to {email.host} without TLS, residents' names in it"
        found.append(warning(PART, told, 'set email.security to "starttls" or "tls"'))
    if email.sender.endswith("@localhost") and not is_this_machine(email.host):
        found.append(warning(PART, f"email.sender is {email.sender}: most servers drop such mail", "set email.sender"))
    if not settings.board.public_url:
        found.append(
            warning(
                PART, "emails carry no link to take an alert with", "set board.public_url, as staff reach the board"
            )
        )
    return found
