"""`quarantine`: what could not be a reading, and reading it again."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from carewatch.commands.shared import Failed, current_settings, progress, refusing

if TYPE_CHECKING:
    from carewatch.settings import Settings
    from ingest.log.contract import Quarantined, QuarantineQuery
    from ingest.read_again import ReadAgain

group = typer.Typer(help="What could not be a reading, kept whole with the reason.", no_args_is_help=True)

MOST_ENTRIES = 1_000_000
"""Read again in one call; the next call takes the rest."""

Reason = Annotated[str | None, typer.Option(help="only of this reason, e.g. not_json")]
Watch = Annotated[str | None, typer.Option(help="only of this watch")]
Since = Annotated[
    str | None, typer.Option(help="arrived since HH:MM[:SS] of today or 'YYYY-MM-DD HH:MM[:SS]', in the site's zone")
]


@group.command("list")
def list_entries(
    count: Annotated[int, typer.Option(help="how many, newest first", min=1)] = 20,
    reason: Reason = None,
    watch: Watch = None,
    since: Since = None,
    unread: Annotated[bool, typer.Option("--unread", help="without those that a retry has read")] = False,
) -> None:
    """The newest payloads that could not be readings, JSON lines with the reason."""
    from zoneinfo import ZoneInfo

    from carewatch.shown import entry_line

    settings = current_settings()
    zone = ZoneInfo(settings.site.time_zone)
    for entry in _asked(settings, _query(settings, count, reason, watch, since, unread=unread)):
        typer.echo(json.dumps(entry_line(entry, zone), ensure_ascii=False))


@group.command()
def show(entry: Annotated[int, typer.Argument(help="its number, as `quarantine list` shows it", min=1)]) -> None:
    """One entry whole: where it came from, why it stands here, and its payload (hex where it is no text)."""
    from zoneinfo import ZoneInfo

    from carewatch.shown import entry_page
    from ingest.log.contract import QuarantineQuery

    settings = current_settings()
    found = _asked(settings, QuarantineQuery(1, entry=entry))
    if not found:
        typer.echo(f"quarantine entry {entry}: there is none; `carewatch quarantine list` shows them", err=True)
        raise Failed
    typer.echo(entry_page(found[0], ZoneInfo(settings.site.time_zone)))


@group.command()
def retry(
    entries: Annotated[list[int] | None, typer.Argument(help="numbers of entries")] = None,
    every: Annotated[bool, typer.Option("--all", help="every entry that no retry has read")] = False,
    reason: Reason = None,
    watch: Watch = None,
    since: Since = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, one an entry, instead of words")] = False,
) -> None:
    """Read entries again with today's decoders and profiles; what can be a reading now is committed, once.

    Exit 1 if something is refused still. ingest may run or not.
    """
    from carewatch.logs import only_warnings
    from carewatch.owners import ingest_owner

    if not (entries or every or reason or watch or since):
        typer.echo("say which: numbers of entries, --reason, --watch, --since, or --all", err=True)
        raise typer.Exit(code=2)
    settings = current_settings()
    chosen = entries or _numbers(settings, reason, watch, since)
    counts: dict[str, int] = {}
    readings = 0
    with refusing(), only_warnings(), progress("retry", len(chosen), quiet=as_json) as on_entry:
        for done, answer in enumerate(ingest_owner(settings).read_again(chosen), 1):
            counts[answer.outcome] = counts.get(answer.outcome, 0) + 1
            readings += answer.readings
            on_entry(done)
            if as_json or answer.why:
                typer.echo(json.dumps(_told(answer), ensure_ascii=False) if as_json else _said(answer))
    if not as_json:
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        typer.echo(f"{len(chosen)} entries{': ' if told else ''}{told}; {readings} readings committed")
    if counts.keys() & {"refused", "partly read"}:
        raise Failed


def _told(answer: ReadAgain) -> dict[str, object]:
    return {"entry": answer.entry, "outcome": answer.outcome, "readings": answer.readings, "why": answer.why}


def _said(answer: ReadAgain) -> str:
    return f"entry {answer.entry}: {answer.outcome}: {answer.why}"


def _numbers(settings: Settings, reason: str | None, watch: str | None, since: str | None) -> list[int]:
    """Oldest first: what came first is read first."""
    from ingest.log.sqlite_reader import SqliteLogReader

    query = _query(settings, MOST_ENTRIES, reason, watch, since, unread=True)
    with closing(SqliteLogReader(settings.log.path)) as reader:
        return list(reversed(reader.quarantine_numbers(query)))


def _known(reason: str) -> None:
    """Raises ValueError for a reason that no entry can have: an empty answer would read as "all is well"."""
    from ingest.file_problems import nearest
    from ingest.formats.contract import Reason as Known

    names = [one.value for one in Known]
    if reason not in names:
        raise ValueError(f"--reason {reason}: no entry has it; {nearest(reason, names)}")


def _query(
    settings: Settings, count: int, reason: str | None, watch: str | None, since: str | None, *, unread: bool
) -> QuarantineQuery:
    from carewatch.moments import from_ms
    from carewatch.roles.life import clock_of
    from ingest.log.contract import QuarantineQuery

    with refusing():
        if reason:
            _known(reason)
        now_ms = clock_of(settings).now_ns() // 1_000_000
        since_ms = from_ms(since, settings.site.time_zone, now_ms) if since else None
    return QuarantineQuery(count, reason=reason, watch_id=watch, since_ms=since_ms, unread=unread)


def _asked(settings: Settings, query: QuarantineQuery) -> list[Quarantined]:
    from ingest.log.sqlite_reader import SqliteLogReader

    with closing(SqliteLogReader(settings.log.path)) as reader:
        return list(reader.quarantine(query))
