"""Whether the rules can be used, and the words of their messages are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.delivery.messages.catalogue import rule_messages
from alerts.engine.contract import Severity
from alerts.rules.problems import RuleError
from alerts.rules.rule_file import load_rules
from carewatch.doctor.finding import Finding, bad, good, warning

if TYPE_CHECKING:
    from alerts.rules.problems import Problem
    from alerts.rules.rule import RuleSet
    from carewatch.settings import Settings

PART = "rules"
SHOWN = 5


async def rules(settings: Settings) -> list[Finding]:
    """Reads `rules_file` as alerts does, with every message key looked up in the catalogues."""
    file = settings.rules_file
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [bad(PART, f"{file}: cannot be read: {error}", "setting rules_file names the rules")]
    try:
        loaded = load_rules(text, file=str(file), messages=rule_messages())
    except RuleError as error:
        return [_told(problem) for problem in error.problems[:SHOWN]]
    return [*_summary(loaded), *(warning(PART, _place(problem), problem.remedy) for problem in loaded.warnings)]


def _summary(loaded: RuleSet) -> list[Finding]:
    spoken = [rule for rule in loaded.rules if not rule.shadow]
    emergencies = sum(rule.severity is Severity.EMERGENCY for rule in spoken)
    shadows = len(loaded.rules) - len(spoken)
    if not emergencies:
        return [bad(PART, "no rule raises an emergency", "see the rules that carewatch comes with, config/rules.toml")]
    told = f"{loaded.file}: {len(spoken)} rules, {emergencies} of them for emergencies"
    return [good(PART, f"{told}; {shadows} in shadow tell nobody" if shadows else told)]


def _told(problem: Problem) -> Finding:
    return bad(PART, _place(problem), problem.remedy or "`carewatch rules check` shows the place")


def _place(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}:{problem.column}: {problem.what}"
