"""Templates with their words, times and addresses of assets."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from board import moments
from board.words import LANGUAGES, for_browser, say

if TYPE_CHECKING:
    from board.context import BoardOptions

STATIC = files("board").joinpath("static")


@cache
def asset_build() -> str:
    """One hash over every asset: modules import each other by relative name, so they share one folder name."""
    together = hashlib.sha256()
    for asset in sorted(STATIC.iterdir(), key=lambda entry: entry.name):
        together.update(asset.read_bytes())
    return together.hexdigest()[:12]


def page_build(options: BoardOptions) -> str:
    """Changes with the program and with its assets: a page of another build is loaded again."""
    return f"{options.build}-{asset_build()}"


def asset(name: str) -> str:
    """The address of an asset."""
    return f"/static/{asset_build()}/{name}"


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("board"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["asset"] = asset
    found.globals["stamp"] = digest
    return found


def render(template: str, options: BoardOptions, language: str, now_ms: int, **variables: Any) -> str:
    """The template as text. Everything that comes from people is escaped."""
    zone = options.zone

    def words(key: str, **values: object) -> str:
        return say(language, key, **values)

    def since(time_ms: int, form: str) -> str:
        return moments.elapsed(now_ms - time_ms, form, language)

    def remaining(time_ms: int) -> str:
        return moments.elapsed(time_ms - now_ms, "clock", language)

    def at(time_ms: int, seconds: bool = False) -> str:
        return moments.clock_time(time_ms, zone, seconds=seconds)

    def distance(metres: float) -> str:
        return moments.distance(metres, language)

    spoken = {"say": words, "elapsed": since, "remaining": remaining, "clock_time": at, "distance": distance}
    page = {"language": language, "options": options, "now_ms": now_ms, "live": False, "form_token": ""}
    page["build"] = page_build(options)
    page["other_language"] = LANGUAGES[1 - LANGUAGES.index(language)]
    page["browser_words"] = json.dumps(for_browser(language), ensure_ascii=False)
    return _environment().get_template(template).render({**page, **spoken, **variables})


def digest(*parts: object) -> str:
    """Changes when any of the parts does; what the page compares before it swaps."""
    return hashlib.blake2s(repr(parts).encode(), digest_size=8).hexdigest()
