"""`carewatch`: every command by name. The commands themselves are in carewatch/commands/, a file a group."""

from __future__ import annotations

import os
import sys
from pathlib import Path  # noqa: TC003 - Typer reads annotations at run time
from typing import Annotated

import typer

from carewatch.commands import installation, people, quarantine, recordings, rules, running, storage, town

app = typer.Typer(
    name="carewatch",
    help="From an old person's smart watch to the one who goes and looks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
EXIT_USAGE = 2


@app.callback()
def _everywhere(
    config: Annotated[Path | None, typer.Option(help="settings file; default: config/carewatch.toml")] = None,
) -> None:
    if config is not None:
        os.environ["CAREWATCH_CONFIG"] = str(config)


for command in (
    running.demo,
    running.run,
    town.simulate,
    town.score,
    recordings.record,
    recordings.replay,
    recordings.decode,
    installation.doctor,
    installation.settings,
):
    app.command()(command)
app.command(hidden=True)(running.role)
for name, group in (
    ("residents", people.residents),
    ("officer", people.officers),
    ("watch", people.watches),
    ("rules", rules.group),
    ("log", storage.logs),
    ("quarantine", quarantine.group),
    ("influx", storage.influx),
    ("alerts", storage.alerts),
):
    app.add_typer(group, name=name)


def main() -> None:
    """The entry point. What the operator can mend is said in one line on standard error, with exit code 2."""
    try:
        app()
    except Exception as error:
        from carewatch.mendable import MENDABLE  # noqa: PLC0415 - help stays quick

        if not isinstance(error, MENDABLE):
            raise
        typer.echo(str(error), err=True)
        sys.exit(EXIT_USAGE)
