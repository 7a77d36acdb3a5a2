"""Whose readings these are, and which datum their watches speak."""

import json

import numpy as np
import pytest

from ingest.formats import decoder_for
from ingest.mqtt.delivered import Delivered
from ingest.normalise.seen import Seen
from ingest.prepare import Preparation
from ingest.reading import Datum, Flag
from ingest.sources import Source, Sources
from ingest.watches import Watch, Watches
from tests.ingest.pipeline.flow import START_MS

SOURCES = Sources([Source("shifted/+/location", "native", "maker_x")])
DATUM_OF = {"": Datum.WGS84, "native": Datum.WGS84, "maker_x": Datum.GCJ02, "phone": Datum.GCJ02}
IN_SHENZHEN = {"lat": 22.54, "lon": 114.05}


def prepared(*topics, watches=(), **fields):
    registry = Watches(watches)
    preparation = Preparation(
        SOURCES, registry, Seen(), lambda _route: decoder_for("native"), lambda route: DATUM_OF[route.profile]
    )
    payload = json.dumps({"time": START_MS, **IN_SHENZHEN, **fields}).encode()
    count = len(topics)
    delivered = Delivered(1, list(topics), [payload] * count, [False] * count, [1] * count)
    return preparation.prepare([delivered], START_MS, deaf=False).readings


def is_converted(readings):
    return (readings["flags"] & Flag.DATUM_CONVERTED != 0).tolist()


def test_a_watch_of_a_model_that_shifts_positions_is_converted_though_its_topic_is_ours():
    known = [Watch(0, "w0"), Watch(1, "w1", profile="phone")]
    readings = prepared("watch/w0/location", "watch/w1/location", "watch/w2/location", watches=known)
    assert is_converted(readings) == [False, True, False]
    assert readings["datum"].tolist() == [Datum.WGS84, Datum.GCJ02, Datum.WGS84]
    np.testing.assert_allclose(readings["lat"][1], IN_SHENZHEN["lat"], atol=0.01)
    assert readings["lat"][1] != IN_SHENZHEN["lat"]


def test_a_source_with_a_profile_says_it_for_its_watches():
    readings = prepared("shifted/w0/location", "watch/w1/location", "shifted/w2/location")
    assert is_converted(readings) == [True, False, True]


def test_what_the_reading_says_goes_before_what_its_model_does():
    known = [Watch(0, "w0", profile="phone")]
    assert is_converted(prepared("watch/w0/location", watches=known, datum="wgs84")) == [False]


def test_many_of_them_by_columns(monkeypatch):
    known = [Watch(number, f"w{number}", profile="phone" if number % 3 == 0 else "native") for number in range(60)]
    readings = prepared(*(f"watch/w{number}/location" for number in range(60)), watches=known)
    assert is_converted(readings) == [number % 3 == 0 for number in range(60)]
    assert readings["watch"].tolist() == list(range(60))
    assert not (readings["flags"] & Flag.UNKNOWN_WATCH).any()


@pytest.mark.parametrize("provisional", [True, False])
def test_a_watch_that_nobody_registered_is_flagged(provisional):
    readings = prepared("watch/w0/location", watches=[Watch(0, "w0", provisional=provisional)])
    assert bool(readings["flags"][0] & Flag.UNKNOWN_WATCH) is provisional
