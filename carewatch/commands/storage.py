"""`log`, `influx`, `alerts`: what is kept, and where it goes."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carewatch.commands.shared import Failed, current_settings, refusing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carewatch.settings import Settings
    from ingest.log.contract import LogReader, Record

logs = typer.Typer(help="The reading log.", no_args_is_help=True)
influx = typer.Typer(help="InfluxDB.", no_args_is_help=True)
alerts = typer.Typer(help="Alerts as files.", no_args_is_help=True)


@logs.command()
def inspect(
    after: Annotated[
        int | None, typer.Option(help="show records after this offset; default: the newest", min=0)
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="from HH:MM[:SS] of today or 'YYYY-MM-DD HH:MM[:SS]' on, in the site's zone; or epoch ms"),
    ] = None,
    count: Annotated[int, typer.Option(help="how many records", min=1)] = 20,
    readings: Annotated[bool, typer.Option("--readings", help="and each of their readings, a line each")] = False,
) -> None:
    """Records as JSON lines: offset, kind, log time, how many readings; and the readings themselves."""
    from zoneinfo import ZoneInfo

    from carewatch.shown import record_lines
    from ingest.log.sqlite_reader import SqliteLogReader

    settings = current_settings()
    zone = ZoneInfo(settings.site.time_zone)
    with closing(SqliteLogReader(settings.log.path)) as reader:
        id_of = [watch.watch_id for watch in reader.watches()].__getitem__ if readings else str
        for record in _records(reader, _first(settings, reader, after, at, count), count):
            for line in record_lines(record, id_of, zone, with_readings=readings):
                typer.echo(json.dumps(line, ensure_ascii=False))


def _first(settings: Settings, reader: LogReader, after: int | None, at: str | None, count: int) -> int:
    """The offset before the first record to show."""
    from carewatch.moments import from_ms
    from carewatch.roles.life import clock_of

    if at is None:
        return max(0, reader.end() - count) if after is None else after
    if after is not None:
        typer.echo("--after and --at: give one of them", err=True)
        raise typer.Exit(code=2)
    with refusing():
        now_ms = clock_of(settings).now_ns() // 1_000_000
        return reader.offset_before(from_ms(at, settings.site.time_zone, now_ms))


def _records(reader: LogReader, after: int, count: int) -> Iterator[Record]:
    """As many as asked for: a read may give fewer, where they are large."""
    while count > 0 and (records := reader.read(after, count)):
        yield from records
        after, count = records[-1].offset, count - len(records)


@logs.command()
def verify() -> None:
    """Check every record's checksum."""
    from ingest.log.sqlite_reader import SqliteLogReader

    with closing(SqliteLogReader(current_settings().log.path)) as reader:
        typer.echo(f"{reader.verify()} records are whole")
        for first, last, file in reader.set_aside():
            typer.echo(f"records {first}..{last} were set aside: they are empty, and {file} has what stood there")


@logs.command()
def prune(before_days: Annotated[int, typer.Option(help="drop records older than this; at least 30", min=30)]) -> None:
    """Drop old records that every consumer has read. ingest must not be running; it prunes by itself."""
    from carewatch.clock import WallClock
    from ingest.log.sqlite import SqliteLog

    with closing(SqliteLog(current_settings().log.path)) as reading_log:
        before_ms = WallClock().now_ns() // 1_000_000 - before_days * 86_400_000
        typer.echo(f"{reading_log.prune(before_ms)} records dropped")


@logs.command("set-aside")
def set_aside(
    offset: Annotated[int, typer.Argument(help="of a damaged record, as `carewatch log verify` names it", min=1)],
) -> None:
    """Put an empty, deaf record in the place of a damaged one, so that what reads the log goes on behind it.

    Its bytes are kept beside the log; restore a backup instead if there is one. ingest must not be running.
    """
    from ingest.log.sqlite import SqliteLog

    with closing(SqliteLog(current_settings().log.path)) as reading_log:
        done = reading_log.set_aside_damaged(offset)
    records = f"records {done.first_offset}..{done.last_offset} are empty now"
    typer.echo(f"{records}; what stood there is in {done.file}")


@influx.command()
def setup(
    keep_days: Annotated[int, typer.Option(help="how long InfluxDB keeps points; 0: for ever", min=0)] = 0,
    hourly_days: Annotated[int, typer.Option(help="how long it keeps the hours of each watch; 0: for ever", min=0)] = 0,
    hourly: Annotated[bool, typer.Option(help="make the hours, for charts of weeks and years")] = True,
) -> None:
    """Make the bucket (2.x) or database and policy (1.x) that carewatch writes to, and what makes the hours."""
    from carewatch.influx import influx_options
    from carewatch.settings_sources import SettingsError
    from ingest.influx.setup import set_up
    from ingest.influx.steps import SetupError

    options = influx_options(current_settings())
    if not options.url:
        raise SettingsError("influx.url is empty: set it, e.g. CAREWATCH_INFLUX__URL=http://127.0.0.1:8086")
    try:
        for step in set_up(options, keep_days, hourly_days if hourly else None):
            typer.echo(str(step))
    except SetupError as error:
        typer.echo(str(error), err=True)
        raise Failed from None


@alerts.command("export")
def export(
    file: Annotated[Path | None, typer.Argument(help="where to; default: standard output")] = None,
    shadow: Annotated[bool, typer.Option(help="those of shadow rules instead: nobody was told of them")] = False,
) -> None:
    """Every alert as JSON lines (`carewatch score` reads them)."""
    from alerts.store.database import open_store
    from carewatch.exported import alert_lines

    with closing(open_store(current_settings().store.url, read_only=True)) as store:
        lines = list(alert_lines(store, shadow=shadow))
    if file is None:
        for line in lines:
            typer.echo(line)
    else:
        file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
