"""`rules`: is the rule file right, does it do what its tests say, put it into force, and why it fired or did not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carewatch.commands.shared import Failed, current_settings, progress, refusing

if TYPE_CHECKING:
    from alerts.rules.rule import RuleSet

group = typer.Typer(help="The rules.", no_args_is_help=True)
File = Annotated[
    Path | None, typer.Argument(exists=True, dir_okay=False, help="rule file; default: rules_file of the settings")
]


@group.command()
def check(file: File = None) -> None:
    """Read the rules and name every fault with file, line, column and the remedy. Exit 2 if there is one."""
    chosen, rules = _loaded(file)
    for warning in rules.warnings:
        typer.echo(str(warning), err=True)
    typer.echo(f"{chosen}: {len(rules.rules)} rules, {len(rules.tests)} tests")


@group.command("test")
def run_rule_tests(file: File = None) -> None:
    """Run the tests that stand beside the rules. Exit 1 if one fails."""
    from alerts.rules.text_tests import run_tests

    chosen, rules = _loaded(file)
    outcomes = run_tests(rules)
    for outcome in outcomes:
        verdict = "passed" if outcome.passed else "FAILED"
        typer.echo(f"{verdict}  line {outcome.test.line}: {outcome.test.rule}")
        if not outcome.passed:
            typer.echo(outcome.problem or f"  expected {list(outcome.expected)}\n  found    {list(outcome.found)}")
    failed = sum(not outcome.passed for outcome in outcomes)
    typer.echo(f"{chosen}: {len(outcomes) - failed} passed, {failed} failed")
    if failed:
        raise Failed


@group.command()
def reload() -> None:
    """Put rules_file into force while carewatch runs: it is checked, and holds from the next record on."""
    from carewatch.owners import alerts_owner

    typer.echo(f"settings version {alerts_owner(current_settings()).reload_rules()} holds from the next record on")


@group.command()
def explain(
    watch: Annotated[str, typer.Argument(help="id of the watch")],
    rule: Annotated[str, typer.Argument(help="name of the rule")],
    time: Annotated[
        str, typer.Argument(help="HH:MM[:SS] of today, 'YYYY-MM-DD HH:MM[:SS]', in the site's zone; or epoch ms")
    ],
) -> None:
    """Say why the rule fired for the watch, or why not: each term with its values, and what was still missing."""
    from contextlib import closing

    from alerts.store.database import open_store
    from carewatch.explained import ExplainError, answer_of, moment_ms, question_of
    from carewatch.roles.life import clock_of
    from ingest.log.sqlite_reader import SqliteLogReader

    settings = current_settings()
    zone, now_ms = settings.site.time_zone, clock_of(settings).now_ns() // 1_000_000
    with refusing(ExplainError):
        time_ms = moment_ms(time, zone, now_ms)
        with (
            closing(SqliteLogReader(settings.log.path)) as reader,
            closing(open_store(settings.store.url, read_only=True)) as store,
        ):
            question = question_of(store, reader, watch, rule, time_ms, zone)
            with progress("log", question.records, quiet=False) as on_record:
                page = answer_of(question, reader, on_record)
            typer.echo(page)


def _loaded(file: Path | None) -> tuple[Path, RuleSet]:
    from carewatch.rules_file import read_rules

    chosen = file or current_settings().rules_file
    return chosen, read_rules(chosen)[1]
