"""Message rows become letters: the words, in the person's language, with the link where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from alerts.delivery.contract import Letter
from alerts.delivery.links import link_url
from alerts.delivery.messages.words import Words, email_words, sms_words

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy import Row

log = structlog.get_logger(__name__)

URGENT = 0
"""Priority of a message of an emergency."""


@dataclass(frozen=True, slots=True)
class Writer:
    """`public_url`: the board as staff reach it; empty: emails carry no link. `secret` signs the links."""

    zone: ZoneInfo
    public_url: str
    secret: str

    def letter(self, row: Row[Any]) -> Letter:
        """In the catalogue's words; if those fail, in the barest ones: an alarm is never kept back for its wording."""
        try:
            words = self._worded(row)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            log.exception("message_cannot_be_worded", message=row.id, template=row.template, problem=repr(error))
            words = _bare(row)
        return Letter(row.id, row.address, words.subject, words.body, row.priority == URGENT)

    def _worded(self, row: Row[Any]) -> Words:
        if row.channel == "sms":
            return sms_words(row.template, row.variables, row.language, self.zone, row.reply_code)
        token_id = row.variables.get("link_token_id")
        link = link_url(self.public_url, self.secret, token_id) if token_id and self.public_url else None
        return email_words(row.template, row.variables, row.language, self.zone, row.reply_code, link)


def _bare(row: Row[Any]) -> Words:
    told = row.variables
    text = " ".join(str(told.get(key) or "") for key in ("severity", "message", "watch_id", "name", "address", "phone"))
    return Words(text if row.channel == "email" else "", f"{text} {row.reply_code or ''}".strip())
