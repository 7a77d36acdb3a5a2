"""Structured logs on standard error: one JSON object a line, or columns on a terminal. Never a person's particulars."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping
    from pathlib import Path

PRIVATE = frozenset(
    {"name", "phone", "address", "email", "contact", "contact_name", "contact_phone", "body", "text", "subject"}
    | {"payload", "password", "token", "secret", "lat", "lon", "latitude", "longitude"}
)
"""Field names whose values never reach a log: people, words to people, places, secrets."""


def withhold_particulars(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A structlog step: the value of a private field is replaced, whoever logged it."""
    for key in PRIVATE & event.keys():
        event[key] = "(withheld)"
    return event


@contextmanager
def only_warnings() -> Iterator[None]:
    """While a command runs a role's stages: what they warn of goes to standard error, the rest is not said.

    Standard output is the command's own, for whoever reads it by a program.
    """
    structlog.configure(
        processors=[
            withhold_particulars,
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    try:
        yield
    finally:
        structlog.reset_defaults()


def set_up_logs(*, role: str, file: Path | None = None, level: int = logging.INFO) -> None:
    """Once a process; to standard error, or to `file`.

    Libraries log warnings only: some put addresses and passwords into their informational lines.
    """
    stream = sys.stderr if file is None else file.open("a", encoding="utf-8", buffering=1)
    logging.basicConfig(stream=stream, level=logging.WARNING, format="%(name)s: %(message)s", force=True)
    on_terminal = stream.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            withhold_particulars,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(role=role)
