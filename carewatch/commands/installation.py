"""`doctor` and `settings`: is this installation well, and how is it set."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from carewatch.commands.shared import Failed, current_settings


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON line instead of a table")] = False,
) -> None:
    """Try every connection and say the remedy. Exit 1 if something does not work."""
    import logging

    from rich.console import Console

    from carewatch.doctor.examine import examine
    from carewatch.doctor.report import as_json as findings_json
    from carewatch.doctor.report import exit_code, render
    from carewatch.logs import set_up_logs

    set_up_logs(role="doctor", level=logging.ERROR)  # what it finds is its answer; no log beside it
    findings = asyncio.run(examine(current_settings()))
    if as_json:
        typer.echo(findings_json(findings))
    else:
        render(findings, Console())
    if exit_code(findings):
        raise Failed


def settings(
    markdown: Annotated[bool, typer.Option(help="every setting with its meaning, as docs/settings.md")] = False,
) -> None:
    """Show the settings as they are in force; secrets stay hidden."""
    from carewatch.settings_page import settings_page

    if markdown:
        typer.echo(settings_page(), nl=False)
    else:
        typer.echo(json.dumps(current_settings().model_dump(mode="json"), ensure_ascii=False, indent=2))
