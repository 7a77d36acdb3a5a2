"""The alerts file of WIRE.md section 6, as a reader outside carewatch meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Alert(msgspec.Struct, frozen=True):
    """One alert. `started`: event time in ms of the start of its run; `fired`, `resolved`: log time in ms."""

    watch: str
    rule: str
    severity: Literal["emergency", "warning", "notice"]
    started: int
    fired: int
    resolved: int | None = None
    late: bool = False
    inputs: dict[str, Any] = msgspec.field(default_factory=dict)


def read_alerts(path: Path) -> Iterator[Alert]:
    """The alerts of a file.

    Raises
    ------
    ValueError
        a line that is no alert, with its number and what is wrong.
    """
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if line.strip():
            try:
                yield msgspec.json.decode(line, type=Alert)
            except msgspec.MsgspecError as error:
                raise ValueError(f"{path}:{number}: not an alert: {error}") from error
