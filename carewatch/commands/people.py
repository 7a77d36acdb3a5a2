"""`residents`, `officer`, `watch`: who wears what, and who is on duty."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from carewatch.commands.shared import Failed, current_settings, refusing

residents = typer.Typer(help="The old people and their watches.", no_args_is_help=True)
officers = typer.Typer(help="The duty staff.", no_args_is_help=True)
watches = typer.Typer(help="The registry of watches.", no_args_is_help=True)
LEAST_PASSWORD = 8
"""Characters; NIST SP 800-63B section 5.1.1.1 asks for no fewer of a password that a person chooses."""


@residents.command("import")
def import_residents(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="residents.csv (docs/operations.md); UTF-8 or GB18030")
    ],
    skip_bad: Annotated[bool, typer.Option(help="import the good rows though others are bad")] = False,
) -> None:
    """Register the watches and their wearers. Every bad row is named; nothing is imported until all are good."""
    from alerts.people.residents import read_residents
    from carewatch.owners import alerts_owner, ingest_owner
    from carewatch.rules_file import known_limits

    settings = current_settings()
    body = file.read_bytes()
    checked = read_residents(body, known_limits(settings.rules_file))
    may_import = not checked.problems or (skip_bad and bool(checked.rows))
    if may_import:
        ingest_owner(settings).register([row.watch_id for row in checked.rows])
        done = alerts_owner(settings).residents(body, skip_bad=skip_bad)
        typer.echo(f"{done} residents imported")
    for problem in checked.problems:
        typer.echo(f"{file}: {problem}", err=True)
    if not may_import:
        remedy = "mend these rows, or give --skip-bad" if checked.rows else "mend what is named"
        typer.echo(f"nothing was imported; {remedy}", err=True)
        raise Failed


@officers.command()
def password(
    login: Annotated[str, typer.Argument(help="login of the officer in roster_file")],
    new: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="asked for if not given")
    ],
) -> None:
    """Set the password by which an officer signs in at the board."""
    from carewatch.owners import alerts_owner

    if len(new) < LEAST_PASSWORD:
        typer.echo(f"the password has {len(new)} characters; take {LEAST_PASSWORD} or more", err=True)
        raise typer.Exit(code=2)
    if not alerts_owner(current_settings()).password(login, new):
        typer.echo(f"no officer {login!r}; they stand in roster_file, read when alerts starts", err=True)
        raise Failed
    typer.echo(f"password of {login} set")


@officers.command("sign-in-link")
def sign_in_link(login: Annotated[str, typer.Argument(help="login of the officer")]) -> None:
    """A link that signs an officer in once."""
    from carewatch.owners import alerts_owner

    settings = current_settings()
    base = settings.board.public_url or f"http://{settings.board.host}:{settings.board.port}"
    typer.echo(base.rstrip("/") + alerts_owner(settings).sign_in_link(login))


@officers.command("api-token")
def api_token(login: Annotated[str, typer.Argument(help="login of the officer")]) -> None:
    """A bearer token by which a program acts for an officer; shown this once."""
    from carewatch.owners import alerts_owner

    typer.echo(alerts_owner(current_settings()).api_token(login))


@watches.command("add")
def add(watch_ids: Annotated[list[str], typer.Argument(help="ids of the watches")]) -> None:
    """Register watches."""
    from carewatch.owners import ingest_owner

    with refusing():
        typer.echo(f"{ingest_owner(current_settings()).register(watch_ids)} registered")


@watches.command("retire")
def retire(watch_id: Annotated[str, typer.Argument(help="id of the watch")]) -> None:
    """Say that a watch is worn no more."""
    from carewatch.owners import ingest_owner

    if not ingest_owner(current_settings()).retire(watch_id):
        typer.echo(f"no watch {watch_id!r} is known", err=True)
        raise Failed


@watches.command("list")
def list_watches(
    unknown: Annotated[bool, typer.Option("--unknown", help="only those that nobody registered")] = False,
    lost: Annotated[bool, typer.Option("--lost", help="only those that gave readings up")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines instead of a table")] = False,
) -> None:
    """Every watch of the registry: when it was last heard of, how many readings it lost, its profile and state."""
    from zoneinfo import ZoneInfo

    from carewatch.logs import only_warnings
    from carewatch.owners import ingest_owner
    from carewatch.shown import watch_line, watch_row
    from ingest.log.sqlite_reader import SqliteLogReader

    settings = current_settings()
    zone = ZoneInfo(settings.site.time_zone)
    with closing(SqliteLogReader(settings.log.path)) as reader:
        known = reader.watches()
    if not as_json:
        typer.echo(watch_row("watch", "last heard of", "lost", "profile", "state"))
    with only_warnings():
        for watch, (last_ms, count) in zip(known, ingest_owner(settings).counts(len(known)), strict=True):
            if (unknown and not watch.provisional) or (lost and not count):
                continue
            line = watch_line(watch, last_ms, count, zone)
            shown = (line["watch_id"], line["last"] or "never, or before", count, watch.profile, line["state"])
            typer.echo(json.dumps(line, ensure_ascii=False) if as_json else watch_row(*shown))
