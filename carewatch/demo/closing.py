"""The demo's officers close what they took, through the API, as a program of the community's would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import structlog

if TYPE_CHECKING:
    from random import Random

    from carewatch.clock import ScaledClock

log = structlog.get_logger(__name__)

NS_PER_S = 1_000_000_000
LOOK_EVERY_S = 60
OUTCOMES = (("visited", "上门看过，一切正常"), ("false_alarm", "误触"), ("real", "已陪同就医"))


class Closing:
    """Each incident is closed 3 to 10 min of the demo's time after it was taken."""

    def __init__(self, board_url: str, token: str, clock: ScaledClock, rng: Random) -> None:
        self._base = f"{board_url}/api/v1/incidents"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._clock = clock
        self._rng = rng
        self._due_ns: dict[int, int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        async with httpx.AsyncClient(headers=self._headers, trust_env=False, timeout=10) as http:
            while True:
                await self._clock.sleep_until(self._clock.now_ns() + LOOK_EVERY_S * NS_PER_S)
                try:
                    await self._look(http)
                except httpx.HTTPError as error:
                    log.warning("demo_closing_failed", problem=str(error) or type(error).__name__)

    async def _look(self, http: httpx.AsyncClient) -> None:
        taken = (await http.get(self._base, params={"state": "acknowledged"})).raise_for_status().json()
        now_ns = self._clock.now_ns()
        for incident in taken["incidents"] if isinstance(taken, dict) else taken:
            due_ns = self._due_ns.setdefault(incident["id"], now_ns + self._rng.randrange(180, 600) * NS_PER_S)
            if due_ns <= now_ns:
                outcome, note = self._rng.choices(OUTCOMES, (6, 3, 1))[0]
                await http.post(f"{self._base}/{incident['id']}/resolve", json={"outcome": outcome, "note": note})
