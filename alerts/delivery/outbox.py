"""Hands over what is owed, emergencies first, and fires the timers of incidents. The store holds all state.

Nothing here is lost by a crash: a message is `sending` until its fate is written, and is owed again at the next start
(docs/adr/0008). A gateway's trouble becomes a retry, another way to the same person, or the next person.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from alerts.delivery.contract import Fate, Handover
from alerts.incidents import outbox as owed
from alerts.incidents.timers import fire_due
from alerts.policy.options import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Row

    from alerts.delivery.contract import Channel, Letter
    from alerts.delivery.letters import Writer
    from alerts.incidents.contract import Desk
    from alerts.seams import Clock
    from alerts.store.database import Store

log = structlog.get_logger(__name__)
T = TypeVar("T")

POLL_S = 0.05
"""Real seconds between looks at the store when nobody wakes us: the engine writes from another thread."""
AT_ONCE = 16
"""Letters in the air of each channel: a mail server that hangs must not keep an SMS on the ground."""
FIRST_RETRY_S, LONGEST_RETRY_S = 2.0, 60.0
GIVE_UP_AFTER_S = 6 * 3600
"""A routine message that no gateway takes for so long has lost its sense; an emergency's is tried for ever."""
STORE_PAUSE_S = 0.5
SET_BY = {"sms": "sms.gateway", "email": "email.host"}
"""Channel -> the setting without which there is none (docs/settings.md)."""


class Outbox:
    """`channels`: one for each of `sms` and `email` that is set up; what goes by another fails, with the remedy."""

    def __init__(self, store: Store, channels: Sequence[Channel], writer: Writer, desk: Desk, clock: Clock) -> None:
        self._store = store
        self._channels = {channel.name: channel for channel in channels}
        self._writer = writer
        self.desk = desk
        self._clock = clock
        self._in_air = dict.fromkeys(owed.CHANNELS, 0)
        self.problems: dict[str, tuple[str, int]] = {}
        """Channel -> (what is wrong, since when in ns): cleared by the next letter handed over."""
        self.handed = 0
        self.last_round_s: float | None = None
        """`time.monotonic()` of the last look at what is owed."""

    async def run(self) -> None:
        """Until cancelled; letters in the air then stay `sending` and are owed again at the next start."""
        again = await self._insist(lambda: owed.owe_again(self._store))
        if again:
            log.warning("messages_owed_again", count=again)
        try:
            async with asyncio.TaskGroup() as letters:
                while True:
                    if not await self._round(letters):
                        await asyncio.sleep(POLL_S)
        finally:
            for channel in self._channels.values():
                await channel.close()

    async def _round(self, letters: asyncio.TaskGroup) -> int:
        """Fire timers, take what is owed, send it. Returns how many letters were begun."""
        now_ns = self._clock.now_ns()
        await self._insist(lambda: fire_due(self._store, now_ns, self.desk.roster, self.desk.options))
        due_ns = await self._insist(lambda: owed.next_owed(self._store))  # a look is cheaper than a transaction
        rows = await self._taken(now_ns) if due_ns is not None and due_ns <= now_ns else []
        for row in rows:
            self._in_air[row.channel] += 1
            letters.create_task(self._send(row))
        self.last_round_s = time.monotonic()
        return len(rows)

    async def _taken(self, now_ns: int) -> list[Row[Any]]:
        """What is due by each channel that has room."""
        rows: list[Row[Any]] = []
        for channel, in_air in self._in_air.items():
            room = AT_ONCE - in_air
            if room > 0:
                rows += await self._insist(partial(owed.take_owed, self._store, now_ns, room, (channel,)))
        return rows

    async def _send(self, row: Row[Any]) -> None:
        try:
            letter, handover = await self._handed_over(row)
            await self._settle(row, letter, handover)
        finally:
            self._in_air[row.channel] -= 1

    async def _handed_over(self, row: Row[Any]) -> tuple[Letter | None, Handover]:
        """A fault of this program costs one letter, and another way is found to its person: never the others."""
        try:
            letter = self._writer.letter(row)
            channel = self._channels.get(row.channel)
            return letter, _not_set_up(row.channel) if channel is None else await channel.send(letter)
        except Exception as error:
            log.exception("letter_failed", message=row.id, channel=row.channel)
            problem = f"message {row.id} cannot be sent by {row.channel}: {type(error).__name__}; see the log"
            return None, Handover(Fate.REFUSED, problem=problem)

    async def _settle(self, row: Row[Any], letter: Letter | None, handover: Handover) -> None:
        """Write the letter's fate; insisting, since a fate that is forgotten is a letter sent twice."""
        now_ns = self._clock.now_ns()
        if handover.fate is Fate.HANDED and letter is not None:
            self.problems.pop(row.channel, None)
            self.handed += 1
            words, gateway = (letter.subject, letter.body), self._channels[row.channel].gateway
            await self._insist(
                lambda: owed.mark_handed(self._store, row.id, gateway, handover.reference, words, now_ns)
            )
            return
        self.problems.setdefault(row.channel, (handover.problem, now_ns))
        retry_at_ns = _retry_at_ns(row, handover, now_ns)
        options = self.desk.options
        await self._insist(
            lambda: owed.mark_failed(self._store, row.id, handover.problem, now_ns, retry_at_ns, options=options)
        )

    async def _insist(self, change: Callable[[], T]) -> T:
        """Do it in a thread, again until the store takes it; each failure is said."""
        while True:
            try:
                return await asyncio.to_thread(change)
            except SQLAlchemyError as error:
                log.exception("store_failed", problem=str(error), remedy="see the disk and store.url; tried again")
                await asyncio.sleep(STORE_PAUSE_S)


def _not_set_up(channel: str) -> Handover:
    return Handover(Fate.REFUSED, problem=f"no {channel} is set up; set {SET_BY[channel]}")


def _retry_at_ns(row: Row[Any], handover: Handover, now_ns: int) -> int | None:
    """When to try again; None: never, another way is found at once."""
    if handover.fate in (Fate.REFUSED, Fate.LOCKED_OUT):
        return None
    if row.priority > 0 and now_ns - row.owed_ns > GIVE_UP_AFTER_S * NS_PER_S:
        return None
    pause_s = handover.retry_after_s or min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(row.tries, 16))
    return now_ns + int(pause_s * NS_PER_S)
