"""What the hub asks: has anything changed, and what does a board look like now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.incidents.read import board_mark
from board.duty_view import board_view
from board.hub import Rendered
from board.render import digest

if TYPE_CHECKING:
    from board.front import Front
    from board.hub import View


class Watching:
    """Both methods block on the store."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def version(self) -> object:
        """Two numbers that move whenever an incident does."""
        return board_mark(self._front.context.store)

    def board(self, view: View) -> Rendered:
        """The lists, the protection block and who is on duty."""
        board = board_view(self._front.context, view.language, may_act=view.may_act)
        return Rendered(
            digest(board), self._front.text("stream.html", view.language, board=board, on_duty=board.on_duty)
        )
