"""The rules that hold: the file's or, while that is wrong, those that held before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from alerts.adopt import adopt_settings
from alerts.rules.problems import RuleError
from alerts.store.settings_versions import newest_version
from carewatch.rules_file import read_rules
from carewatch.settings_sources import SettingsError

if TYPE_CHECKING:
    from alerts.store.database import Store
    from carewatch.settings import Settings
    from ingest.watches import Watches

log = structlog.get_logger(__name__)


def adopt_or_go_on(settings: Settings, store: Store, watches: Watches, now_ns: int) -> str:
    """Rules that are wrong do not stop those that held before: those go on, and what is wrong is returned."""
    try:
        adopt(settings, store, watches, now_ns)
    except (SettingsError, RuleError) as error:
        with store.reading() as connection:
            before = newest_version(connection)
        if before is None:
            raise
        log.warning("rules_refused", problem=str(error), goes_on=before.version, remedy="carewatch rules check")
        return f"settings version {before.version} goes on: {error}"
    return ""


def adopt(settings: Settings, store: Store, watches: Watches, now_ns: int) -> int:
    """Make the rules of the file hold from the next record on, if they are good; returns the settings version."""
    text, _ = read_rules(settings.rules_file)
    # A jump of log time is deaf time by the machine's seconds; the demo's clock runs faster than those.
    deaf_gap_ms = int(10_000 * settings.clock.speed)
    zone = settings.site.time_zone
    return adopt_settings(store, text, zone, watches, now_ns, note="file", deaf_gap_ms=deaf_gap_ms).version
