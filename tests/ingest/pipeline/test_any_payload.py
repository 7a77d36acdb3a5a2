"""Whatever a payload holds: nothing raises, the record can be written and read, and an emergency always alerts."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import decoder_for
from ingest.log.contract import Record, RecordKind
from ingest.log.record import pack, unpack
from ingest.mqtt.delivered import Delivered
from ingest.normalise.seen import Seen
from ingest.prepare import Preparation
from ingest.reading import COLUMNS, EMERGENCY_KINDS, Datum
from ingest.sources import BACKLOG
from ingest.watches import Watches
from tests.effort import examples
from tests.ingest.pipeline.conftest import SOURCES
from tests.ingest.pipeline.flow import START_MS

NAMES = [*(column.name for column in COLUMNS), "time", "v", "kind", "note"]
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, -1, 2**31, 2**32, 2**53, 2**63, 2**64, START_MS, -START_MS, 10**400]),
    st.floats(allow_nan=False, allow_infinity=False),
)
WORDS = st.sampled_from(["", "sos", "fall", "heart_rate", "gps", "gcj02", "offline", "2026-01-01T00:00:00Z", "张\x00"])
VALUES = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.lists(st.integers(), max_size=2))
ELEMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)
CONTENTS = st.one_of(ELEMENTS, st.lists(st.one_of(ELEMENTS, VALUES), max_size=4), VALUES)
PAYLOADS = st.one_of(CONTENTS.map(lambda content: json.dumps(content).encode()), st.binary(max_size=40))
LEVELS = ["heart_rate", "location", "status", "sos", "fall", BACKLOG]
TOPICS = st.one_of(
    st.tuples(st.sampled_from(["w1", "w2", "张三", ""]), st.sampled_from(LEVELS)).map("/".join).map("watch/{}".format),
    st.just("3g/8800000015/up"),
    st.text(max_size=10),
)
BATCHES = st.lists(st.tuples(TOPICS, PAYLOADS, st.booleans()), min_size=1, max_size=6)


@settings(max_examples=examples(250), deadline=None)
@given(st.lists(BATCHES, min_size=1, max_size=3))
def test_any_payload_on_any_topic(batches):
    watches, seen = Watches(), Seen()
    decoders = {name: decoder_for(name) for name in ("native", "watch_3g")}
    preparation = Preparation(
        SOURCES, watches, seen, lambda route: decoders[route.format], lambda _route: Datum.GCJ02, most_unknown=1
    )
    for messages in batches:
        topics, payloads, retained = (list(column) for column in zip(*messages, strict=True))
        delivered = Delivered(1, topics, payloads, retained, [1] * len(topics))
        before = len(watches)
        preparation.undo(preparation.prepare([delivered], START_MS, deaf=False))
        assert len(watches) == before
        prepared = preparation.prepare([delivered], START_MS, deaf=False)
        seen.commit()
        readings = prepared.batch.readings
        assert unpack(pack(Record(1, RecordKind.READINGS, START_MS, readings=readings)))[0].readings.rows == len(
            readings
        )
        alarms = sum(kind in EMERGENCY_KINDS for kind in prepared.readings["kind"].tolist())
        assert alarms >= sum(topic.startswith("watch/") and topic.endswith(("/sos", "/fall")) for topic in topics)
        assert {watch.watch_id for watch in prepared.batch.new_watches} <= {watch.watch_id for watch in all_of(watches)}


def all_of(watches):
    return [watches.at(index) for index in range(len(watches))]
