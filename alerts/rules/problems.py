"""What is wrong with a rule file, said so that its author can mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.file_problems import Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ExpressionError", "Problem", "RuleError", "nearest"]


class RuleError(Exception):
    """A rule file cannot be used; `problems` holds every fault found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class ExpressionError(Exception):
    """An expression is wrong at (line, column), both counted within it: line from 1, column from 0."""

    def __init__(self, what: str, remedy: str, where: tuple[int, int]) -> None:
        super().__init__(what)
        self.what, self.remedy, self.where = what, remedy, where
