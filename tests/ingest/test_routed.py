"""Topics by columns are what each topic says alone."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest import routed as routed_module
from ingest.formats.contract import Reason
from ingest.mqtt.delivered import Delivered
from ingest.reading import Kind
from ingest.routed import routed
from ingest.sources import Source, Sources

SOURCES = Sources(
    [Source("3g/+/up", "watch_3g"), Source("old/#", "native"), Source("shifted/+/location", "native", "x")]
)
SOUND = [f"watch/w{number}/{level}" for number in range(3) for level in ("heart_rate", "sos", "backlog")]
ODD = [
    "", "/", "watch", "watch/w1", "watch//sos", "watch/w1/receipt", "watch/w1/sos/x", "watch/w 1/heart_rate",
    "watch/w 1/sos", "watch/" + "a" * 64 + "/fall", "watch/" + "a" * 65 + "/fall", "watch/手表/status",
    "watch/w1/sos\nwatch/w2/sos", "watch/w1\nwatch/sos", "w1/sos\nwatch", "\nwatch", "watch/w1/sos\n", "\nwatch/w1/sos",
    "3g/8800000015/up", "old/w1/heart_rate", "shifted/w1/location", "watch/a\n/sos", "watch/\\xff/sos",
]  # fmt: skip
PIECES = st.text(st.sampled_from("w1/\n a"), max_size=6)
TOPICS = st.one_of(st.sampled_from(SOUND), st.sampled_from(ODD), st.lists(PIECES, max_size=5).map("/".join))


def delivered(topics, oversized=None):
    count = len(topics)
    return Delivered(1, topics, [b"{}"] * count, [False] * count, [1] * count, oversized or {})


def said(found):
    messages = found.messages
    return list(zip(messages.watch_ids, messages.kinds, messages.backlog, strict=True))


@given(st.lists(TOPICS, min_size=1, max_size=12))
@example(["watch/w1/sos/w2/fall", "watch"])
@example(["watch/w1", "sos/x\nwatch/w2/sos"])
@example(["watch/w1/sos", "watch/w2/fall\nwatch"])
def test_any_topics(topics):
    found = routed(SOURCES, [delivered(topics)], 5)
    routes = [SOURCES.route(topic) for topic in topics]
    assert said(found) == [(route.watch_id, route.kind, route.is_backlog) for route in routes]
    assert found.routes == {place: route for place, route in enumerate(routes) if not route.is_sound}
    assert found.strays == {place: route.stray for place, route in enumerate(routes) if route.stray is not None}
    assert found.unread == {place for place, route in enumerate(routes) if not route.decodes}


@pytest.mark.parametrize("topic", ODD)
def test_each_odd_topic_among_sound_ones(topic):
    for topics in ([topic], [topic, *SOUND], [*SOUND, topic], [*SOUND, topic, *SOUND]):
        messages = routed(SOURCES, [delivered(topics)], 5).messages
        assert messages.watch_ids == [SOURCES.route(one).watch_id for one in topics]
        assert messages.kinds == [SOURCES.route(one).kind for one in topics]


@given(st.lists(st.sampled_from(SOUND), min_size=1, max_size=20))
def test_sound_topics_need_no_look_at_each(topics):
    found = routed(Blind(), [delivered(topics)], 5)
    assert found.messages.watch_ids == [topic.split("/")[1] for topic in topics]
    assert found.routes == {}
    assert found.ours() == range(len(topics))


class Blind(Sources):
    def route(self, topic):
        raise AssertionError(f"{topic} was looked at alone")


def test_one_odd_topic_slows_its_run_only(monkeypatch):
    monkeypatch.setattr(routed_module, "RUN", 4)
    looked_at = []

    class Watching(Sources):
        def route(self, topic):
            looked_at.append(topic)
            return super().route(topic)

    topics = [f"watch/w{number}/status" for number in range(12)]
    topics[5] = "old/filter"
    found = routed(Watching(), [delivered(topics)], 5)
    assert looked_at == topics[4:8]
    assert found.strays[5].reason is Reason.UNKNOWN_TOPIC
    assert list(found.ours()) == [place for place in range(12) if place != 5]


def test_an_oversized_message_is_unread_but_for_an_emergency():
    first = delivered(["watch/w1/status", "watch/w2/sos"], {0: 70_000, 1: 80_000})
    second = delivered(["watch/w3/status", "bad topic"], {0: 90_000, 1: 95_000})
    found = routed(SOURCES, [first, second], 5)
    assert found.unread == {0, 2, 3}
    reasons = {place: stray.reason for place, stray in found.strays.items()}
    assert reasons == {0: Reason.OVERSIZED, 1: Reason.OVERSIZED, 2: Reason.OVERSIZED, 3: Reason.UNKNOWN_TOPIC}
    assert "90000 bytes" in found.strays[2].detail


def test_what_a_stage_failed_on_is_unread_and_says_so():
    found = routed(SOURCES, [delivered(["watch/w1/status", "watch/w 2/sos"])], 5, {1: ()})
    assert found.unread == {1}
    assert found.strays[1].reason is Reason.DECODER_FAILED


def test_columns_are_as_long_as_what_came():
    found = routed(SOURCES, [delivered(["watch/w1/sos"]), delivered(["3g/88/up", "watch/w2/backlog"])], 7)
    assert found.messages[0].kind is Kind.SOS
    assert found.messages[1].watch_id == "88"
    assert (found.messages[2].is_backlog, found.messages[2].arrival_ms) == (True, 7)
    with pytest.raises(IndexError):
        found.messages[3]


def test_made_up_topics_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("ingest.sources.MOST_KNOWN", 10)
    sources = Sources()
    for number in range(100):
        sources.route(f"made/up/{number}")
    sources.route("x" * 60_000)
    assert len(sources._known) <= 10
    assert all(len(topic) <= 256 for topic in sources._known)
