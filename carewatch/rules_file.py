"""The setting `rules_file`, read and checked one way by everybody who goes by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.delivery.messages.catalogue import rule_messages
from alerts.rules.rule_file import load_rules
from carewatch.places import place_of
from carewatch.settings_sources import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.rules.rule import RuleSet


def read_rules(file: Path) -> tuple[str, RuleSet]:
    """The file's text, and the rules in it.

    Raises `SettingsError` if it cannot be read, `RuleError` with every fault in it.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"rules_file = {place_of(file)}: cannot be read: {error}") from None
    return text, load_rules(text, file=str(file), messages=rule_messages())


def known_limits(file: Path) -> frozenset[str]:
    """Names of the limits that a resident may have of their own. Raises as `read_rules`."""
    return frozenset(read_rules(file)[1].limits)
