"""A store with one officer and one open incident."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from alerts.incidents.contract import Desk
from alerts.people.roster import Roster
from alerts.policy.options import EscalationOptions
from alerts.store import tables
from alerts.store.database import open_store
from alerts.store.messages import owe
from carewatch.clock import NS_PER_S, SteppedClock

NOW_NS = 1_790_000_000 * NS_PER_S
VARIABLES = {
    "message": "fall", "severity": "emergency", "rule": "fall", "watch_id": "w1", "name": "张三", "age": 82,
    "address": "3栋502", "phone": "+8613800001234", "at_ms": NOW_NS // 1_000_000, "since_ms": None, "inputs": {},
    "late": False, "arrived_ms": None, "holder": "",
}  # fmt: skip


@pytest.fixture
def clock():
    return SteppedClock(NOW_NS)


@pytest.fixture
def desk():
    return Desk(Roster(officers=(), shifts=()), EscalationOptions())


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    with opened.transaction() as connection:
        connection.execute(insert(tables.officer).values(id=1, login="lijing", name="李静", phone="+8613900000001"))
        connection.execute(insert(tables.officer).values(id=2, login="wang", name="王强", phone="+8613900000002"))
        connection.execute(insert(tables.resident).values(id=1, name="张三", limits={}))
        key = f"w1:fall:{NOW_NS // 1_000_000}"
        connection.execute(
            insert(tables.incident).values(
                id=1,
                resident_id=1,
                watch_id="w1",
                state="open",
                severity="emergency",
                headline_key=key,
                opened_ms=1,
                happened_ms=1,
                opened_ns=NOW_NS,
            )
        )
        connection.execute(
            insert(tables.alert).values(
                key=key,
                watch=0,
                watch_id="w1",
                resident_id=1,
                incident_id=1,
                rule="fall",
                severity="emergency",
                rule_version="v",
                message="fall",
                started_ms=1,
                fired_ms=1,
                event_ms=1,
                arrival_ms=1,
                late=False,
                shadow=False,
                inputs={},
            )
        )
        for officer_id in (1, 2):
            connection.execute(
                insert(tables.reply_code).values(code="K7Q2", officer_id=officer_id, incident_id=1, issued_ns=NOW_NS)
            )
    yield opened
    opened.close()


@pytest.fixture
def owe_message(store):
    def add(key="a", channel="sms", priority=0, template="alert", **more):
        row = {
            "key": key, "incident_id": 1, "officer_id": 1, "channel": channel, "address": "+8613900000001",
            "language": "zh", "template": template, "variables": VARIABLES, "reply_code": "K7Q2",
            "priority": priority, "reason": "first", "due_ns": NOW_NS, "owed_ns": NOW_NS, **more,
        }  # fmt: skip
        with store.transaction() as connection:
            return owe(connection, row)

    return add


@pytest.fixture
def message_row(store):
    def read(message_id):
        with store.reading() as connection:
            return connection.execute(select(tables.message).where(tables.message.c.id == message_id)).one()

    return read
