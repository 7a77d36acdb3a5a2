"""Whether Kannel would take our messages, and can tell us what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from carewatch.doctor.bounded import TRY_S
from carewatch.doctor.finding import Finding, bad, good, not_set, warning
from carewatch.doctor.nearness import is_this_machine

if TYPE_CHECKING:
    from carewatch.settings import Settings, Sms

PART = "SMS"


async def sms(settings: Settings) -> list[Finding]:
    """Asks smsbox to send to nobody: it looks at user and password first, and then refuses."""
    if not settings.sms.gateway:
        return [not_set(PART, "no SMS is sent", 'set sms.gateway to "kannel"')]
    return [await _tried(settings.sms), *_callbacks(settings.sms), *_in_clear(settings.sms)]


async def _tried(chosen: Sms) -> Finding:
    who = {"username": chosen.username, "password": chosen.password.get_secret_value()}
    try:
        async with httpx.AsyncClient(timeout=TRY_S, trust_env=False) as client:
            answer = await client.get(chosen.url, params=who)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        return bad(PART, f"sms.url {chosen.url!r}: {error}", "write http://host:13013/cgi-bin/sendsms")
    except httpx.TimeoutException:
        return bad(PART, f"{chosen.url} does not answer within {TRY_S:g} s", "check that smsbox runs, and the firewall")
    except httpx.HTTPError as error:
        return bad(PART, f"{chosen.url}: {error or type(error).__name__}", "start Kannel's smsbox, or correct sms.url")
    return _told(chosen, answer)


def _told(chosen: Sms, answer: httpx.Response) -> Finding:
    words = f"{answer.status_code} {answer.text.strip()[:120]}"
    if answer.status_code == httpx.codes.BAD_REQUEST and "receiver" in answer.text:
        return good(PART, f"{chosen.url} knows us and would take messages")
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        remedy = "correct sms.username and CAREWATCH_SMS__PASSWORD; in kannel.conf see sendsms-user, also user-allow-ip"
        return bad(PART, f"{chosen.url} refuses us ({words})", remedy)
    if answer.status_code == httpx.codes.NOT_FOUND:
        return bad(PART, f"no sendsms at {chosen.url} ({words})", "correct sms.url; Kannel's is /cgi-bin/sendsms")
    return bad(PART, f"{chosen.url} answers unlike Kannel's smsbox ({words})", "correct sms.url; see smsbox's log")


def _callbacks(chosen: Sms) -> list[Finding]:
    found = []
    if not chosen.callback_secret.get_secret_value():
        told = "sms.callback_secret is empty: receipts and officers' replies are refused"
        found.append(bad(PART, told, "set CAREWATCH_SMS__CALLBACK_SECRET (or ..._FILE), and put it in kannel.conf"))
    if not chosen.callback_url:
        told = "no delivery receipts are asked for: what did not arrive is noticed only when nobody answers"
        found.append(warning(PART, told, "set sms.callback_url to the board as Kannel reaches it"))
    if not chosen.sender:
        remedy = "set sms.sender to the number that replies come to"
        found.append(warning(PART, "sms.sender is empty: the gateway chooses who the SMS comes from", remedy))
    return found


def _in_clear(chosen: Sms) -> list[Finding]:
    url = httpx.URL(chosen.url)
    if url.scheme == "https" or is_this_machine(url.host):
        return []
    told = f"messages and the password go to {url.host} without TLS, residents' names in them"
    return [warning(PART, told, "use https://, or a network that is yours alone")]
