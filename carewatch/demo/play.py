"""The demo from its first word to its summary. Start here."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from alerts.store.database import open_store
from carewatch.demo.closing import Closing
from carewatch.demo.screen import Screen
from carewatch.demo.stage import Stage, build_stage, supervisor_of, until_up
from carewatch.demo.standing import Standing, is_settled, standing
from carewatch.demo.summary import Witness, summary
from carewatch.demo.words import language_of
from carewatch.owners import alerts_owner
from carewatch.places import status_file
from carewatch.status import read_status
from simulator.run import run_town

if TYPE_CHECKING:
    from alerts.store.database import Store
    from carewatch.demo.options import DemoOptions

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
SETTLE_WITHIN_S = 20.0
OFFICER = "lijing"


class Over(Exception):  # noqa: N818 - no error: the way to end a group of tasks
    """The demo has run its time, or was asked to end."""


async def play_demo(options: DemoOptions) -> bool:
    """Play, and print the summary. False if an emergency was missed or a reading lost."""
    screen = Screen(language_of(os.environ), options.as_json)
    screen.say("starting", residents=options.residents)
    told = _asked_to_end()
    async with AsyncExitStack() as ending:
        stage = await build_stage(options, screen, ending)
        result = await _played(stage, told, ending)
    _print(screen, options, result)
    screen.say("kept", folder=stage.installation.folder)
    if options.as_json:
        print(json.dumps(result, ensure_ascii=False))  # noqa: T201 - the last line of standard output is the summary
    return not result["truth"]["missed"] and not result["readings"]["lost"]


async def _played(stage: Stage, told: asyncio.Event, ending: AsyncExitStack) -> dict[str, Any]:
    witness = Witness()
    roles = asyncio.create_task(supervisor_of(stage, ending).run(("ingest", "alerts")))
    try:
        await _first_of(roles, until_up(stage), told.wait())
        store = ending.enter_context(closing(open_store(stage.installation.settings.store.url, read_only=True)))
        if not told.is_set():
            _introduce(stage)
            await _live(stage, store, witness, roles, told)
            stage.screen.say("ending")
            await _settled(stage, store)
        status = read_status(status_file(stage.installation.settings, "ingest"))
    finally:
        roles.cancel()
        await asyncio.gather(roles, return_exceptions=True)
    return summary(store, status, witness, speed=stage.options.speed, residents=stage.options.residents)


def _introduce(stage: Stage) -> None:
    """Where things are."""
    screen, installation = stage.screen, stage.installation
    path = alerts_owner(installation.settings).sign_in_link(OFFICER)
    if stage.options.port not in (0, installation.ports.board):
        screen.say("port_taken", wished=stage.options.port, port=installation.ports.board)
    screen.say("board", officer="李静", url=installation.board_url + path)
    influx = installation.settings.influx.url
    screen.say("influx" if influx else "no_influx", url=influx)
    screen.say("files", folder=installation.folder)
    if stage.options.lasts_s is None:
        screen.say("stop")


async def _live(stage: Stage, store: Store, witness: Witness, roles: asyncio.Task[None], told: asyncio.Event) -> None:
    """The town lives, officers answer, the status line renews itself: until the time is over."""
    began_ns = stage.clock.now_ns()
    witness.began_ms = began_ns // NS_PER_MS
    lasts_s, speed = stage.options.lasts_s, stage.options.speed
    until_ns = None if lasts_s is None else began_ns + int(lasts_s * speed * NS_PER_S)
    token = alerts_owner(stage.installation.settings).api_token(OFFICER)
    closer = Closing(stage.installation.board_url, token, stage.clock, stage.rng)
    stage.screen.begin()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_town(stage, witness, until_ns))
            group.create_task(stage.officers.run(stage.phones))
            group.create_task(closer.run())
            group.create_task(_status_line(stage, store, witness))
            group.create_task(_until(roles, told))
    except* Over:
        pass
    finally:
        witness.ended_ms = stage.clock.now_ns() // NS_PER_MS if until_ns is None else until_ns // NS_PER_MS
        stage.screen.end()


async def _town(stage: Stage, witness: Witness, until_ns: int | None) -> None:
    await run_town(
        stage.town,
        replace(stage.simulation, start_ms=witness.began_ms),
        broker_host="127.0.0.1",
        broker_port=stage.installation.ports.broker,
        clock=stage.clock,
        on_publish=witness.on_publish,
        on_episode=witness.truths.append,
        until_ns=until_ns,
    )
    raise Over


async def _until(roles: asyncio.Task[None], told: asyncio.Event) -> None:
    await _first_of(roles, told.wait())
    raise Over


async def _status_line(stage: Stage, store: Store, witness: Witness) -> None:
    zone = ZoneInfo(stage.installation.settings.site.time_zone)
    while True:
        now: Standing = await asyncio.to_thread(standing, stage.installation.settings, store)
        shown = datetime.fromtimestamp(stage.clock.now_ns() / NS_PER_S, zone).strftime("%H:%M")
        stage.screen.status(
            clock=shown,
            published=witness.published,
            committed=now.committed,
            alerts=now.alerts,
            waiting=now.waiting,
            sms=len(stage.screen.sms),
            email=len(stage.screen.emails),
        )
        await asyncio.sleep(1.0)


async def _settled(stage: Stage, store: Store) -> None:
    """Everything published has been judged, and everything owed handed over; bounded."""
    try:
        async with asyncio.timeout(SETTLE_WITHIN_S):
            calm = 0
            while calm < 3:  # three looks in a row: a role writes its status once a second
                calm = calm + 1 if await asyncio.to_thread(is_settled, stage.installation.settings, store) else 0
                await asyncio.sleep(0.5)
    except TimeoutError:
        stage.screen.say("role_failed", file=stage.log_file)


async def _first_of(roles: asyncio.Task[None], *works: Any) -> None:
    """Until one of the works is done. If the roles end first, with their reason."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait([roles, *tasks], return_when=asyncio.FIRST_COMPLETED)
        if roles.done():
            roles.result()
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()


def _asked_to_end() -> asyncio.Event:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


def _print(screen: Screen, options: DemoOptions, result: dict[str, Any]) -> None:
    latency = result["latency_s"]
    rules = ", ".join(f"{rule} {count}" for rule, count in result["alerts"]["by_rule"].items())
    by_rule = screen.word("by_rule", rules=rules) if rules else ""
    screen.say("ended", speed=options.speed, minutes=result["minutes"], residents=options.residents)
    screen.say("readings", **result["readings"])
    screen.say("alerts", fired=result["alerts"]["fired"], by_rule=by_rule)
    screen.say("truth", **result["truth"])
    screen.say("messages", **result["messages"])
    if latency["count"]:
        p50, p99 = latency["published_to_handed_p50"], latency["published_to_handed_p99"]
        screen.say("latency", p50=p50, p99=p99, count=latency["count"])
