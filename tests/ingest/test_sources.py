import pytest

from ingest.formats.contract import Reason
from ingest.reading import Kind
from ingest.sources import Source, Sources, matches
from ingest.watches import WATCH_ID

SOURCES = Sources([Source("3g/+/up", "watch_3g", "phone_watch"), Source("iot/#", "flat_json")])


@pytest.mark.parametrize("kind", list(Kind))
def test_our_own_topics_say_watch_and_kind(kind):
    route = SOURCES.route(f"watch/w.1_a-B/{kind.topic}")
    assert (route.format, route.watch_id, route.kind, route.is_backlog) == ("native", "w.1_a-B", kind, False)
    assert route.decodes


def test_a_backlog_says_the_watch_only():
    route = SOURCES.route("watch/w1/backlog")
    assert (route.watch_id, route.kind, route.is_backlog) == ("w1", None, True)


def test_a_configured_source_says_format_and_profile():
    route = SOURCES.route("3g/8800000015/up")
    assert (route.format, route.profile, route.watch_id, route.kind) == ("watch_3g", "phone_watch", "8800000015", None)
    assert SOURCES.route("iot/g1/w1/data").format == "flat_json"
    assert SOURCES.route("iot/g1/w1/data").watch_id is None


@pytest.mark.parametrize(
    "topic", ["watch/w1/receipt", "watch/w1", "watch/w1/sos/x", "", "/", "watch/w1/SOS", "$SYS/x/up"]
)
def test_an_unknown_topic_is_a_stray(topic):
    route = SOURCES.route(topic)
    assert route.stray.reason is Reason.UNKNOWN_TOPIC
    assert not route.decodes


@pytest.mark.parametrize("watch_id", ["", "w 1", "手表", "a" * 65, "w\n"])
def test_a_bad_id_is_a_stray_but_its_emergency_keeps_a_stand_in(watch_id):
    calm = SOURCES.route(f"watch/{watch_id}/heart_rate")
    assert (calm.stray.reason, calm.decodes) == (Reason.BAD_WATCH_ID, False)
    urgent = SOURCES.route(f"watch/{watch_id}/sos")
    assert urgent.stray.reason is Reason.BAD_WATCH_ID
    assert urgent.decodes
    assert WATCH_ID.fullmatch(urgent.watch_id)
    assert urgent == SOURCES.route(f"watch/{watch_id}/sos")
    message = urgent.message(f"watch/{watch_id}/sos", b"{}", 5, retained=True)
    assert (message.watch_id, message.kind, message.retained, message.arrival_ms) == (
        urgent.watch_id,
        Kind.SOS,
        True,
        5,
    )


def test_emergencies_have_a_list_of_their_own_and_receipts_are_never_subscribed():
    found = SOURCES.subscriptions()
    assert found.emergency == ("watch/+/sos", "watch/+/fall")
    assert found.other == (
        "watch/+/heart_rate", "watch/+/location", "watch/+/status", "watch/+/backlog", "3g/+/up", "iot/#",
    )  # fmt: skip
    assert not any(matches(f, "watch/w1/receipt") for f in (*found.emergency, *found.other))


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [("a/+/c", "a/b/c", True), ("a/+/c", "a//c", True), ("a/+", "a/b/c", False), ("a/+/c", "a/b", False),
     ("a/#", "a", True), ("a/#", "a/b/c", True), ("#", "a/b", True), ("+", "a", True), ("+", "/a", False),
     ("#", "$SYS/a", False), ("+/a", "$SYS/a", False), ("a", "A", False), ("+/+", "/x", True)],
)  # fmt: skip
def test_filters_match_as_mqtt_says(topic_filter, topic, expected):
    assert matches(topic_filter, topic) is expected


@pytest.mark.parametrize("bad", ["", "a/#/b", "a+/b", "a/b#", "$queue/a"])
def test_a_bad_filter_is_named_with_its_remedy(bad):
    with pytest.raises(ValueError, match="is no MQTT topic filter"):
        Source(bad, "native")


def test_a_shared_subscription_is_refused_with_the_reason_while_each_ingest_has_a_log_of_its_own():
    with pytest.raises(ValueError, match=r"write it without \$share and run one ingest"):
        Source("$share/edge/3g/+/up", "watch_3g")
