"""A town whose broker is away says so once, with the remedy, and ends in its time."""

from __future__ import annotations

import asyncio

import aiomqtt
import pytest
from structlog.testing import capture_logs

from carewatch.clock import ScaledClock
from carewatch.settings import Settings
from carewatch.town import options_now, simulate_town
from simulator.link import Broker, Reach
from simulator.options import SimulationOptions
from simulator.run import run_town
from simulator.town import build_town
from tests.servers.process import free_port

REFUSED = aiomqtt.MqttError("[code:135] Not authorized")


def warnings(told):
    return [line for line in told if line["log_level"] == "warning"]


async def test_a_town_without_a_broker_says_so_once_and_ends_with_its_readings_held():
    options = SimulationOptions(residents=5, settle_s=60)
    clock = ScaledClock(600.0, options.start_ms * 1_000_000)
    port, until_ns = free_port(), clock.now_ns() + 300 * 1_000_000_000
    with capture_logs() as told:
        async with asyncio.timeout(30):
            result = await run_town(
                build_town(options), options, broker_host="127.0.0.1", broker_port=port, clock=clock, until_ns=until_ns
            )
    (warning,) = warnings(told)
    assert warning["event"] == "broker_not_reached"
    assert warning["broker"] == f"127.0.0.1:{port}"
    assert "refused" in warning["problem"]
    assert "start the broker" in warning["remedy"]
    assert result.held > 0


def test_each_outage_is_said_once():
    with capture_logs() as told:
        reach = Reach(Broker("127.0.0.1", 1))
        for _ in range(2):
            reach.failed(REFUSED)
            reach.failed(REFUSED)
            reach.came_up()
            reach.came_up()
    assert [line["event"] for line in told] == 2 * ["broker_not_reached", "broker_reached"]


@pytest.mark.parametrize(("error", "is_ours"), [(REFUSED, False), (KeyError("a fault"), True)])
async def test_a_connection_that_fails_unheard_is_a_line_and_a_fault_keeps_its_traceback(error, is_ours, caplog):
    settings = Settings()
    options = options_now(settings, residents=1, seed=1, quiet=True)
    url = f"mqtt://127.0.0.1:{free_port()}"
    with capture_logs() as told:
        await simulate_town(settings, options, url=url, speed=6000.0, minutes=1)
        asyncio.get_running_loop().call_exception_handler({"message": "never retrieved", "exception": error})
    assert ("connection_failed_unheard" in [line["event"] for line in told]) is not is_ours
    assert ("never retrieved" in caplog.text) is is_ours
