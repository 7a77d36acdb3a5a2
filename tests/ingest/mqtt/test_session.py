"""What each answer of a broker means, and what an operator is told to do."""

from __future__ import annotations

import socket
import ssl

import mqtt5
import pytest

from ingest.mqtt import MqttOptions, MqttProtocolError, Trouble, packets
from ingest.mqtt.outcomes import of_connect_error
from ingest.mqtt.session import Phase, Session

FILTERS = ["watch/+/+", "3g/+/up"]


def open_session(version: int = 4, codes: bytes = b"\x01\x01") -> Session:
    session = Session(MqttOptions("carewatch", version=version), FILTERS)
    extra = b"\x00" if version == 5 else b""
    subscribe = session.receive(0x20, b"\x00\x00" + extra)
    assert subscribe == packets.encode_subscribe(version, 1, FILTERS)
    session.receive(0x90, b"\x00\x01" + extra + codes)
    return session


@pytest.mark.parametrize("version", [4, 5])
def test_a_session_is_open_after_connack_and_suback(version: int) -> None:
    session = open_session(version)
    assert (session.phase, session.ended, session.trouble, session.refused) == (Phase.OPEN, None, None, {})


@pytest.mark.parametrize(
    ("version", "code", "trouble"),
    [
        (4, 1, Trouble.VERSION_REFUSED),
        (4, 2, Trouble.CLIENT_ID_REFUSED),
        (4, 3, Trouble.BROKER_BUSY),
        (4, 4, Trouble.BAD_CREDENTIALS),
        (4, 5, Trouble.NOT_AUTHORISED),
        (5, 1, Trouble.VERSION_REFUSED),  # a 3.1.1 broker answers so
        (5, 0x84, Trouble.VERSION_REFUSED),
        (5, 0x86, Trouble.BAD_CREDENTIALS),
        (5, 0x87, Trouble.NOT_AUTHORISED),
        (5, 0x9C, Trouble.MOVED),
        (5, 0xFE, Trouble.CONNECT_REFUSED),
    ],
)
def test_a_refused_connect_says_why(version: int, code: int, trouble: Trouble) -> None:
    session = Session(MqttOptions("carewatch", version=version), FILTERS)
    assert session.receive(0x20, bytes((0, code))) == b""
    assert session.ended is not None
    assert session.ended.trouble is trouble
    assert f"code {code}" in session.ended.detail


def test_one_refused_filter_is_trouble_and_is_asked_for_again_until_granted() -> None:
    session = open_session(codes=b"\x01\x80")
    assert session.ended is None
    assert session.trouble is Trouble.SUBSCRIPTION_REFUSED
    assert session.refused == {"3g/+/up": 0x80}
    assert session.subscribe_again() == packets.encode_subscribe(4, 2, ["3g/+/up"])
    assert session.subscribe_again() == b""  # the answer is still to come
    session.receive(0x90, b"\x00\x02\x01")
    assert session.trouble is None
    assert session.subscribe_again() == b""


def test_all_filters_refused_ends_the_connection() -> None:
    ended = open_session(5, b"\x9e\x9e").ended
    assert ended is not None
    assert ended.trouble is Trouble.SHARING_REFUSED
    assert "watch/+/+" in ended.detail


def test_a_filter_granted_at_qos_0_is_known() -> None:
    assert open_session(codes=b"\x01\x00").unacknowledged == ("3g/+/up",)


def test_the_servers_keep_alive_and_packet_limit_rule() -> None:
    session = Session(MqttOptions("carewatch", version=5), FILTERS)
    sent = mqtt5.ConnAckPacket(server_keep_alive=7, max_packet_size=999).write()
    session.receive(sent[0], sent[2:])
    assert (session.keep_alive_s, session.max_publish_bytes) == (7, 999)


def test_pings_settle_only_when_every_one_is_answered() -> None:
    session = open_session()
    session.ping()
    session.ping()
    session.receive(0xD0, b"")
    assert not session.settled
    session.receive(0xD0, b"")
    assert session.settled


def test_the_brokers_goodbye_is_a_reason() -> None:
    session = open_session(5)
    sent = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER, reason_str="twice").write()
    session.receive(sent[0], sent[2:])
    assert session.ended is not None
    assert session.ended.trouble is Trouble.TAKEN_OVER
    assert session.ended.detail == "DISCONNECT code 142 twice"


def test_a_release_of_qos_2_is_completed() -> None:
    assert open_session().receive(0x62, b"\x00\x09") == b"\x70\x02\x00\x09"


@pytest.mark.parametrize(
    ("first_byte", "body", "why"),
    [
        (0x20, b"\x00\x00", "out of place"),
        (0x90, b"\x00\x09\x01", "1 codes for 0 filters"),
        (0x91, b"\x00\x01\x01", "wrong flags"),
        (0x60, b"\x00\x01", "wrong flags"),
        (0xD0, b"x", "PINGRESP of 1 bytes"),
        (0x10, b"", "does not send us"),
        (0xF0, b"", "does not send us"),
    ],
)
def test_packets_out_of_place_are_protocol_errors(first_byte: int, body: bytes, why: str) -> None:
    with pytest.raises(MqttProtocolError, match=why):
        open_session().receive(first_byte, body)


def test_nothing_but_connack_may_come_first() -> None:
    with pytest.raises(MqttProtocolError, match="CONNECT sent"):
        Session(MqttOptions("carewatch"), FILTERS).receive(0xD0, b"")


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (ConnectionRefusedError(111, "no"), Trouble.NOT_LISTENING),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 111] ..."), Trouble.NOT_LISTENING),
        (FileNotFoundError(2, "no socket"), Trouble.NOT_LISTENING),
        (socket.gaierror(-2, "Name or service not known"), Trouble.NAME_UNKNOWN),
        (TimeoutError(), Trouble.NO_ANSWER),
        (ssl.SSLCertVerificationError("self-signed"), Trouble.CERTIFICATE),
        (ssl.SSLError("wrong version number"), Trouble.TLS),
        (PermissionError(13, "no"), Trouble.SOCKET_FORBIDDEN),
        (ConnectionResetError(), Trouble.NO_GREETING),
        (OSError(113, "No route to host"), Trouble.UNREACHABLE),
    ],
)
def test_a_connection_that_does_not_come_about_says_why(error: OSError, trouble: Trouble) -> None:
    assert of_connect_error(error) is trouble


def test_every_trouble_has_words_and_a_remedy() -> None:
    assert all(trouble.text and trouble.remedy for trouble in Trouble)
    assert len({trouble.text for trouble in Trouble}) == len(Trouble)
