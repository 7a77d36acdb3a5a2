"""SMS through Kannel's smsbox (sendsms over HTTP). 202 means accepted, not delivered: receipts come to dlr-url.

Source: Kannel user guide, chapter "Using the HTTP interface to send SMS messages".
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

import httpx

from alerts.delivery.contract import Fate, Handover, Letter

DELIVERED, FAILED, BUFFERED, SMSC_ACCEPTED, SMSC_REFUSED = 1, 2, 4, 8, 16
DLR_MASK = DELIVERED | FAILED | BUFFERED | SMSC_ACCEPTED | SMSC_REFUSED


@dataclass(frozen=True, slots=True)
class KannelOptions:
    """`callback_url`: carewatch as Kannel reaches it, without a slash at the end; empty: no receipts are asked for."""

    url: str
    username: str
    password: str
    sender: str = ""
    callback_url: str = ""
    callback_secret: str = ""
    timeout_s: float = 10.0


class Kannel:
    """The channel `sms`."""

    name = "sms"
    gateway = "kannel"

    def __init__(self, options: KannelOptions) -> None:
        self._options = options
        # Only loopback and named gateways are spoken to: no proxy of the machine's environment comes between.
        self._http = httpx.AsyncClient(timeout=options.timeout_s, trust_env=False)

    async def send(self, letter: Letter) -> Handover:
        """Ask smsbox to take the letter. A time-out is tried again: late is worse than a rare doubled SMS."""
        try:
            answer = await self._http.get(self._options.url, params=self._parameters(letter))
        except httpx.HTTPError as error:
            return Handover(
                Fate.TRY_AGAIN,
                problem=f"Kannel at {self._options.url}: {error or type(error).__name__}; is smsbox running there?",
            )
        return _judged(answer, self._options.url)

    async def close(self) -> None:
        """Close the HTTP connections."""
        await self._http.aclose()

    def _parameters(self, letter: Letter) -> dict[str, str]:
        options = self._options
        parameters = {
            "username": options.username,
            "password": options.password,
            "to": letter.address,
            "text": letter.body,
            "charset": "UTF-8",
            "coding": "0" if letter.body.isascii() else "2",
            "priority": "3" if letter.is_urgent else "1",
        }
        if options.sender:
            parameters["from"] = options.sender
        if options.callback_url:
            parameters["dlr-mask"] = str(DLR_MASK)
            parameters["dlr-url"] = self._receipt_url(letter.message_id)
        return parameters

    def _receipt_url(self, message_id: int) -> str:
        query = urlencode({"secret": self._options.callback_secret, "message": message_id}, quote_via=quote)
        # Kannel fills in %d (the receipt's type) and %A (the SMSC's words) itself.
        return f"{self._options.callback_url}/gateways/kannel/receipt?{query}&type=%d&answer=%A"


def _judged(answer: httpx.Response, url: str) -> Handover:
    words = answer.text.strip()[:200]
    if answer.status_code == httpx.codes.ACCEPTED:
        return Handover(Fate.HANDED, reference=words)
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return Handover(
            Fate.LOCKED_OUT,
            problem=f"Kannel at {url} refuses us ({answer.status_code} {words}); check sms.username and its password",
        )
    if answer.status_code == httpx.codes.BAD_REQUEST:
        return Handover(Fate.REFUSED, problem=f"Kannel refuses this message ({words})")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return Handover(Fate.LOCKED_OUT, problem=f"nothing answers at {url} (404); check sms.url")
    return Handover(Fate.TRY_AGAIN, problem=f"Kannel at {url} answers {answer.status_code} {words}")
