"""One task watches the store; each (language, may act) is rendered once per change and fanned out to every stream.

A stream that can't keep up loses what is superseded, never the newest: its queue holds one board and one beat.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from board.render import page_build

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from board.context import BoardContext

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class View:
    """What a stream shows. Streams with the same view get the same bytes."""

    language: str
    may_act: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """A board as HTML, and a digest that is equal while nothing on it has changed (elapsed times aside)."""

    digest: str
    html: str


@dataclass(slots=True)
class Stream:
    """One browser's queue."""

    view: View
    board: bytes | None = None
    beat: bytes | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False

    async def frames(self) -> AsyncIterator[bytes]:
        """What to send, the newest first of all, until the stream is closed."""
        while not self.is_over:
            await self.wake.wait()
            self.wake.clear()
            board, beat = self.board, self.beat
            self.board = self.beat = None
            if beat is not None:
                yield beat
            if board is not None:
                yield board


class Hub:
    """`run` is the one task; it lives as long as the board does.

    `version_of` reads what changes whenever a board may have changed; `render` makes a board. Both block on the store
    and are called in a thread.
    """

    def __init__(
        self, context: BoardContext, version_of: Callable[[], object], render: Callable[[View], Rendered]
    ) -> None:
        self._context = context
        self._version_of = version_of
        self._render = render
        self._streams: dict[View, list[Stream]] = {}
        self._shown: dict[View, tuple[str, bytes]] = {}
        self._changed = asyncio.Event()
        self._read_at = time.monotonic()
        self._is_failing = False

    def poke(self) -> None:
        """Something was just changed here: look at once."""
        self._changed.set()

    async def open(self, view: View) -> Stream:
        """A stream that begins with a beat and the whole board."""
        stream = Stream(view)
        if view not in self._shown or view not in self._streams:
            rendered = await asyncio.to_thread(self._render, view)
            self._shown[view] = (rendered.digest, board_frame(rendered.html))
        self._streams.setdefault(view, []).append(stream)
        stream.board, stream.beat = self._shown[view][1], self._beat()
        stream.wake.set()
        return stream

    def close(self, stream: Stream) -> None:
        """The browser has gone."""
        left = self._streams[stream.view]
        left.remove(stream)
        if not left:
            del self._streams[stream.view]

    def close_all(self) -> None:
        """The server stops: let every stream end, so that it need not wait for browsers to go."""
        for streams in self._streams.values():
            for stream in streams:
                stream.is_over = True
                stream.wake.set()

    @property
    def streams(self) -> int:
        """How many are open."""
        return sum(len(streams) for streams in self._streams.values())

    async def run(self) -> None:
        """Look every `poll_s`, render on change and with every beat, beat every `beat_s`. Until cancelled.

        A store that can't be read is logged once and told to every browser by its age in the beats; the next look
        tries again.
        """
        options = self._context.options
        version: object = None
        next_beat = 0.0
        while True:
            is_beat = time.monotonic() >= next_beat
            if is_beat:
                next_beat = time.monotonic() + options.beat_s
            fresh = await self._look(version)
            if fresh is not None and (is_beat or fresh != version) and await self._render_all():
                version = fresh
            if is_beat:
                self._send_beat()
            await self._pause(options.poll_s)

    async def _pause(self, poll_s: float) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), poll_s)
        except TimeoutError:
            return
        self._changed.clear()

    async def _look(self, version: object) -> object | None:
        if not self._streams:
            self._read_at = time.monotonic()  # nobody looks, nobody is misled
            return version
        try:
            fresh = await asyncio.to_thread(self._version_of)
        except SQLAlchemyError as error:
            self._failed(error)
            return None
        return fresh

    async def _render_all(self) -> bool:
        try:
            for view in list(self._streams):
                self._show(view, await asyncio.to_thread(self._render, view))
        except SQLAlchemyError as error:
            self._failed(error)
            return False
        self._read_at = time.monotonic()
        if self._is_failing:
            self._is_failing = False
            log.info("board_reads_the_store_again")
        return True

    def _show(self, view: View, rendered: Rendered) -> None:
        if self._shown.get(view, ("", b""))[0] == rendered.digest:
            return
        self._shown[view] = (rendered.digest, board_frame(rendered.html))
        for stream in self._streams.get(view, ()):
            stream.board = self._shown[view][1]
            stream.wake.set()

    def _failed(self, error: SQLAlchemyError) -> None:
        if not self._is_failing:
            log.error("board_cannot_read_the_store", error=str(error))
        self._is_failing = True

    def _send_beat(self) -> None:
        beat = self._beat()
        for streams in self._streams.values():
            for stream in streams:
                stream.beat = beat
                stream.wake.set()

    def _beat(self) -> bytes:
        ages = self._context.ages()
        said = {
            "now_ms": self._context.clock.now_ns() // 1_000_000,
            "build": page_build(self._context.options),
            "data_s": ages.data_s,
            "engine_s": ages.engine_s,
            "notifier_s": ages.notifier_s,
            "store_s": round(time.monotonic() - self._read_at, 1),
        }
        return b"event: beat\ndata: " + json.dumps(said).encode() + b"\n\n"


def board_frame(html: str) -> bytes:
    """As a server-sent event."""
    lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return f"event: board\n{lines}\n".encode()
