"""No decoder raises, whatever comes; and what it makes of bytes does not depend on what stands beside them."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import DECODERS, decoder_for
from ingest.formats.contract import Message
from ingest.formats.profile import load_profiles
from ingest.reading import Kind
from tests.effort import examples

GOLDEN = Path(__file__).parent / "golden"
PROFILES = load_profiles(Path(__file__).parents[3] / "config" / "devices")
EACH = {name: decoder_for(profile.format, profile) for name, profile in PROFILES.items()} | {
    f"{name} without a profile": decoder for name, decoder in DECODERS.items()
}
EVERY = pytest.mark.parametrize("decoder", EACH.values(), ids=EACH.keys())
TOPICS = st.sampled_from(["iw/w1/up", "watch/w1/sos", "iot/g/w1/data", "atom/g616/status/w1", "", "/", "a/b"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [
        "_type",
        "lat",
        "lon",
        "tst",
        "batt",
        "bs",
        "time",
        "sos",
        "heart",
        "location",
        "values",
        "type",
        "battery",
        "fall",
    ]
)


def payloads_of(name):
    for file in sorted(GOLDEN.glob(f"{name}/*/input.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            payload = json.loads(line)["payload"]
            yield (payload if isinstance(payload, str) else json.dumps(payload)).encode()


SEEDS = {name: list(payloads_of(name)) for name in DECODERS}


def tried(decoder, payload, topic="iw/w1/up", watch_id="w1", kind=None):
    found = decoder.decode([Message(topic, payload, 1_790_000_000_000, watch_id, kind)])
    assert len(found.readings) == len(found.watch_ids) == len(found.messages)
    assert all(len(found.readings[name]) == len(found.readings) for name in found.readings.present)
    return found


@EVERY
@given(payload=st.binary(max_size=200), topic=TOPICS, watch_id=st.sampled_from(["w1", None, "w 1", ""]))
def test_no_bytes_raise(decoder, payload, topic, watch_id):
    tried(decoder, payload, topic, watch_id)


@EVERY
@given(content=JSON | st.dictionaries(NAMES, JSON, max_size=6), kind=st.sampled_from([None, *Kind]))
def test_no_json_raises_and_an_emergency_topic_alerts(decoder, content, kind):
    found = tried(decoder, json.dumps(content).encode(), "x/w1/up", "w1", kind)
    if decoder.name in ("native", "flat_json") and kind in (Kind.SOS, Kind.FALL) and content != []:
        assert kind in found.readings["kind"].tolist()


@EVERY
@settings(max_examples=examples(300))
@given(data=st.data())
def test_no_mutated_payload_raises(decoder, data):
    seeds = SEEDS[decoder.name]
    payload = bytearray(b"".join(data.draw(st.lists(st.sampled_from(seeds), min_size=1, max_size=2))))
    for _ in range(data.draw(st.integers(0, 6)) if payload else 0):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    tried(decoder, bytes(payload[: data.draw(st.integers(0, len(payload)))]))


@EVERY
@pytest.mark.parametrize(
    "payload",
    [b"[" * 100_000, b'{"a":' * 50_000, b'{"time":1e999}', b"[3G*" * 20_000, b"IWAP10" * 20_000, b"#" * 60_000,
     b"9" * 60_000, b'{"sos":"' * 8_000, b'"sos"' * 10_000, b"\xff\xfe" * 100, b'{"lat":%s}' % (b"9" * 5000)],
    ids=lambda payload: payload[:12].decode("latin-1"),
)  # fmt: skip
def test_no_monster_raises(decoder, payload):
    tried(decoder, payload)


@EVERY
def test_a_batch_is_its_messages_one_by_one(decoder):
    messages = [Message("iw/w1/up", payload, 1_790_000_000_000, "w1") for payload in SEEDS[decoder.name]]
    whole = decoder.decode(messages)
    alone = [decoder.decode([message]) for message in messages]
    assert list(whole.watch_ids) == [name for one in alone for name in one.watch_ids]
    assert whole.readings["time_ms"].tolist() == [t for one in alone for t in one.readings["time_ms"].tolist()]
    assert [refusal.detail for refusal in whole.refusals] != [] or not any(one.refusals for one in alone)
    assert sorted(whole.unknown_fields) == sorted({name for one in alone for name in one.unknown_fields})
