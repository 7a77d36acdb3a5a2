"""The role `ingest`: broker, log, receipts and the InfluxDB writer, wired together."""

from __future__ import annotations

import random
from contextlib import ExitStack
from typing import TYPE_CHECKING

from carewatch.broker import subscriber_options
from carewatch.control import ControlSocket
from carewatch.influx import influx_options
from carewatch.places import control_socket, set_aside_file, status_file
from carewatch.roles.ingest_parts import Parts
from carewatch.roles.ingest_problems import IngestProblems
from carewatch.roles.ingest_status import ingest_status
from carewatch.roles.life import clock_of, keep_status, live, stay_out_of_collections
from carewatch.roles.preparing import preparation_of
from carewatch.roles.quarantine_actions import quarantine_actions
from carewatch.roles.watch_actions import watch_actions, watch_counts
from carewatch.sources import ConfiguredSources
from ingest.influx.refused import RefusedPoints
from ingest.influx.server import InfluxServer
from ingest.influx.writer import CONSUMER, InfluxWriter
from ingest.intake import Intake
from ingest.log.aging import Aging, age_for_ever
from ingest.log.room import MB, DiskRoom, RoomOptions
from ingest.log.sqlite import SqliteLog
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.mqtt.subscriber import Subscriber
from ingest.normalise.seen_restore import keep_all
from ingest.pipeline import Ingest, IngestOptions
from ingest.receipts import Receipts
from ingest.seams import now_ms
from ingest.watches import Watches

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from carewatch.clock import ScaledClock, WallClock
    from carewatch.settings import Settings

LEAST_TICK_S = 0.1
"""Real seconds: a demo at 60x ticks each 6 s of its time, not 60 times a second."""


async def run_ingest(settings: Settings) -> None:
    """Until told to end. Raises with the remedy if something cannot be as it is set up."""
    with ExitStack() as closing:
        parts = build(settings, closing)
        stay_out_of_collections()
        actions = watch_actions(parts.reading_log, parts.watches, parts.ingest.between_commits)
        actions |= quarantine_actions(parts) | watch_counts(parts)
        problems = IngestProblems(parts)
        control = ControlSocket(control_socket(settings, "ingest"), actions)
        tasks: list[Coroutine[Any, Any, object]] = [
            parts.ingest.run(),
            age_for_ever(parts.aging),
            control.run(),
            keep_status(status_file(settings, "ingest"), lambda: ingest_status(parts, problems)),
        ]
        if parts.writer is not None:
            tasks.append(parts.writer.run())
        try:
            await live(*tasks)
        finally:
            if parts.influx is not None:
                await parts.influx.aclose()


def build(settings: Settings, closing: ExitStack) -> Parts:
    """Wire the role without starting it; what must be closed is left to `closing`."""
    clock = clock_of(settings)
    sources = ConfiguredSources.of(settings)
    filters = sources.sources.subscriptions()
    reading_log = SqliteLog(settings.log.path, settings.log.quarantine_mb * MB)
    closing.callback(reading_log.close)
    watches = Watches.of_rows(reading_log.watch_rows())
    preparation = preparation_of(settings, sources, reading_log, watches, now_ms(clock))
    closing.callback(keep_all, reading_log, preparation.seen)  # the next start has nothing to fold
    intake = Intake(
        _session(settings, "-emergency", filters.emergency, clock), _session(settings, "", filters.other, clock)
    )
    receipts = Receipts(preparation.seen, watches.id_at)
    options = IngestOptions(max(1.0, LEAST_TICK_S * settings.clock.speed), settings.log.keep_days)
    room = DiskRoom(
        settings.log.path,
        RoomOptions(settings.log.warn_free_mb * MB, settings.log.shed_free_mb * MB),
        reading_log.ballast,
    )
    ingest = Ingest(reading_log, intake, preparation, receipts, clock, options, room)
    parts = Parts(settings, clock, reading_log, watches, preparation, ingest, room, Aging(reading_log))
    if settings.influx.url:
        parts.influx = InfluxServer(influx_options(settings))
        parts.writer = _writer(settings, parts.influx, clock, closing)
    else:
        reading_log.drop_place(CONSUMER)  # or its old place would hold pruning up for ever
    return parts


def _session(settings: Settings, suffix: str, filters: tuple[str, ...], clock: WallClock | ScaledClock) -> Subscriber:
    spread = random.Random()  # noqa: S311 - spreads reconnects, no secret
    return Subscriber(
        subscriber_options(settings.mqtt, suffix), filters, clock=clock, rng=spread, on_change=lambda _state: None
    )


def _writer(
    settings: Settings, influx: InfluxServer, clock: WallClock | ScaledClock, closing: ExitStack
) -> InfluxWriter:
    reader = SqliteLogReader(settings.log.path)
    closing.callback(reader.close)
    refused = RefusedPoints(set_aside_file(settings))
    return InfluxWriter(reader, influx, influx_options(settings), refused, clock, site=settings.site.name)
