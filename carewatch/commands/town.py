"""`simulate` and `score`: a town of watches, and how well its truth was told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from carewatch.commands.shared import current_settings, refusing


def simulate(
    residents: Annotated[int, typer.Option(help="how many live in the town")] = 100,
    seed: Annotated[int, typer.Option(help="the same seed gives the same lives")] = 7,
    mqtt: Annotated[str | None, typer.Option(help="broker; default: mqtt.url of the settings")] = None,
    speed: Annotated[float, typer.Option(help="times real time; a receiver must run on the same clock")] = 1.0,
    minutes: Annotated[float, typer.Option(help="of the town's time; 0: until Ctrl-C")] = 0.0,
    truth: Annotated[Path | None, typer.Option(help="write what really happened, JSON lines")] = None,
    residents_csv: Annotated[Path | None, typer.Option(help="write them for `residents import`")] = None,
    quiet: Annotated[bool, typer.Option(help="ordinary days only: nothing that must alert")] = False,
) -> None:
    """Publish the lives of a town of watches to a broker."""
    from carewatch.logs import set_up_logs
    from carewatch.town import check_pace, options_now, simulate_town
    from simulator.town import build_town
    from simulator.town import residents_csv as csv_of
    from simulator.truth import write_truth

    settings = current_settings()
    with refusing():
        check_pace(speed, minutes)
        options = options_now(settings, residents=residents, seed=seed, quiet=quiet)
    if residents_csv is not None:
        residents_csv.write_text(csv_of(build_town(options), options), encoding="utf-8")
    set_up_logs(role="simulate")
    lived = asyncio.run(simulate_town(settings, options, url=mqtt, speed=speed, minutes=minutes))
    if truth is not None:
        write_truth(truth, lived.truths)
    typer.echo(json.dumps({"published": lived.published, "resent": lived.resent, "episodes": len(lived.truths)}))


def score(
    truth: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="truth file of `simulate`")],
    alerts: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="lines of `carewatch alerts export`")],
    resident_days: Annotated[float | None, typer.Option(help="residents times days, for rates")] = None,
) -> None:
    """Compare alerts with the truth, rule by rule."""
    from simulator.alerts_file import read_alerts
    from simulator.score import score as scored
    from simulator.truth import read_truth

    with refusing():
        typer.echo(scored(read_truth(truth), read_alerts(alerts), resident_days=resident_days).as_json().decode())
