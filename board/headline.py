"""What an alert says on the board: the rule's message key and its inputs in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from board.words import knows, say

if TYPE_CHECKING:
    from collections.abc import Mapping

STILL_MIN_S = 60


def headline(language: str, message: str, rule: str, inputs: Mapping[str, Any]) -> str:
    """`Heart rate 138, very high at rest`. A message that the board has no words for is told by its rule's name."""
    still_s = inputs.get("still_s")
    if message == "fall" and isinstance(still_s, int | float) and still_s >= STILL_MIN_S:
        return say(language, "head.fall.still", count=int(still_s // 60))
    if not knows(f"head.{message}"):
        return say(language, "head.other", rule=plain(rule))
    return " ".join(say(language, f"head.{message}", bpm=number(inputs.get("bpm"))).split())


def reason(language: str, message: str, inputs: Mapping[str, Any]) -> str:
    """Why it fired, in one sentence with the values as they stood."""
    if not knows(f"why.{message}"):
        return say(language, "why.plain")
    limit = next((value for name, value in inputs.items() if name.startswith("limit.")), None)
    return say(language, f"why.{message}", bpm=number(inputs.get("bpm")), limit=number(limit))


def rule_name(language: str, message: str, rule: str) -> str:
    """The rule in plain words."""
    return say(language, f"rule.{message}") if knows(f"rule.{message}") else plain(rule)


def heart_limits(inputs: Mapping[str, Any]) -> tuple[float, ...]:
    """The limits of heart rate among the inputs, to be drawn: those of rules that looked at bpm."""
    if "bpm" not in inputs:
        return ()
    return tuple(
        float(value) for name, value in inputs.items() if name.startswith("limit.hr") and isinstance(value, int | float)
    )


def plain(rule: str) -> str:
    """`heart_rate_odd` as `heart rate odd`: no raw codes on the screen."""
    return rule.replace("_", " ")


def number(value: object) -> str:
    """Without needless decimals; unknown is empty."""
    return f"{value:g}" if isinstance(value, int | float) else ""
