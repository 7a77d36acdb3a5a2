"""What became of an action, in words and as an HTTP status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.incidents.contract import ActionResult
from board.words import say

if TYPE_CHECKING:
    from alerts.incidents.contract import ActionAnswer

LOST = frozenset(
    {ActionResult.ALREADY_TAKEN, ActionResult.NOT_OPEN, ActionResult.STALE_VERSION, ActionResult.LINK_USED}
)
UNKNOWN = frozenset({ActionResult.UNKNOWN_INCIDENT, ActionResult.UNKNOWN_LINK})
GONE = frozenset({ActionResult.LINK_EXPIRED})


def status_of(result: ActionResult) -> int:
    """200 done, 409 somebody was faster, 404 there is none, 410 too old, 422 something is missing."""
    if result is ActionResult.DONE:
        return 200
    if result in LOST:
        return 409
    if result in UNKNOWN:
        return 404
    return 410 if result in GONE else 422


def outcome_text(answer: ActionAnswer, language: str) -> str:
    """`王强已接单`, `Real needs a note`, ..."""
    return say(language, f"answer.{answer.result.value}", holder=answer.holder_name or say(language, "row.nobody"))
