"""The words of messages in every language: JSON files with equal keys."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("zh", "en")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Key -> text of `language`; a language we do not speak gets the first of `LANGUAGES`."""
    name = language if language in LANGUAGES else LANGUAGES[0]
    words: dict[str, str] = json.loads(files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return words


def say(language: str, key: str, **variables: object) -> str:
    """The text `key` with its variables. A key that no catalogue has raises KeyError: tests and rule checks find it."""
    return catalogue(language)[key].format_map(variables)


def rule_messages() -> frozenset[str]:
    """The message keys that a rule may name."""
    return frozenset(key.removeprefix("what.") for key in catalogue(LANGUAGES[0]) if key.startswith("what."))
