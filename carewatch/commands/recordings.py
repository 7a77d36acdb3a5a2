"""`record`, `replay`, `decode`: messages as files."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carewatch.commands.shared import Failed, current_settings, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from carewatch.clock import WallClock
    from carewatch.replay.recording import Recorded
    from carewatch.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="one JSON line instead of words")]


def record(
    file: Annotated[Path, typer.Argument(help="where to write; .gz compresses")],
    mqtt: Annotated[str | None, typer.Option(help="broker; default: mqtt.url of the settings")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="topic filter; repeatable; default: every source")] = None,
    count: Annotated[int, typer.Option(help="stop after so many messages; 0: until Ctrl-C")] = 0,
) -> None:
    """Write a live broker's messages to a new file, one JSON line each; Ctrl-C ends it in order."""
    settings = current_settings()
    with progress("record", count or None, quiet=False) as on_message:
        taken = asyncio.run(_taken(settings, file, mqtt, topic, count, on_message))
    typer.echo(f"{taken} messages in {file}", err=True)


async def _taken(
    settings: Settings,
    file: Path,
    url: str | None,
    filters: list[str] | None,
    count: int,
    on_message: Callable[[int], None],
) -> int:
    from carewatch.replay.take import take
    from carewatch.roles.life import told_to_end

    told = told_to_end()
    return await take(settings, file, url=url, filters=filters, count=count, told=told, on_message=on_message)


def replay(
    files: Annotated[
        list[Path], typer.Argument(help="recordings, minutes (.csv, .csv.gz) or captured frames (.jsonl)")
    ],
    mqtt: Annotated[str | None, typer.Option(help="broker to publish to; default: mqtt.url of the settings")] = None,
    speed: Annotated[float, typer.Option(help="times the recorded pace; 0: as fast as the broker takes it")] = 1.0,
    log: Annotated[
        Path | None, typer.Option(help="straight into a log of this name, through the same decoders")
    ] = None,
    as_json: Json = False,
) -> None:
    """Play recordings to a broker at any speed, or straight into a log. Nothing is played if a line is broken."""
    from carewatch.clock import WallClock
    from carewatch.logs import only_warnings
    from carewatch.replay.into_log import replay_into_log
    from carewatch.replay.source import messages_of

    _check(mqtt, speed, log)
    settings, clock = current_settings(), WallClock()
    now_ms = clock.now_ns() // 1_000_000
    messages = [m for file in files for m in messages_of(file, now_ms=now_ms, time_zone=settings.site.time_zone)]
    if log is not None:
        with only_warnings(), progress("replay", len(messages), quiet=as_json) as on_message:
            summary = replay_into_log(messages, log, settings, on_message)
    else:
        with progress("replay", len(messages), quiet=as_json) as on_message:
            summary = {"published": asyncio.run(_played(settings, mqtt, messages, clock, speed, on_message))}
    typer.echo(json.dumps(summary) if as_json else ", ".join(f"{value} {name}" for name, value in summary.items()))


def _check(mqtt: str | None, speed: float, log: Path | None) -> None:
    problem = None
    if not 0 <= speed < math.inf:
        problem = f"--speed {speed:g}: give a number from 0 on: 2 is twice the recorded pace, 0 as fast as can be"
    elif mqtt is not None and log is not None:
        problem = "--mqtt and --log: give one of them, where the messages are to go"
    if problem:
        typer.echo(problem, err=True)
        raise typer.Exit(code=2)


async def _played(
    settings: Settings,
    url: str | None,
    messages: list[Recorded],
    clock: WallClock,
    speed: float,
    on_message: Callable[[int], None],
) -> int:
    from carewatch.broker import mqtt_client
    from carewatch.replay.broker_away import broker_at
    from carewatch.replay.play import play

    with broker_at(url or settings.mqtt.url):
        return await play(messages, mqtt_client(settings.mqtt, url), clock, speed=speed, on_message=on_message)


def decode(
    format_name: Annotated[str, typer.Option("--format", help="native, owntracks, watch_3g, watch_iw or flat_json")],
    file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="one payload a line; default: standard input")
    ] = None,
    topic: Annotated[
        str, typer.Option(help="that they came on; the watch is where its source says, else the second level")
    ] = "",
    profile: Annotated[str, typer.Option(help="a file of config/devices/ without .toml; default: the source's")] = "",
) -> None:
    """Show what a decoder makes of payloads: JSON lines, every refusal with its reason. Exit 1 if any was refused."""
    from carewatch.clock import WallClock
    from carewatch.replay.decoding import Wanted, decoded_file

    arrival_ms = WallClock().now_ns() // 1_000_000
    lines = file.read_bytes().splitlines() if file else sys.stdin.buffer.read().splitlines()
    refused = 0
    for entry in decoded_file(Wanted(format_name, topic, profile), lines, current_settings(), arrival_ms):
        refused += "refused" in entry
        typer.echo(json.dumps(entry, ensure_ascii=False))
    if refused:
        raise Failed
