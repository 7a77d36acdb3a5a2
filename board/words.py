"""The wording of every page: text/zh.json and text/en.json with equal keys (tested)."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from babel import Locale

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("zh", "en")
NATIVE_NAMES = {"zh": "中文", "en": "English"}
Text = str | dict[str, str]


@cache
def texts(language: str) -> Mapping[str, Text]:
    """Key -> text, or CLDR plural category -> text where the text counts something."""
    found: dict[str, Text] = json.loads(
        files(__package__).joinpath(f"text/{language}.json").read_text(encoding="utf-8")
    )
    return found


def say(language: str, key: str, **variables: object) -> str:
    """The text of `key` with its variables; `count` chooses the plural. An unknown key raises KeyError."""
    text = texts(language)[key]
    if isinstance(text, dict):
        text = text[_category(language, variables["count"])]
    return text.format_map(variables)


def knows(key: str) -> bool:
    """Whether there is a text of this key: messages of rules may be the operator's own."""
    return key in texts(LANGUAGES[0])


def for_browser(language: str) -> dict[str, Text]:
    """The texts that the page's modules need: those whose key begins with `js.`, without it."""
    return {key.removeprefix("js."): text for key, text in texts(language).items() if key.startswith("js.")}


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)


def _category(language: str, count: Any) -> str:
    return _locale(language).plural_form(count)
