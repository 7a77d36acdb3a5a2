from __future__ import annotations

from random import Random

import pytest

from carewatch.clock import WallClock
from ingest.mqtt import MqttOptions, Subscriber


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"client_id": ""}, "mqtt.client_id is ''"),
        ({"version": 3}, "mqtt.version is 3: use 5, or 4"),
        ({"password": "x"}, "set mqtt.username"),
        ({"keep_alive_s": 0}, "mqtt.keep_alive_s is 0: give 1 to 65535"),
        ({"session_expiry_s": -1}, "mqtt.session_expiry_s is -1"),
        ({"reconnect_min_s": 20.0}, "mqtt.reconnect_min_s is 20.0"),
    ],
)
def test_a_wrong_option_is_named_with_its_value_and_the_remedy(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        MqttOptions(**{"client_id": "carewatch", **fields})


def test_the_password_is_not_in_the_printed_options() -> None:
    assert "secret" not in repr(MqttOptions("carewatch", username="u", password="secret"))


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        ([], "give 1 to 65535 bytes"),
        (["watch/#/sos"], "# stands alone and last"),
        (["watch/a#"], "# stands alone and last"),
        (["$share/edge"], "write \\$share/group/filter"),
        (["watch/a+/sos"], "\\+ stands for a whole level"),
    ],
)
async def test_a_wrong_filter_is_refused_before_the_broker_sees_it(filters: list[str], why: str) -> None:
    rng = Random(1)  # noqa: S311 - seeded on purpose
    with pytest.raises(ValueError, match=why):
        Subscriber(MqttOptions("c"), filters, clock=WallClock(), rng=rng, on_change=print)
