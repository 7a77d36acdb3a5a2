"""Whether the broker lets us in and gives us the watches' topics."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from carewatch.broker import subscriber_options
from carewatch.clock import WallClock
from carewatch.doctor.bounded import TRY_S
from carewatch.doctor.finding import Finding, bad, good, warning
from carewatch.doctor.nearness import is_this_machine
from carewatch.settings_sources import SettingsError
from carewatch.sources import ConfiguredSources
from ingest.formats.profile import ProfileError
from ingest.mqtt import Link, probe

if TYPE_CHECKING:
    from carewatch.settings import Settings
    from ingest.mqtt import LinkState, MqttOptions

PART = "broker"


async def broker(settings: Settings) -> list[Finding]:
    """Connects and subscribes as `<client_id>-doctor` with a session of its own: carewatch's own is not touched."""
    try:
        options = _hasty(subscriber_options(settings.mqtt))
        filters = topic_filters(settings)
    except (SettingsError, ProfileError) as error:
        return [bad(PART, str(error), "correct [mqtt] and [[sources]] in carewatch.toml (docs/settings.md)")]
    state = await probe(options, filters, clock=WallClock(), rng=Random())  # noqa: S311 - spreads retries, no secret
    return [_told(state, options.broker, len(filters)), *_in_clear(options)]


def topic_filters(settings: Settings) -> list[str]:
    """What ingest subscribes to, on both its connections. Raises `SettingsError` or `ProfileError`."""
    wanted = ConfiguredSources.of(settings).sources.subscriptions()
    return list(dict.fromkeys([*wanted.emergency, *wanted.other]))


def _hasty(options: MqttOptions) -> MqttOptions:
    """Answers within our bound: once for the connection, once for the broker's words."""
    # A short keep-alive makes a connection look at its time-outs each second.
    return replace(options, keep_alive_s=4, connect_timeout_s=TRY_S / 2, close_timeout_s=0.3)


def _told(state: LinkState, broker_address: str, filters: int) -> Finding:
    if state.link is Link.UP:
        return good(PART, f"{broker_address} lets us in and grants all {filters} topics")
    if state.trouble is None:
        return bad(PART, f"{broker_address}: {state.link.value}", "look at the broker's log")
    detail = f" ({state.detail})" if state.detail else ""
    return bad(PART, f"{broker_address}: {state.trouble.text}{detail}", state.trouble.remedy)


def _in_clear(options: MqttOptions) -> list[Finding]:
    if options.tls or options.unix_path or is_this_machine(options.host):
        return []
    told = f"readings and passwords go to {options.host} without TLS"
    return [warning(PART, told, "use mqtts:// (docs/operations.md), unless that network is yours alone")]
