"""An evening at the duty office, as the board shows it: residents, their watches' hour, six incidents, a roster.

All of it goes in by the doors that the product uses: the log, the import, the engine's transitions, the actions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from alerts.engine.contract import Change, Severity, Transition, Why
from alerts.incidents import actions, outbox
from alerts.incidents.contract import Desk, Via
from alerts.incidents.transitions import keep_transitions
from alerts.people.officers import keep_officers
from alerts.people.residents import ResidentRow, keep_residents
from alerts.people.roster import parse_roster
from alerts.policy.options import EscalationOptions
from alerts.store.database import open_store
from alerts.store.people import set_password_hash
from alerts.store.watch_status import NewestKnown, put_statuses, statuses
from board.passwords import hash_password
from ingest.log.contract import Batch
from ingest.log.sqlite import SqliteLog
from ingest.reading import Readings
from ingest.watches import Watch, Watches

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.store.database import Store

NS, MIN_NS = 1_000_000_000, 60_000_000_000
PASSWORD = "a long walk home"

ROSTER = """
[[officer]]
login = "lijing"
name = "李静"
phone = "+8617099000001"
email = "lijing@example.org"
[[officer]]
login = "wangqiang"
name = "王强"
phone = "+8617099000003"
email = "wangqiang@example.org"
[[officer]]
login = "chenfang"
name = "陈芳"
phone = "+8617099000004"
role = "chief"
[[officer]]
login = "visitor"
name = "来访者"
role = "viewer"
[[shift]]
name = "always"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "00:00"
to = "24:00"
first = ["lijing"]
backup = ["wangqiang"]
lead = ["chenfang"]
"""


@dataclass(frozen=True)
class Resident:
    watch_id: str
    name: str
    born: int
    address: str
    community: str
    phone: str = ""
    contact: tuple[str, str, str] = ("", "", "")
    notes: str = ""
    home: tuple[float, float] = (22.5551, 114.0593)


class Scene:
    """`now_ns` is the scene's time; everything before it has happened."""

    def __init__(self, folder: Path, now_ns: int, language: str = "zh") -> None:
        self.folder = folder
        self.now_ns = now_ns
        self.options = EscalationOptions()
        self.store: Store = open_store(f"sqlite:///{folder}/store.sqlite")
        self.log = SqliteLog(folder / "readings.sqlite")
        self.roster = parse_roster(ROSTER if language == "zh" else _in_english(ROSTER), file="roster.toml")
        self.ids = keep_officers(self.store, self.roster, 0)
        with self.store.transaction() as connection:
            for login in self.ids:
                set_password_hash(connection, login, _hashed())
        self.watches = Watches(self.log.watches())
        self.offset = self.log.end()
        with self.store.reading() as connection:
            self.newest = NewestKnown(statuses(connection))

    def close(self) -> None:
        self.log.close()
        self.store.close()

    def lives(self, resident: Resident) -> None:
        """Somebody whose watch is known."""
        self._meet(resident.watch_id)
        name, phone, relation = resident.contact
        row = ResidentRow(
            resident.watch_id,
            resident.name,
            born=resident.born,
            address=resident.address,
            community=resident.community,
            phone=resident.phone,
            latitude=resident.home[0],
            longitude=resident.home[1],
            home_radius_m=150,
            contact_name=name,
            contact_phone=phone,
            contact_relation=relation,
            notes=resident.notes,
        )
        keep_residents(self.store, (row,), self.now_ns)

    def _meet(self, watch_id: str) -> Watch:
        watch, is_new = self.watches.meet(watch_id)
        if is_new:
            self.log.append(Batch(Readings.empty(), self.now_ns // 1_000_000 - 7_200_000, new_watches=[watch]))
        return watch

    def says(self, watch_id: str, rows: list[dict[str, float]], arrival_ms: int | None = None) -> None:
        """The watch's readings go into the log and into what is known of the watch."""
        index = self._meet(watch_id).index
        newest_ms = int(max(row["time_ms"] for row in rows)) if arrival_ms is None else arrival_ms
        complete = [{"watch": index, "arrival_ms": newest_ms, "raw_time_ms": row["time_ms"], **row} for row in rows]
        readings = Readings.of_rows(complete)
        self.log.append(Batch(readings, newest_ms))
        self.newest.meet(readings, self.watches)
        with self.store.transaction() as connection:
            put_statuses(connection, self.newest.changed_rows())
        self.newest.kept()

    def fires(self, watch_id: str, rule: str, severity: Severity, ago_s: float, **more: object) -> int:
        """The engine said so `ago_s` before now. Returns the incident's id."""
        watch = self._meet(watch_id)
        at_ns = self.now_ns - int(ago_s * NS)
        at_ms = at_ns // 1_000_000
        change = Transition(
            watch=watch.index,
            rule=rule,
            change=Change.FIRING,
            why=Why.HELD,
            severity=severity,
            started_ms=int(more.pop("started_ms", at_ms)),
            at_ms=at_ms,
            event_ms=int(more.pop("event_ms", at_ms)),
            arrival_ms=at_ms,
            rule_version="7f3a91c2",
            message=str(more.pop("message", rule)),
            late=bool(more.pop("late", False)),
            inputs=more,
        )
        return self._keep(change, at_ns)

    def repeats(self, watch_id: str, rule: str, started_ms: int, ago_s: float) -> int:
        watch = self._meet(watch_id)
        at_ns = self.now_ns - int(ago_s * NS)
        at_ms = at_ns // 1_000_000
        change = Transition(
            watch.index,
            rule,
            Change.REPEATED,
            Why.SAME,
            Severity.EMERGENCY,
            started_ms,
            at_ms,
            at_ms,
            at_ms,
            "7f",
            rule,
        )
        return self._keep(change, at_ns)

    def _keep(self, change: Transition, at_ns: int) -> int:
        self.offset += 1
        desk = Desk(self.roster, self.options)
        with self.store.transaction() as connection:
            keep_transitions(connection, desk, self.watches, self.offset, [change], at_ns)
            row = connection.exec_driver_sql(
                "SELECT max(incident_id) FROM timeline WHERE id = (SELECT max(id) FROM timeline)"
            )
            incident_id = int(row.scalar_one())
        self._deliver(at_ns)
        return incident_id

    def _deliver(self, at_ns: int) -> None:
        for row in outbox.take_owed(self.store, at_ns + 5 * NS):
            outbox.mark_handed(self.store, row.id, "kannel", f"r{row.id}", ("", "words"), at_ns + 2 * NS)
            if row.channel == "sms":
                outbox.mark_delivered(self.store, row.id, at_ns + 4 * NS)

    def takes(self, login: str, incident_id: int, ago_s: float, via: Via = Via.BOARD) -> None:
        at_ns = self.now_ns - int(ago_s * NS)
        actions.acknowledge(self.store, incident_id, self.ids[login], via, at_ns, options=self.options)


@cache
def _hashed() -> str:
    return hash_password(PASSWORD)


def _in_english(roster: str) -> str:
    for name, spelled in (("李静", "Li Jing"), ("王强", "Wang Qiang"), ("陈芳", "Chen Fang"), ("来访者", "Visitor")):
        roster = roster.replace(name, spelled)
    return roster
