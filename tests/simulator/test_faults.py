from __future__ import annotations

import numpy as np
import pytest

from simulator.faults import DeadZone, Faults, Network

MANY = 2_000


def network(**faults: float) -> Network:
    return Network("w0001", Faults(**faults), np.random.default_rng(5))


def test_by_default_the_network_is_perfect() -> None:
    perfect = network()
    assert [perfect.arrivals(ms) for ms in range(100)] == [(ms,) for ms in range(100)]
    assert not any(perfect.loses_receipt() for _ in range(100))
    assert perfect.dead_zone_at(0) is None
    assert perfect.next_change_ms(0) is None


def test_messages_and_receipts_are_dropped_in_their_share() -> None:
    bad = network(drop_pct=30)
    assert sum(bad.arrivals(0) == () for _ in range(MANY)) / MANY == pytest.approx(0.3, abs=0.04)
    assert sum(bad.loses_receipt() for _ in range(MANY)) / MANY == pytest.approx(0.3, abs=0.04)


def test_some_messages_come_twice() -> None:
    double = network(duplicate_pct=25)
    assert sum(len(double.arrivals(0)) - 1 for _ in range(MANY)) / MANY == pytest.approx(0.25, abs=0.04)


def test_a_delay_has_its_mean_and_never_goes_back_in_time() -> None:
    slow = network(delay_ms=400)
    delays = [slow.arrivals(1_000)[0] - 1_000 for _ in range(MANY)]
    assert min(delays) >= 0
    assert np.mean(delays) == pytest.approx(400, rel=0.1)


def test_reordered_messages_are_overtaken_by_later_ones() -> None:
    mixed = network(reorder_pct=20)
    arrivals = [mixed.arrivals(ms * 500)[0] for ms in range(MANY)]
    assert arrivals != sorted(arrivals)


def test_a_dead_zone_covers_its_watch_or_all_from_start_until_before_end() -> None:
    mine, others, everybodys = DeadZone(10, 20, "w0001"), DeadZone(30, 40, "w0002"), DeadZone(50, 60)
    net = Network("w0001", Faults(dead_zones=(everybodys, mine, others)), np.random.default_rng(5))
    assert [net.dead_zone_at(ms) for ms in (9, 10, 19, 20, 35, 55)] == [None, mine, mine, None, None, everybodys]
    assert [net.next_change_ms(ms) for ms in (0, 10, 20, 50, 60)] == [10, 20, 50, 60, None]
