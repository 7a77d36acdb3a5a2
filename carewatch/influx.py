"""The settings section `influx` as options of the writer, the query and the set-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.influx.options import InfluxOptions

if TYPE_CHECKING:
    from carewatch.settings import Settings


def influx_options(settings: Settings) -> InfluxOptions:
    """As set; `url` is empty where no InfluxDB is written."""
    influx = settings.influx
    return InfluxOptions(
        url=influx.url,
        api=influx.api,
        org=influx.org,
        bucket=influx.bucket,
        token=influx.token.get_secret_value(),
        username=influx.username,
        password=influx.password.get_secret_value(),
    )
