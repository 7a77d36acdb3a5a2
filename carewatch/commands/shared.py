"""What commands share: the settings of this call, progress bars, and how a command says no."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from carewatch.settings_sources import load_settings, refuse_without_any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carewatch.settings import Settings


class Failed(typer.Exit):
    """The answer is no: exit code 1."""

    def __init__(self) -> None:
        super().__init__(code=1)


def current_settings(flags: dict[str, Any] | None = None) -> Settings:
    """File (`--config` or CAREWATCH_CONFIG, else config/carewatch.toml) < environment < flags."""
    return load_settings(_named_file(), os.environ, flags)


def settings_of_an_installation() -> Settings:
    """The same, where something is set: what begins a log and a store does not begin them in any folder."""
    refuse_without_any(_named_file(), os.environ)
    return current_settings()


def _named_file() -> Path | None:
    named = os.environ.get("CAREWATCH_CONFIG")
    return Path(named) if named else None


@contextmanager
def refusing(wrong: type[Exception] = ValueError) -> Iterator[None]:
    """What is wrong with what was given is said in one line, with exit code 2."""
    try:
        yield
    except wrong as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(code=2) from None


@contextmanager
def progress(what: str, total: int | None, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere. Yields a function to call with the count done. `total` None: unknown."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    with Progress(*Progress.get_default_columns(), TextColumn("{task.completed}"), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
