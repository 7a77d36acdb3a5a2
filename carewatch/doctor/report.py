"""What the doctor found, for a person or for a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from carewatch.doctor.finding import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from carewatch.doctor.finding import Finding

STYLE = {
    Verdict.GOOD: "green",
    Verdict.WARNING: "yellow",
    Verdict.BAD: "bold red",
    Verdict.NOT_SET: "dim",
}


def render(findings: Sequence[Finding], console: Console) -> None:
    """A table, what to do under each thing that is not well, and a sentence at the end."""
    table = Table(show_edge=False, pad_edge=False)
    for name in ("part", "verdict", "what"):
        table.add_column(name, no_wrap=name == "verdict", overflow="fold")
    for finding in findings:
        table.add_row(
            Text(finding.part), Text(finding.verdict.value, style=STYLE[finding.verdict]), Text(_told(finding))
        )
    console.print(table)
    console.print(Text(_sum(findings)))


def as_json(findings: Sequence[Finding]) -> str:
    """One line: a JSON list of objects `part`, `verdict`, `what`, `remedy`."""
    rows = [
        {"part": each.part, "verdict": each.verdict.value, "what": each.what, "remedy": each.remedy}
        for each in findings
    ]
    return json.dumps(rows, ensure_ascii=False)


def exit_code(findings: Sequence[Finding]) -> int:
    """1 if anything is BAD, else 0."""
    return int(any(finding.verdict is Verdict.BAD for finding in findings))


def _told(finding: Finding) -> str:
    return f"{finding.what}\n→ {finding.remedy}" if finding.remedy else finding.what


def _sum(findings: Sequence[Finding]) -> str:
    bad = sum(finding.verdict is Verdict.BAD for finding in findings)
    warnings = sum(finding.verdict is Verdict.WARNING for finding in findings)
    if not bad and not warnings:
        return "All is well."
    return f"{bad} to be mended, {warnings} to be looked at."
