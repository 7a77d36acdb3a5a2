"""The stages between broker and log, as the settings and the device profiles of now have them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from carewatch.sources import ConfiguredSources
from ingest.log.sqlite import SEEN_VALUE_KEPT_MS
from ingest.normalise.seen_restore import restored
from ingest.prepare import Preparation
from ingest.reading import Datum

if TYPE_CHECKING:
    from carewatch.settings import Settings
    from ingest.log.contract import ReadingLog
    from ingest.watches import Watches


def preparation_of(
    settings: Settings, sources: ConfiguredSources, reading_log: ReadingLog, watches: Watches, time_ms: int
) -> Preparation:
    """With the duplicate filter as it was at the log's last commit."""
    seen = restored(reading_log, time_ms - SEEN_VALUE_KEPT_MS)
    of_site = Datum[settings.site.datum.upper()]
    return Preparation(
        sources.sources, watches, seen, sources.decoder_of, lambda route: sources.datum_of(route, of_site)
    )


def of_today(preparation: Preparation, settings: Settings) -> Preparation:
    """The same with the profiles as they stand in `devices_folder` now. Raises as `ConfiguredSources.of`."""
    sources = ConfiguredSources.of(settings)
    of_site = Datum[settings.site.datum.upper()]
    return replace(
        preparation,
        sources=sources.sources,
        decoder_of=sources.decoder_of,
        datum_of=lambda route: sources.datum_of(route, of_site),
    )
