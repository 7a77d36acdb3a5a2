"""`demo`, `run`, and the hidden `role` that `run` starts."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Annotated

import typer

from carewatch.commands.shared import Failed, current_settings, settings_of_an_installation


def demo(
    residents: Annotated[int, typer.Option(help="how many live in the town")] = 100,
    speed: Annotated[float, typer.Option(help="times real time")] = 60.0,
    for_: Annotated[str, typer.Option("--for", help="how long, e.g. 90s, 3m, 1h; default: until Ctrl-C")] = "",
    seed: Annotated[int, typer.Option(help="the same seed gives the same lives")] = 7,
    influx: Annotated[str, typer.Option(help="auto, none, or an URL")] = "auto",
    port: Annotated[int, typer.Option(help="of the board; 0: any free one")] = 8080,
    as_json: Annotated[bool, typer.Option("--json", help="end with the summary as one JSON line")] = False,
) -> None:
    """A town of watches, a broker, phones and a mailbox around the real program, on this machine."""
    from carewatch.demo.options import DemoOptions, duration_s
    from carewatch.demo.play import play_demo

    options = DemoOptions(residents, speed, duration_s(for_), seed, influx, port, as_json)
    if not asyncio.run(play_demo(options)):
        raise Failed


def run(
    roles: Annotated[str, typer.Option(help="comma-separated: ingest, alerts")] = "ingest,alerts",
) -> None:
    """Run the roles, each in a process of its own, and start again what dies."""
    from carewatch.logs import set_up_logs
    from carewatch.supervisor import ROLES, Supervisor, until_told

    settings_of_an_installation()  # a wrong setting is said here, once
    chosen = [role.strip() for role in roles.split(",") if role.strip()]
    wrong = [role for role in chosen if role not in ROLES]
    if wrong or not chosen:
        raise typer.BadParameter(f"{', '.join(wrong) or 'none'}: roles are {', '.join(ROLES)}", param_hint="--roles")
    set_up_logs(role="run")
    asyncio.run(until_told(Supervisor(os.environ).run(chosen)))


def role(name: Annotated[str, typer.Argument()]) -> None:
    """One role in this process."""
    from alerts.catch_up import PipelineError
    from carewatch.logs import set_up_logs
    from carewatch.mendable import MENDABLE
    from carewatch.supervisor import EXIT_CONFIGURATION, ROLES, first_of

    if name not in ROLES:
        raise typer.BadParameter(f"{name}: roles are {', '.join(ROLES)}", param_hint="NAME")
    set_up_logs(role=name)
    try:
        settings = current_settings()
        if name == "ingest":
            from carewatch.roles.ingest import run_ingest as run_role
        else:
            from carewatch.roles.alerts import run_alerts as run_role
        asyncio.run(run_role(settings))
    except MENDABLE as error:
        typer.echo(f"{name}: {error}", err=True)
        sys.exit(EXIT_CONFIGURATION)
    except ExceptionGroup as group:
        # A store that has met more than its log holds is found out beside the board, so it comes in a group.
        found, others = group.split(PipelineError)
        if found is None or others is not None:
            raise
        typer.echo(f"{name}: {first_of(found)}", err=True)
        sys.exit(EXIT_CONFIGURATION)
