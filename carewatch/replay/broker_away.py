"""What is said when the broker of a recording is away: one line with the remedy, instead of a traceback."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import aiomqtt

from carewatch.replay.recording import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator


class BrokerAwayError(RecordingError):
    """The broker cannot be reached, refuses us, or went away meanwhile."""


@contextmanager
def broker_at(url: str) -> Iterator[None]:
    """Say what aiomqtt raises, alone or from a group of tasks, as `BrokerAwayError` naming `url`."""
    try:
        yield
    except aiomqtt.MqttError as error:
        raise _away(url, error) from None
    except ExceptionGroup as group:
        of_broker, others = group.split(aiomqtt.MqttError)
        if of_broker is None or others is not None:
            raise
        raise _away(url, of_broker.exceptions[0]) from None


def _away(url: str, error: Exception) -> BrokerAwayError:
    return BrokerAwayError(f"{url}: {error}; start the broker, or correct mqtt.url (--mqtt) and mqtt.username")
