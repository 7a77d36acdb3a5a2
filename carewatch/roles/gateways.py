"""The channels that are set up, from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.delivery.channels.email import Email, EmailOptions
from alerts.delivery.channels.kannel import Kannel, KannelOptions

if TYPE_CHECKING:
    from alerts.delivery.contract import Channel
    from carewatch.settings import Settings


def channels_of(settings: Settings) -> list[Channel]:
    """At most one for `sms` and one for `email`. A new gateway is one more line here (docs/adding.md)."""
    channels: list[Channel] = []
    sms, email = settings.sms, settings.email
    if sms.gateway == "kannel":
        channels.append(
            Kannel(
                KannelOptions(
                    url=sms.url,
                    username=sms.username,
                    password=sms.password.get_secret_value(),
                    sender=sms.sender,
                    callback_url=sms.callback_url.rstrip("/"),
                    callback_secret=sms.callback_secret.get_secret_value(),
                    timeout_s=sms.timeout_s,
                )
            )
        )
    if email.host:
        channels.append(
            Email(
                EmailOptions(
                    host=email.host,
                    port=email.port,
                    security=email.security,
                    username=email.username,
                    password=email.password.get_secret_value(),
                    sender=email.sender,
                    timeout_s=email.timeout_s,
                )
            )
        )
    return channels
