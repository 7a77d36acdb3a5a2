"""What an officer is told in answer to a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.delivery.messages.catalogue import say
from alerts.delivery.messages.words import who
from alerts.incidents.contract import ActionResult
from alerts.store.messages import messages_of
from alerts.store.people import find_officer

if TYPE_CHECKING:
    from alerts.incidents.contract import ActionAnswer
    from alerts.store.database import Store

KEYS = {
    ActionResult.DONE: "reply.done",
    ActionResult.ALREADY_TAKEN: "reply.already_taken",
    ActionResult.NOT_OPEN: "reply.not_open",
    ActionResult.WRONG_SENDER: "reply.wrong_sender",
}


def reply_words(store: Store, answer: ActionAnswer | None, language: str) -> str:
    """In the officer's language where a code says who it is. `answer` None: there was no code in the reply."""
    if answer is None:
        return say(language, "reply.no_code")
    with store.reading() as connection:
        officer = find_officer(connection, answer.officer_id)
        messages = messages_of(connection, answer.incident_id) if answer.incident_id is not None else []
    spoken = officer.language if officer is not None else language
    person = who(messages[0].variables, spoken) if messages else ""
    return say(spoken, KEYS.get(answer.result, "reply.unknown_code"), who=person, holder=answer.holder_name)
