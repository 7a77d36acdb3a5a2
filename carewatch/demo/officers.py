"""The demo's duty staff: most alarms they take by replying with the code, some they leave for you."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from carewatch.clock import ScaledClock
    from carewatch.demo.phones import Phones, Sms

CODE = re.compile(r"(?:回复|Reply )([2-9A-HJ-NP-Z]{3,8})")
NS_PER_S = 1_000_000_000


class Officers:
    """`answers_pct`: how many in a hundred messages they answer. Thinking takes 20 s to 2 min of the demo's time."""

    def __init__(self, clock: ScaledClock, rng: Random, *, answers_pct: int = 70) -> None:
        self._clock = clock
        self._rng = rng
        self._answers_pct = answers_pct
        self._inbox: asyncio.Queue[Sms] = asyncio.Queue()

    def read(self, sms: Sms) -> None:
        """A message has come to a phone."""
        self._inbox.put_nowait(sms)

    async def run(self, phones: Phones) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as thinking:
            while True:
                sms = await self._inbox.get()
                code = CODE.search(sms.text)
                if code and self._rng.randrange(100) < self._answers_pct:
                    thinking.create_task(self._answer(phones, sms.receiver, code[1]))

    async def _answer(self, phones: Phones, phone: str, code: str) -> None:
        await self._clock.sleep_until(self._clock.now_ns() + self._rng.randrange(20, 120) * NS_PER_S)
        await phones.reply(phone, code)
