"""`log`, `quarantine`, `influx`, `alerts`: what is kept, and where it goes."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carewatch.commands.shared import Failed, current_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.log.contract import LogReader, Record

logs = typer.Typer(help="The reading log.", no_args_is_help=True)
quarantine = typer.Typer(help="What could not be a reading.", no_args_is_help=True)
influx = typer.Typer(help="InfluxDB.", no_args_is_help=True)
alerts = typer.Typer(help="Alerts as files.", no_args_is_help=True)


@logs.command()
def inspect(
    after: Annotated[
        int | None, typer.Option(help="show records after this offset; default: the newest", min=0)
    ] = None,
    count: Annotated[int, typer.Option(help="how many", min=1)] = 20,
) -> None:
    """Records as JSON lines: offset, kind, log time, readings."""
    from ingest.log.sqlite_reader import SqliteLogReader

    with closing(SqliteLogReader(current_settings().log.path)) as reader:
        for record in _records(reader, max(0, reader.end() - count) if after is None else after, count):
            shown = {
                "offset": record.offset,
                "kind": record.kind.name.lower(),
                "log_time_ms": record.log_time_ms,
                "deaf": record.deaf,
                "readings": len(record.readings),
            }
            typer.echo(json.dumps(shown))


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


@logs.command()
def prune(before_days: Annotated[int, typer.Option(help="drop records older than this; at least 30", min=30)]) -> None:
    """Drop old records that every consumer has read. ingest must not be running; it prunes by itself."""
    from carewatch.clock import WallClock
    from ingest.log.sqlite import SqliteLog

    with closing(SqliteLog(current_settings().log.path)) as reading_log:
        before_ms = WallClock().now_ns() // 1_000_000 - before_days * 86_400_000
        typer.echo(f"{reading_log.prune(before_ms)} records dropped")


@quarantine.command("list")
def list_quarantine(count: Annotated[int, typer.Option(help="how many, newest first")] = 20) -> None:
    """The newest payloads that could not be readings, JSON lines with the reason."""
    from ingest.log.contract import QuarantineQuery
    from ingest.log.sqlite_reader import SqliteLogReader

    with closing(SqliteLogReader(current_settings().log.path)) as reader:
        for entry in reader.quarantine(QuarantineQuery(count)):
            shown = {
                "arrival_ms": entry.arrival_ms,
                "topic": entry.topic,
                "reason": entry.reason,
                "detail": entry.detail,
                "payload": entry.payload.decode("utf-8", "backslashreplace"),
            }
            typer.echo(json.dumps(shown, ensure_ascii=False))


@influx.command()
def setup(
    keep_days: Annotated[int, typer.Option(help="how long InfluxDB keeps points; 0: for ever", min=0)] = 0,
) -> None:
    """Make the bucket (2.x) or database and retention policy (1.x) that carewatch writes to."""
    from carewatch.influx import influx_options
    from carewatch.settings_sources import SettingsError
    from ingest.influx.setup import SetupError, set_up

    options = influx_options(current_settings())
    if not options.url:
        raise SettingsError("influx.url is empty: set it, e.g. CAREWATCH_INFLUX__URL=http://127.0.0.1:8086")
    try:
        typer.echo(set_up(options, keep_days).value)
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
