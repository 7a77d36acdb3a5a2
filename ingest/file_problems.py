"""What is wrong with a file that a person wrote, said so that its author can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: where (line and column count from 1; 0: the whole file), what, and the remedy."""

    file: str
    line: int
    column: int
    what: str
    remedy: str
    source: str = ""

    def __str__(self) -> str:
        told = f"{self.file}:{self.line}:{self.column}: {self.what}"
        if self.source:
            told += f"\n    {self.source}\n    {' ' * (self.column - 1)}^"
        return f"{told}\n    {self.remedy}" if self.remedy else told


def nearest(wrong: str, known: Iterable[str]) -> str:
    """A remedy for a name that does not exist: the nearest right one, and all there are."""
    names = sorted(known)
    close = get_close_matches(wrong, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}there are: {', '.join(names)}"
