"""Everything around the town: broker, phones, mailbox, InfluxDB, people, and the roles in their own processes."""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import httpx
import uvicorn
from iotcore import Broker

from carewatch.clock import ScaledClock, WallClock
from carewatch.demo.influx import demo_influx, make_bucket
from carewatch.demo.installation import ACCOUNT, Installation, choose_ports, install
from carewatch.demo.mailbox import Mailbox
from carewatch.demo.officers import Officers
from carewatch.demo.phones import Phones
from carewatch.influx import influx_options
from carewatch.logs import set_up_logs
from carewatch.owners import alerts_owner, ingest_owner
from carewatch.supervisor import Supervisor
from simulator.options import DEMO, SimulationOptions, morning_of
from simulator.town import Town, build_town, residents_csv

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from carewatch.demo.options import DemoOptions
    from carewatch.demo.phones import Sms
    from carewatch.demo.screen import Screen

NS_PER_MS = 1_000_000
START_HOUR = 10
"""Local: a demo shows a day, not a night."""
MAX_PAYLOAD_BYTES = 1 << 20
START_WITHIN_S = 60.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Stage:
    """Ready but for the roles, which `play` starts."""

    options: DemoOptions
    screen: Screen
    clock: ScaledClock
    installation: Installation
    simulation: SimulationOptions
    town: Town
    phones: Phones
    officers: Officers
    rng: Random

    @property
    def log_file(self) -> Path:
        """Where the roles write."""
        return self.installation.folder / "carewatch.log"


async def build_stage(options: DemoOptions, screen: Screen, closing: AsyncExitStack) -> Stage:
    """Start what stands around the program; `closing` ends it all in order."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="carewatch-demo-"))
    set_up_logs(role="demo", file=folder / "demo.log")
    ports = await asyncio.to_thread(choose_ports, options.port)
    influx = await demo_influx(options.influx, folder, (ports.influx, ports.influx_rpc))
    closing.push_async_callback(influx.stop)
    simulation = SimulationOptions(
        residents=options.residents,
        seed=options.seed,
        start_ms=morning_of(WallClock().now_ns() // NS_PER_MS, hour=START_HOUR),
        episodes=DEMO,
    )
    clock = ScaledClock(options.speed, simulation.start_ms * NS_PER_MS)
    installation = install(options, folder, ports, clock, influx.url, screen.language)
    if influx.url and (problem := await make_bucket(influx_options(installation.settings))):
        screen.say("influx_refuses", problem=problem)
    town = build_town(simulation)
    await asyncio.to_thread(_settle, installation, residents_csv(town, simulation))
    rng = Random(options.seed)  # noqa: S311 - people's whims, no secret
    officers = Officers(clock, rng)
    phones = await _phones(installation, screen, officers, closing)
    mailbox = Mailbox(ports.mail, screen.on_email)
    mailbox.start()
    closing.callback(mailbox.stop)
    broker = Broker(port=ports.broker, listen="127.0.0.1", max_payload_size=MAX_PAYLOAD_BYTES)
    await asyncio.to_thread(broker.start)
    closing.callback(broker.stop)
    return Stage(options, screen, clock, installation, simulation, town, phones, officers, rng)


def supervisor_of(stage: Stage, closing: AsyncExitStack) -> Supervisor:
    """The roles as `carewatch run` runs them, writing to a file instead of over the summary."""
    output = closing.enter_context(stage.log_file.open("ab"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CAREWATCH_")}
    return Supervisor({**kept, **stage.installation.environment}, output)


async def until_up(stage: Stage) -> None:
    """Return when the board answers and ingest hears the broker. TimeoutError if that takes a minute."""
    async with asyncio.timeout(START_WITHIN_S), httpx.AsyncClient(trust_env=False, timeout=5) as http:
        while True:
            try:
                problems = (await http.get(f"{stage.installation.board_url}/healthz")).json()
            except (httpx.HTTPError, ValueError):
                problems = None
            if problems is not None and not any(problem["grave"] for problem in problems):
                return
            await asyncio.sleep(POLL_S)


def _settle(installation: Installation, residents: str) -> None:
    """Watches and residents, before any role runs."""
    body = residents.encode()
    watch_ids = [line.split(",", 1)[0] for line in residents.splitlines()[1:]]
    ingest_owner(installation.settings).register(watch_ids)
    alerts_owner(installation.settings).residents(body, skip_bad=False)


async def _phones(installation: Installation, screen: Screen, officers: Officers, closing: AsyncExitStack) -> Phones:
    password = installation.settings.sms.password.get_secret_value()

    def arrived(sms: Sms) -> None:
        screen.on_sms(sms)
        officers.read(sms)

    phones = Phones(ACCOUNT, password, installation.reply_url, arrived)
    configuration = uvicorn.Config(
        phones.app, host="127.0.0.1", port=installation.ports.sms, log_config=None, access_log=False, lifespan="off"
    )
    server = uvicorn.Server(configuration)
    serving = asyncio.create_task(server._serve())  # noqa: SLF001 - serve() would take over our signals
    closing.push_async_callback(_stopped, server, serving)
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by an attribute
        await asyncio.sleep(POLL_S)
    return phones


async def _stopped(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    server.should_exit = True
    await serving
