"""A duty office in a test: alerts come in, time passes, gateways deliver or fail, people answer.

Times are seconds from 14:32 on a Tuesday in Shenzhen. `told(...)` is what left for people, as a reader would say it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from sqlalchemy import select

from alerts.engine.contract import Change, Severity, Transition, Why
from alerts.incidents import actions, outbox
from alerts.incidents.contract import Desk, Via
from alerts.incidents.read import duty_board, incident
from alerts.incidents.timers import fire_due
from alerts.incidents.transitions import keep_transitions
from alerts.people.officers import keep_officers
from alerts.people.residents import import_residents
from alerts.people.roster import parse_roster
from alerts.policy.options import EscalationOptions
from alerts.store.database import open_store
from alerts.store.tables import message, officer
from ingest.watches import Watch, Watches

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.incidents.contract import ActionAnswer, Outcome

NS = 1_000_000_000
START_NS = 1_795_501_920 * NS  # 2026-11-24 14:32:00 in Shanghai
LI, WANG, CHEN, ZHAO = "李静", "王强", "陈芳", "赵敏"
FAMILY = "family"

ROSTER = """
[[officer]]
login = "li"
name = "李静"
phone = "17099000001"
email = "li@example.org"
[[officer]]
login = "wang"
name = "王强"
phone = "17099000002"
email = "wang@example.org"
[[officer]]
login = "chen"
name = "陈芳"
phone = "17099000003"
role = "chief"
[[officer]]
login = "zhao"
name = "赵敏"
email = "zhao@example.org"
[[shift]]
name = "day"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "08:00"
to = "20:00"
first = ["li"]
backup = ["wang"]
lead = ["chen"]
"""

RESIDENTS = """watch_id,name,born,address,phone,latitude,longitude,contact_name,contact_phone,contact_relation
w1,张三,1944,3栋502,17000000001,22.55,114.06,张小明,17000000002,儿子
w2,李四,1950,7栋1203,17000000003,,,,,
"""


@dataclass(frozen=True, order=True)
class Told:
    """At this second somebody was sent this template by this channel."""

    at_s: float
    to: str
    channel: str
    template: str


class Gateway(Enum):
    DELIVERS = "hands over and sends a receipt at once"
    SILENT = "hands over and never sends a receipt"
    REFUSES = "refuses for good"
    DOWN = "is not asked at all"


class DutyOffice:
    """`now_s` is the time; `sms` and `email` are how the gateways behave."""

    def __init__(self, folder: Path, roster: str = ROSTER, options: EscalationOptions | None = None) -> None:
        self.store = open_store(f"sqlite:///{folder}/store.sqlite")
        self.roster = parse_roster(roster, file="roster.toml")
        self.options = options or EscalationOptions()
        self.bad: set[str] = set()  # whose numbers and addresses are refused for good
        self.ids = keep_officers(self.store, self.roster, 0)
        self.names = {self.ids[each.login]: each.name for each in self.roster.officers}
        import_residents(self.store, RESIDENTS.encode(), START_NS)
        self.watches = Watches([Watch(0, "w1"), Watch(1, "w2"), Watch(2, "w3")])
        self.now_s = 0.0
        self.offset = 0
        self.sms = Gateway.DELIVERS
        self.email = Gateway.SILENT

    @property
    def now_ns(self) -> int:
        return START_NS + round(self.now_s * NS)

    def ms(self, at_s: float) -> int:
        return (START_NS + round(at_s * NS)) // 1_000_000

    def fires(self, rule: str, watch: int = 0, severity: Severity = Severity.EMERGENCY, **more: object) -> str:
        """The engine says that the rule fires now; returns the alert's key."""
        now_ms = self.ms(self.now_s)
        change = Transition(
            watch=watch,
            rule=rule,
            change=Change.FIRING,
            why=Why.EVENT,
            severity=severity,
            started_ms=now_ms,
            at_ms=now_ms,
            event_ms=now_ms,
            arrival_ms=now_ms,
            rule_version="v1",
            message=rule,
            inputs={"bpm": 138.0},
        )
        self.change = replace(change, **more)
        self.keep(self.change)
        return f"w{watch + 1}:{rule}:{self.change.started_ms}"

    def again(self, change: Change) -> None:
        """The newest alert changes once more."""
        self.keep(replace(self.change, change=change, at_ms=self.ms(self.now_s)))

    def keep(self, *changes: Transition, offset: int | None = None) -> None:
        self.offset = self.offset + 1 if offset is None else offset
        with self.store.transaction() as connection:
            desk = Desk(self.roster, self.options)
            keep_transitions(connection, desk, self.watches, self.offset, changes, self.now_ns)
        self.send_owed()

    def until(self, at_s: float) -> None:
        """Let time pass, firing each timer and sending each message at its moment."""
        while True:
            due = [self.next_timer_ns(), outbox.next_owed(self.store)]
            if Gateway.DOWN in (self.sms, self.email):
                due = due[:1]
            moments = [ns for ns in due if ns is not None and ns <= START_NS + at_s * NS]
            if not moments:
                break
            self.now_s = max(self.now_s, (min(moments) - START_NS) / NS)
            fire_due(self.store, self.now_ns, self.roster, self.options)
            self.send_owed()
        self.now_s = at_s

    def next_timer_ns(self) -> int | None:
        return fire_due(self.store, self.now_ns, self.roster, self.options)

    def send_owed(self) -> None:
        channels = [name for name in ("sms", "email") if getattr(self, name) is not Gateway.DOWN]
        while rows := outbox.take_owed(self.store, self.now_ns, channels=channels):
            for row in rows:
                is_bad = self.names.get(row.officer_id) in self.bad
                self._send(row.id, Gateway.REFUSES if is_bad else getattr(self, row.channel))

    def _send(self, message_id: int, gateway: Gateway) -> None:
        if gateway is Gateway.REFUSES:
            outbox.mark_failed(self.store, message_id, "number unknown", self.now_ns, options=self.options)
            return
        outbox.mark_handed(self.store, message_id, "test", f"ref{message_id}", ("", "words"), self.now_ns)
        if gateway is Gateway.DELIVERS:
            outbox.mark_delivered(self.store, message_id, self.now_ns)

    def told(self, since_s: float = 0, channel: str | None = None) -> list[Told]:
        """What gateways took from `since_s` on, in order of time."""
        with self.store.reading() as connection:
            rows = connection.execute(select(message).where(message.c.handed_ns.is_not(None)).order_by(message.c.id))
            told = [
                Told((r.handed_ns - START_NS) / NS, self.names.get(r.officer_id, FAMILY), r.channel, r.template)
                for r in rows
            ]
        return [each for each in told if each.at_s >= since_s and channel in (None, each.channel)]

    def messages(self) -> list:
        with self.store.reading() as connection:
            return list(connection.execute(select(message).order_by(message.c.id)))

    def code_of(self, name: str) -> str:
        """The reply code in the newest message to this officer."""
        return next(
            row.reply_code
            for row in reversed(self.messages())
            if self.names.get(row.officer_id) == name and row.reply_code
        )

    def link_of(self, name: str) -> str:
        return next(
            row.variables["link_token_id"]
            for row in reversed(self.messages())
            if self.names.get(row.officer_id) == name and "link_token_id" in row.variables
        )

    def texts(self, name: str, code: str) -> ActionAnswer:
        """The officer sends an SMS."""
        phone = next(each.phone for each in self.roster.officers if each.name == name)
        answer = actions.acknowledge_by_code(self.store, code, phone, self.now_ns, options=self.options)
        self.send_owed()
        return answer

    def takes(self, name: str, incident_id: int = 1, via: Via = Via.BOARD) -> ActionAnswer:
        answer = actions.acknowledge(self.store, incident_id, self.id_of(name), via, self.now_ns, options=self.options)
        self.send_owed()
        return answer

    def resolves(self, name: str, outcome: Outcome | None, note: str = "", incident_id: int = 1) -> ActionAnswer:
        answer = actions.resolve(
            self.store, incident_id, self.id_of(name), outcome, note, self.now_ns, options=self.options
        )
        self.send_owed()
        return answer

    def id_of(self, name: str) -> int:
        return next(key for key, value in self.names.items() if value == name)

    def board(self):
        return duty_board(self.store, self.now_ns, self.roster, self.options)

    def incident(self, incident_id: int = 1):
        return incident(self.store, incident_id, self.now_ns, self.roster, self.options)

    def happened(self, incident_id: int = 1) -> list[str]:
        return [str(event.what) for event in self.incident(incident_id).timeline]

    def hang_up(self, name: str) -> None:
        """The officer's number is taken out of the roster's row."""
        with self.store.transaction() as connection:
            connection.execute(officer.update().where(officer.c.name == name).values(phone=""))

    def close(self) -> None:
        self.store.close()
