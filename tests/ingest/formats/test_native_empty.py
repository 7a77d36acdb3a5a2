"""Arrays of what says nothing: two bytes an element, so half a million of them fit a message."""

import pytest

from ingest.formats.contract import Reason
from ingest.formats.native_reading import MOST_EMPTY
from ingest.reading import Flag, Kind
from tests.ingest.formats.test_native import TIME_MS, decoded


@pytest.mark.parametrize("element", [b"0", b"{}", b"null", b'"sos"', b"[]"])
@pytest.mark.parametrize("kind", ["heart_rate", "sos", "backlog"])
def test_each_is_told_a_hundred_times_and_then_counted(element, kind):
    found = decoded(b"[" + b",".join([element] * 100_000) + b"]", kind)
    assert len(found.readings) == (MOST_EMPTY if kind == "sos" else 0)
    assert len(found.refusals) <= MOST_EMPTY + 1
    assert found.refusals[-1].reason is Reason.NOT_AN_OBJECT
    assert found.refusals[-1].detail == f"{100_000 - MOST_EMPTY} more elements that say nothing"


def test_an_emergency_behind_them_alerts():
    found = decoded(
        b"[" + b"0," * 50_000 + b'{"kind":"sos","boot":1,"seq":2,"time":%d},' % TIME_MS + b"{}," * 5_000 + b"0]",
        "backlog",
    )
    assert found.readings["kind"].tolist() == [Kind.SOS]
    assert found.readings["seq"].tolist() == [2]


def test_a_few_are_told_one_by_one():
    found = decoded(b"[0,{},1]", "fall")
    assert [bool(flags & Flag.UNDECODABLE) for flags in found.readings["flags"].tolist()] == [True, False, True]
    assert [refusal.element for refusal in found.refusals] == [0, 2]
