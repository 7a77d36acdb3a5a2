"""An evening at the duty office, as the board shows it: residents, their watches' hour, six incidents, a roster.

All of it goes in by the doors that the product uses: the log, the import, the engine's transitions, the actions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

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
from ingest.reading import Kind, Readings
from ingest.watches import Watch, Watches

if TYPE_CHECKING:
    from pathlib import Path

    from alerts.store.database import Store

NS, MIN_NS = 1_000_000_000, 60_000_000_000
PASSWORD = "a long walk home"
FAMILY_NAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN_NAMES = ("秀英", "建国", "桂兰", "志明", "文彬", "惠珍", "凤英", "德福", "丽华", "炳坤", "宝珠", "金水")
FAMILY_PINYIN = "Wang Li Zhang Liu Chen Yang Zhao Huang Zhou Wu Xu Sun Hu Zhu Gao Lin He Guo Ma Luo"
GIVEN_PINYIN = "Xiuying Jianguo Guilan Zhiming Wenbin Huizhen Fengying Defu Lihua Bingkun Baozhu Jinshui"
COMMUNITIES = ("景田社区", "莲花北村", "沙尾东村", "福荣花园", "梅林一村")

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
        self.ids = keep_officers(self.store, self.roster)
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


def heart(now_ms: int, seed: int, base: float, risen: float | None = None) -> list[dict[str, float]]:
    """An hour of heart rate by the minute, with a gap; the last quarter risen (or fallen) to `risen`."""
    rng = np.random.default_rng(seed)
    rows = []
    for minute in range(60, -1, -1):
        if 38 <= minute <= 44:
            continue
        value = base + rng.normal(0, 2)
        if risen is not None and minute < 15:
            value = risen + (14 - minute) * 0.15 * (1 if risen > base else -0.3) + rng.normal(0, 1)
        at_ms = now_ms - minute * 60_000
        rows.append({"kind": Kind.HEART_RATE, "time_ms": at_ms, "bpm": round(value), "worn": 1, "battery": 63})
    return rows


def walk(now_ms: int, home: tuple[float, float], metres: float) -> list[dict[str, float]]:
    """Two hours of positions: a loop around home that ends `metres` south-west of it."""
    rows = []
    for step, minute in enumerate(range(110, -1, -5)):
        share = step / 22
        east = 60 * math.sin(step * 0.9) * (1 - share) - metres * share**3 * 0.7
        north = 45 * math.cos(step * 0.7) * (1 - share) - metres * share**3 * 0.7
        lat = home[0] + north / 111_320
        lon = home[1] + east / (111_320 * math.cos(math.radians(home[0])))
        at_ms = now_ms - minute * 60_000 - 18_000
        rows.append({"kind": Kind.LOCATION, "time_ms": at_ms, "lat": lat, "lon": lon, "accuracy_m": 25})
    return rows


def neighbours(scene: Scene, count: int, language: str) -> None:
    """Everybody else: most are well, some are not protected, each for another cause."""
    rng = np.random.default_rng(7)
    now_ms = scene.now_ns // 1_000_000
    for number in range(count):
        watch_id = f"w{number + 100:04d}"
        family, given = rng.integers(len(FAMILY_NAMES)), rng.integers(len(GIVEN_NAMES))
        name = FAMILY_NAMES[family] + GIVEN_NAMES[given]
        if language == "en":
            name = f"{FAMILY_PINYIN.split()[family]} {GIVEN_PINYIN.split()[given]}"
        community = COMMUNITIES[rng.integers(len(COMMUNITIES))]
        home = f"{community}{rng.integers(1, 28)}栋{rng.integers(1, 31):02d}{rng.integers(1, 9):02d}"
        scene.lives(Resident(watch_id, name, int(rng.integers(1932, 1956)), home, community))
        silent_min, since_min, state = 0.5, 0.5, {"worn": 1.0, "charging": 0.0, "battery": 70.0}
        if number < 2:
            silent_min = since_min = 45 + number * 23
        elif number < 3:
            silent_min, since_min, state = 218, 218, {"worn": 1.0, "battery": 3.0}
        elif number < 7:
            since_min, state = 26.0 * number, {"worn": 0.0, "battery": 55.0}
        elif number < 9:
            since_min, state = 3.0 * number, {"worn": 0.0, "charging": 1.0, "battery": 40.0}
        for minutes in (since_min, silent_min):
            at_ms = now_ms - int(minutes * 60_000)
            scene.says(watch_id, [{"kind": Kind.STATUS, "time_ms": at_ms, **state}])


def evening(scene: Scene, *, language: str = "zh", others: int = 94) -> dict[str, int]:
    """Six incidents as the prototype's pictures have them; returns their ids by name."""
    people = _people(language)
    for resident in people.values():
        scene.lives(resident)
    now_ms = scene.now_ns // 1_000_000
    neighbours(scene, others, language)
    scene.says("w0001", heart(now_ms, 1, 72, 137))
    scene.says("w0001", walk(now_ms, people["zhu"].home, 140))
    scene.says("w0002", heart(now_ms, 2, 68))
    scene.says("w0003", heart(now_ms, 3, 74))
    scene.says("w0006", heart(now_ms - 77 * 60_000, 6, 71))
    scene.says("w0004", heart(now_ms, 4, 76, 46))
    scene.says("w0005", heart(now_ms, 5, 80, 112))
    started = now_ms - 15 * 60_000
    limits = {"limit.hr_very_high": 131.0}
    ids = {}
    silent = scene.fires("w0006", "silent", Severity.WARNING, 47 * 60 + 17)
    ids["silent"] = silent
    scene.takes("lijing", silent, 46 * 60, Via.SMS)
    high = scene.fires(
        "w0005", "heart_rate_high", Severity.WARNING, 25 * 60 + 17, bpm=112.0, **{"limit.hr_high": 110.0}
    )
    ids["high"] = high
    scene.takes("chenfang", high, 24 * 60)
    ids["low"] = scene.fires(
        "w0004", "heart_rate_low", Severity.WARNING, 7 * 60 + 57, bpm=46.0, **{"limit.hr_low": 50.0}, started_ms=started
    )
    key = "heart_rate_very_high"
    ids["zhu"] = scene.fires("w0001", key, Severity.EMERGENCY, 147, bpm=138.0, **limits, started_ms=started)
    scene.repeats("w0001", key, started, 120)
    scene.repeats("w0001", key, started, 60)
    ids["fall"] = scene.fires("w0002", "fall", Severity.EMERGENCY, 110, still_s=845.0, confidence=0.8)
    ids["sos"] = scene.fires(
        "w0003", "sos", Severity.EMERGENCY, 9, late=True, event_ms=now_ms - 29 * 60_000, confidence=math.nan
    )
    return ids


def _people(language: str) -> dict[str, Resident]:
    zh = language == "zh"

    def one(number: int, zh_name: str, en_name: str, born: int, place: tuple[str, str], **more: object) -> Resident:
        phone = f"+86170000000{number:02d}"
        return Resident(
            f"w{number:04d}", zh_name if zh else en_name, born, place[0] if zh else place[1], "景田社区", phone, **more
        )

    daughter = ("朱晓梅", "+8617000000101", "女儿") if zh else ("Zhu Xiaomei", "+8617000000101", "daughter")
    notes = (
        "钥匙：邻居周阿姨（同楼 3006）\n高血压、房颤\n服用华法林"
        if zh
        else "Key: neighbour Ms Zhou (3006)\nHypertension, atrial fibrillation\nTakes warfarin"
    )
    return {
        "zhu": one(
            1,
            "朱文彬",
            "Zhu Wenbin",
            1946,
            ("景田社区19栋3008", "Jingtian Bldg 19-3008"),
            contact=daughter,
            notes=notes,
        ),
        "he": one(2, "何炳坤", "He Bingkun", 1936, ("沙尾东村17栋1104", "Shawei E. Bldg 17-1104"), contact=daughter),
        "guo": one(3, "郭德福", "Guo Defu", 1938, ("沙尾东村17栋2905", "Shawei E. Bldg 17-2905")),
        "gao": one(4, "高丽华", "Gao Lihua", 1943, ("沙尾东村27栋2203", "Shawei E. Bldg 27-2203")),
        "zhang": one(5, "张建国", "Zhang Jianguo", 1944, ("福荣花园14栋0606", "Furong Gdn Bldg 14-0606")),
        "wang": one(6, "王文彬", "Wang Wenbin", 1943, ("沙尾东村15栋1501", "Shawei E. Bldg 15-1501")),
    }
