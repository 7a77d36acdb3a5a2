"""A small town against a real broker, with a subscriber at the other end that receipts, or does not."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from carewatch.clock import ScaledClock
from simulator.episodes import Scenario
from simulator.faults import DeadZone, Faults
from simulator.life import Begin, Reading, live
from simulator.options import EpisodeRates, SimulationOptions
from simulator.run import Published, TownResult, run_town
from simulator.town import build_town
from tests.servers.waiting import eventually, wait_until
from tests.simulator.carewatch_double import CarewatchDouble, Element

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simulator.truth import Truth
    from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.server

MINUTE_MS = 60_000
SPEED = 600.0
RESIDENTS = 5


@contextmanager
def other_end(
    broker: Mosquitto, receipts: Callable[[str, list[Element]], bool] = lambda _topic, _elements: True
) -> Iterator[CarewatchDouble]:
    double = CarewatchDouble(broker, receipts)
    try:
        wait_until(lambda: double.subscribed, why="the other end to subscribe")
        yield double
    finally:
        double.close()


async def run(broker: Mosquitto, options: SimulationOptions, minutes: float, **more: Any) -> TownResult:
    clock = ScaledClock(more.pop("speed", SPEED), options.start_ms * 1_000_000)
    until_ns = int((options.start_ms + minutes * MINUTE_MS) * 1_000_000)
    return await run_town(
        build_town(options),
        options,
        broker_host=broker.host,
        broker_port=broker.port,
        clock=clock,
        until_ns=until_ns,
        **more,
    )


def lived_heart_rates(options: SimulationOptions, minutes: float) -> set[tuple[str, int, int]]:
    """What the lives say must arrive: watch, time, bpm."""
    end_ms = options.start_ms + minutes * MINUTE_MS
    found = set()
    for resident in build_town(options).residents:
        for item in live(resident, options):
            if item.time_ms >= end_ms:
                break
            if getattr(item, "kind", "") == "heart_rate":
                found.add((resident.watch_id, item.time_ms, item.values["bpm"]))
    return found


def heard_heart_rates(double: CarewatchDouble) -> Counter[tuple[str, int, int]]:
    found: Counter[tuple[str, int, int]] = Counter()
    for topic, elements in double.heard:
        _, watch, own = topic.split("/")
        for element in elements:
            if element.get("kind", own) == "heart_rate":
                found[watch, element["time"], element["bpm"]] += 1
    return found


def balance(result: TownResult) -> int:
    """Published or not, every reading is receipted, held or overwritten."""
    return result.receipted + result.held + result.overwritten


@pytest.mark.parametrize("connections", [0, 2])
async def test_every_reading_of_every_life_arrives_and_is_receipted(mosquitto: Mosquitto, connections: int) -> None:
    options = SimulationOptions(residents=RESIDENTS, connections=connections, settle_s=20_000)
    told: list[Published] = []
    with other_end(mosquitto) as double:
        result = await run(mosquitto, options, 60, on_publish=told.append)
    assert set(heard_heart_rates(double)) == lived_heart_rates(options, 60)
    assert result.held == 0
    assert result.published["heart_rate"] == RESIDENTS * 60
    assert result.published_total == result.receipted == len(double.distinct()) == balance(result)
    assert sum(one.copy == 0 for one in told) == result.published_total
    assert len(told) == result.published_total + result.resent
    assert {(one.watch_id, one.boot, one.seq) for one in told} == double.distinct()


async def test_messages_and_receipts_lost_on_the_way_are_made_good_by_resending(mosquitto: Mosquitto) -> None:
    faults = Faults(drop_pct=20, duplicate_pct=10, delay_ms=500, reorder_pct=10)
    options = SimulationOptions(residents=RESIDENTS, faults=faults, settle_s=20_000)
    with other_end(mosquitto) as double:
        result = await run(mosquitto, options, 60)
    assert result.dropped > 0
    assert result.resent > 0
    assert result.held == 0
    assert set(heard_heart_rates(double)) == lived_heart_rates(options, 60)


async def test_what_nobody_receipts_is_held_and_sent_again(mosquitto: Mosquitto) -> None:
    options = SimulationOptions(residents=2, settle_s=300)
    with other_end(mosquitto, lambda _topic, _elements: False) as double:
        result = await run(mosquitto, options, 20)
    assert result.receipted == 0
    assert result.held == result.published_total == balance(result)
    assert result.resent > 0
    copies = heard_heart_rates(double)
    assert max(copies.values()) > 1
    assert set(copies) == lived_heart_rates(options, 20)


async def test_a_watch_out_of_signal_leaves_its_will_and_brings_a_backlog_in_order(mosquitto: Mosquitto) -> None:
    start_ms = SimulationOptions().start_ms
    zone = DeadZone(start_ms + 10 * MINUTE_MS, start_ms + 50 * MINUTE_MS, "w0002")
    options = SimulationOptions(residents=3, faults=Faults(dead_zones=(zone,)), settle_s=20_000)
    with other_end(mosquitto) as double:
        result = await run(mosquitto, options, 70)
    offline = [topic for topic, elements in double.heard if elements == [{"v": 1, "event": "offline"}]]
    assert offline == ["watch/w0002/status"]
    backlogs = [elements for topic, elements in double.heard if topic == "watch/w0002/backlog"]
    longest = max(backlogs, key=len)
    assert len(longest) >= 40
    assert [element["seq"] for element in longest] == sorted(element["seq"] for element in longest)
    assert set(heard_heart_rates(double)) == lived_heart_rates(options, 70)
    assert result.held == 0
    assert [(line.watch, line.what, line.must_alert) for line in result.truth] == [("w0002", "silent", True)]


async def test_a_broker_that_dies_and_comes_back_costs_no_reading(mosquitto: Mosquitto) -> None:
    options = SimulationOptions(residents=RESIDENTS, settle_s=20_000)
    published: list[Published] = []
    with other_end(mosquitto) as double:
        running = asyncio.create_task(run(mosquitto, options, 90, on_publish=published.append))
        await eventually(lambda: len(published) > 100, why="the town to be publishing")
        mosquitto.kill()
        before = len(double.heard)
        mosquitto.start()
        await eventually(lambda: len(double.heard) > before, why="the town to come back")
        result = await running
    assert result.held == 0
    assert set(heard_heart_rates(double)) == lived_heart_rates(options, 90)


async def test_a_broker_that_never_answers_is_no_error_and_everything_is_held(mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    options = SimulationOptions(residents=2, settle_s=0)
    result = await run(mosquitto, options, 20)
    assert result.published_total == 0
    assert result.held == balance(result) >= 40


async def test_a_machine_that_wakes_too_late_cuts_no_life_short(mosquitto: Mosquitto) -> None:
    """At this speed the whole run is over before a watch first wakes."""
    mosquitto.stop()
    options = SimulationOptions(residents=3, settle_s=0)
    result = await run(mosquitto, options, 60, speed=1e8)
    lived = sum(
        isinstance(item, Reading)
        for resident in build_town(options).residents
        for item in _until(live(resident, options), options.start_ms + 60 * MINUTE_MS)
    )
    assert result.held == lived + 3, "every reading, and the boot of each watch"


async def test_the_truth_is_what_really_went_over_the_wire(mosquitto: Mosquitto) -> None:
    rates = EpisodeRates(sos=2.0, fall_sure=2.0, fall_called_off=2.0, silent=1.0, powered_off=1.0)
    options = SimulationOptions(residents=6, episodes=rates, settle_s=20_000)
    told: list[Truth] = []
    with other_end(mosquitto) as double:
        result = await run(mosquitto, options, 240, on_episode=told.append)
    assert sorted(told, key=lambda line: (line.start, line.watch)) == list(result.truth)
    assert len(told) > 8
    heard: dict[str, set[tuple[str, int]]] = {"sos": set(), "fall": set()}
    for topic, elements in double.heard:
        _, watch, kind = topic.split("/")
        if kind in heard:
            assert len(elements) == 1, "an emergency travels alone"
            if not elements[0].get("cancelled"):
                heard[kind].add((watch, elements[0]["time"]))
    for what, alarms in heard.items():
        assert alarms == {(line.watch, line.start) for line in result.truth if line.what == what}
    assert_darkness(double, options, 240)


def assert_darkness(double: CarewatchDouble, options: SimulationOptions, minutes: float) -> None:
    """A dead watch leaves a will and a new boot; one switched off says so and leaves none."""
    begun = [
        item.episode
        for resident in build_town(options).residents
        for item in _until(live(resident, options), options.start_ms + minutes * MINUTE_MS)
        if isinstance(item, Begin)
    ]
    died = Counter(episode.watch for episode in begun if episode.scenario is Scenario.SILENT)
    switched = Counter(episode.watch for episode in begun if episode.scenario is Scenario.POWERED_OFF)
    assert died
    assert switched
    said: Counter[tuple[str, str]] = Counter()
    for topic, elements in double.heard:
        _, watch, own = topic.split("/")
        seen = {json.dumps(e): e["event"] for e in elements if e.get("kind", own) == "status"}
        said.update((watch, event) for event in seen.values())
    assert Counter({watch: n for (watch, event), n in said.items() if event == "offline"}) == died
    first_told: dict[str, str] = {}  # a receipt that comes too late makes it come again, in a backlog
    for topic, elements in double.heard:
        if any(element.get("event") == "power_off" for element in elements):
            first_told.setdefault(topic.split("/")[1], topic)
    assert first_told == {watch: f"watch/{watch}/status" for watch in switched}, "said before it went dark, not after"


def _until(items: Iterator[Any], end_ms: float) -> Iterator[Any]:
    for item in items:
        if item.time_ms >= end_ms:
            return
        yield item
