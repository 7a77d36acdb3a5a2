"""The measured part of docs/performance.md, made from what benchmarks told in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- measured: `make bench ARGS=--write` -->\n", "<!-- end of measured -->\n"


def write(told: Sequence[Mapping[str, Any]], page: Path = PAGE) -> None:
    """Put the tables in place of those on the page. ValueError if its marks are not there."""
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page}: the lines {BEGIN.strip()} and {END.strip()} must stand on it")
    page.write_text(before + begin + "\n".join(measured(told)) + "\n" + end + after, "utf-8")


def measured(told: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """Lines of Markdown: where and when, then a table each."""
    on = told[0]["machine"]
    loads = ", ".join(f"{one['benchmark'].partition(',')[0]} {one['machine']['load_before']}" for one in told)
    yield f"{on['date']}, {on['cores']} cores, {on['cpu']}. Load average before each: {loads}."
    for one in told:
        yield ""
        yield f"**{one['benchmark']}** ({_options(one['options'])})"
        yield ""
        yield from _table(one["results"])


def _options(options: Mapping[str, Any]) -> str:
    """Those that are numbers: paths are of one machine."""
    shown = {name: value for name, value in options.items() if isinstance(value, int | float | list)}
    return ", ".join(f"{name} {value}".replace("[", "").replace("]", "") for name, value in shown.items())


def _table(rows: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    yield f"| | {' | '.join(name.replace('_', ' ') for name in columns)} |"
    yield f"|---|{'---:|' * len(columns)}"
    for name, row in rows.items():
        yield f"| {name} | {' | '.join(_shown(row.get(column, '')) for column in columns)} |"


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
