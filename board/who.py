"""A resident as a line of the board names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from board.words import say

if TYPE_CHECKING:
    from alerts.incidents.views import ResidentView


@dataclass(frozen=True, slots=True)
class Who:
    """Ready to be shown."""

    name: str
    age: str
    address: str


def who(resident: ResidentView | None, watch_id: str, language: str) -> Who:
    """The wearer; of a watch that nobody is known to wear, its id."""
    if resident is None:
        return Who(say(language, "who.unknown", watch=watch_id), "", say(language, "who.no_address"))
    age = "" if resident.age is None else say(language, "who.age", age=resident.age)
    return Who(resident.name, age, resident.address or say(language, "who.no_address"))


def surname(name: str) -> str:
    """`张**`: what a link in a forwarded email may tell. Of a name in letters the last word's first one."""
    if not name:
        return ""
    return f"{name[0]}**" if not name.isascii() else f"{name.rsplit(maxsplit=1)[-1][0]}***"
