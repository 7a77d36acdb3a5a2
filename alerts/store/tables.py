"""Every table of the store. One transaction writes a record's transitions, incidents, messages owed and offset.

Times: `_ms` are log or event times, `_ns` are the clock's (wall) times. SQLite by default, PostgreSQL by URL.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()
Id = BigInteger().with_variant(Integer, "sqlite")

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

settings_version = Table(
    "settings_version",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("from_offset", BigInteger, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("document", JSON, nullable=False),
    Column("note", Text, nullable=False, default=""),
)

engine_place = Table(
    "engine_place",
    metadata,
    Column("consumer", String(64), primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("log_time_ms", BigInteger, nullable=False),
)

engine_snapshot = Table(
    "engine_snapshot",
    metadata,
    Column("offset", BigInteger, primary_key=True),
    Column("created_ns", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

resident = Table(
    "resident",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("born", Integer),  # year
    Column("sex", String(8)),
    Column("address", Text, nullable=False, default=""),
    Column("community", Text, nullable=False, default=""),
    Column("phone", Text, nullable=False, default=""),
    Column("language", String(8), nullable=False, default="zh"),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("home_radius_m", Float),
    Column("contact_name", Text, nullable=False, default=""),
    Column("contact_phone", Text, nullable=False, default=""),
    Column("contact_relation", Text, nullable=False, default=""),
    Column("notes", Text, nullable=False, default=""),
    Column("limits", JSON, nullable=False, default=dict),
)

wearer = Table(
    "wearer",
    metadata,
    Column("watch_id", String(64), primary_key=True),
    Column("resident_id", Id, ForeignKey("resident.id"), nullable=False, index=True),
    Column("since_ns", BigInteger, nullable=False),
)

officer = Table(
    "officer",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("login", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("phone", Text, nullable=False, default=""),  # E.164
    Column("email", Text, nullable=False, default=""),
    Column("language", String(8), nullable=False, default="zh"),
    Column("role", String(16), nullable=False, default="officer"),  # officer, chief, admin, viewer, wall
    Column("password_hash", Text, nullable=False, default=""),  # argon2; empty: cannot sign in by password
)

api_token = Table(
    "api_token",
    metadata,
    Column("token_hash", String(64), primary_key=True),  # sha256, hex
    Column("officer_id", Id, ForeignKey("officer.id"), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("revoked_ns", BigInteger),
)

alert = Table(
    "alert",
    metadata,
    Column("key", String(200), primary_key=True),  # watch_id:rule:started_ms
    Column("watch", Integer, nullable=False),
    Column("watch_id", String(64), nullable=False, index=True),
    Column("resident_id", Id, ForeignKey("resident.id")),
    Column("incident_id", Id, ForeignKey("incident.id"), index=True),
    Column("rule", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("rule_version", String(64), nullable=False),
    Column("message", String(64), nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("fired_ms", BigInteger, nullable=False),
    Column("event_ms", BigInteger, nullable=False),
    Column("arrival_ms", BigInteger, nullable=False),
    Column("resolved_ms", BigInteger),
    Column("resolved_why", String(32)),
    Column("late", Boolean, nullable=False),
    Column("shadow", Boolean, nullable=False),
    Column("repeats", Integer, nullable=False, default=0),
    Column("reopenings", Integer, nullable=False, default=0),
    Column("inputs", JSON, nullable=False),
)

transition = Table(
    "transition",
    metadata,
    Column("offset", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),  # within the record
    Column("alert_key", String(200), nullable=False, index=True),
    Column("watch", Integer, nullable=False),
    Column("rule", String(64), nullable=False),
    Column("change", String(16), nullable=False),
    Column("why", String(32), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("event_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("inputs", JSON, nullable=False),
)

incident = Table(
    "incident",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("resident_id", Id, ForeignKey("resident.id"), index=True),  # null: a watch that nobody is known to wear
    Column("watch_id", String(64), nullable=False),
    Column("state", String(16), nullable=False, index=True),  # open, acknowledged, resolved
    Column("severity", String(16), nullable=False),  # the worst of its alerts
    Column("headline_key", String(200), nullable=False),  # alert that gives the headline
    Column("opened_ms", BigInteger, nullable=False),  # log time of the first alert
    Column("happened_ms", BigInteger, nullable=False),  # event time of the headline alert
    Column("opened_ns", BigInteger, nullable=False),
    Column("owner_id", Id, ForeignKey("officer.id")),
    Column("acknowledged_ns", BigInteger),
    Column("acknowledged_via", String(16)),  # sms, link, board, api
    Column("resolved_ns", BigInteger),
    Column("outcome", String(16)),  # real, visited, false_alarm, test (no_contact keeps it open)
    Column("note", Text, nullable=False, default=""),
    Column("retry_ns", BigInteger),  # after no_contact: when to try again
    Column("step", Integer, nullable=False, default=0),  # of the escalation: how far it has gone
    Column("version", Integer, nullable=False, default=1),
)

timeline = Table(
    "timeline",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("incident_id", Id, ForeignKey("incident.id"), nullable=False, index=True),
    Column("at_ns", BigInteger, nullable=False),
    # fired, repeated, cleared, told, delivered, failed, acknowledged, lost_race, commented, escalated, resolved, ...
    Column("what", String(32), nullable=False),
    Column("officer_id", Id, ForeignKey("officer.id")),
    Column("alert_key", String(200)),
    Column("message_id", Id),
    Column("detail", JSON, nullable=False, default=dict),
)

timer = Table(
    "timer",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("incident_id", Id, ForeignKey("incident.id"), nullable=False),
    Column("what", String(32), nullable=False),  # escalate, ack_expires, remind, no_receipt, retry_contact
    Column("subject", String(64), nullable=False, default=""),  # e.g. the message waited for
    Column("due_ns", BigInteger, nullable=False, index=True),
    UniqueConstraint("incident_id", "what", "subject"),
)

message = Table(  # the outbox
    "message",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    # says who is told of what and why: a second application of the same is a no-op
    Column("key", String(255), nullable=False, unique=True),
    Column("incident_id", Id, ForeignKey("incident.id"), index=True),
    Column("officer_id", Id, ForeignKey("officer.id")),  # null: family
    Column("channel", String(16), nullable=False),  # sms, email
    Column("address", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("template", String(64), nullable=False),  # key in the message catalogues
    Column("variables", JSON, nullable=False),  # what the template needs, resolved when owed
    Column("reply_code", String(8)),
    Column("priority", Integer, nullable=False),  # 0 emergency first
    Column("reason", String(64), nullable=False),  # of the policy: first, backup, lead, round_again, ...
    Column("state", String(16), nullable=False),  # owed, sending, handed, delivered, failed, dropped
    Column("due_ns", BigInteger, nullable=False),
    Column("owed_ns", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("handed_ns", BigInteger),
    Column("delivered_ns", BigInteger),
    Column("gateway", String(32)),
    Column("gateway_ref", String(128), index=True),
    Column("problem", Text, nullable=False, default=""),
    Column("subject", Text, nullable=False, default=""),  # as sent
    Column("body", Text, nullable=False, default=""),  # as sent
    Index("message_owed", "state", "due_ns"),
)

reply_code = Table(
    "reply_code",
    metadata,
    Column("code", String(8), primary_key=True),
    Column("officer_id", Id, ForeignKey("officer.id"), primary_key=True),
    Column("incident_id", Id, ForeignKey("incident.id"), nullable=False),
    Column("issued_ns", BigInteger, nullable=False),
)

ack_link = Table(
    "ack_link",
    metadata,
    Column("token_id", String(32), primary_key=True),
    Column("incident_id", Id, ForeignKey("incident.id"), nullable=False),
    Column("officer_id", Id, ForeignKey("officer.id"), nullable=False),
    Column("issued_ns", BigInteger, nullable=False),
    Column("used_ns", BigInteger),
)

watch_status = Table(  # newest known of each watch, for the board and the protection count
    "watch_status",
    metadata,
    Column("watch_id", String(64), primary_key=True),
    Column("last_event_ms", BigInteger, nullable=False),
    Column("last_arrival_ms", BigInteger, nullable=False),
    Column("worn", Integer, nullable=False, default=-1),
    Column("worn_since_ms", BigInteger),
    Column("charging", Integer, nullable=False, default=-1),
    Column("battery", Float),
    Column("bpm", Float),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("accuracy_m", Float),
    Column("position_ms", BigInteger),
)

mute = Table(
    "mute",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("resident_id", Id, ForeignKey("resident.id"), nullable=False),
    Column("rule", String(64)),  # null: every warning and notice
    Column("until_ns", BigInteger, nullable=False),
    Column("officer_id", Id, ForeignKey("officer.id"), nullable=False),
    Column("why", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("officer_id", Id, ForeignKey("officer.id")),
    Column("what", String(64), nullable=False),
    Column("detail", JSON, nullable=False, default=dict),
)
