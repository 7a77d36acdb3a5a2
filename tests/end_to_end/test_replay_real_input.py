"""Real people's heart rate and real watches' frames, through everything: broker, log, InfluxDB, rules, phones, mail."""

from __future__ import annotations

import json
import math
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from carewatch.influx import influx_options
from ingest.influx.query import read_points
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.reading import COLUMNS, Kind, Readings
from tests.end_to_end.installed import LIJING, ROOT, SENDER, ZHAOMIN, Office
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from tests.end_to_end.installed import Installed
    from tests.servers.kannel import Kannel
    from tests.servers.smtp import SmtpServer

DATA = ROOT.parent / "shared" / "data"
FORMATS = {
    "watch": ("watch_3g", ""),
    "iw": ("watch_iw", "iw/captured/up"),
    "owntracks": ("owntracks", "owntracks/captured/phone"),
}
WEARERS = {"minutes_2022484408": 20_097, "minutes_8877689391": 27_158}
SOS_WATCH, SOS_MS = "6907919734", 1_747_518_078_000  # [3G*6907919734*003e*AL_LTE,170525,214118,...,00010000,...]
STRAY = "8809008845"  # [3G*8809008845*00C0*AL,271219,094744,...,00010000,...]
FALLEN = "6907919735"
STRICT, STRICT_LIMIT = "strict", 85  # the first wearer again, as a person with a lower limit of their own
MINUTES = sum(WEARERS.values()) + WEARERS["minutes_2022484408"]
SHENZHEN = ZoneInfo("Asia/Shanghai")
MINUTE_MS, DAY_MS = 60_000, 86_400_000
NS_PER_MS = 1_000_000

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data, real people's recordings, is not on this machine"),
]


@dataclass
class Duty:
    """The running program and those around it."""

    installed: Installed
    kannel: Kannel
    smtp: SmtpServer
    office: Office

    def texts(self, receiver: str) -> list[str]:
        """What has come to one phone."""
        return [sms.text for sms in self.kannel.sent() if sms.receiver == receiver]

    def text(self, receiver: str, *words: str) -> str:
        """The one SMS on this phone that holds all of these words, once it is there."""
        return self._one(lambda: [text for text in self.texts(receiver) if all(word in text for word in words)], words)

    def email(self, address: str, *words: str) -> str:
        """Subject and text of the one email to this address that holds all of these words."""
        return self._one(lambda: [text for text in self._emails(address) if all(word in text for word in words)], words)

    def _emails(self, address: str) -> list[str]:
        mails = [mail for mail in list(self.smtp.messages) if mail["To"] == address]
        return [f"{mail['Subject']}\n{mail.get_content()}" for mail in mails]

    def _one(self, found, words) -> str:
        (only,) = wait_until(found, 45.0, f"a message with {words}")
        return only


@pytest.fixture
def duty(mosquitto, answering_kannel, smtp_server, influxdb, install, tmp_path):
    installed = install(mosquitto, answering_kannel.sendsms_url, smtp_server, influxdb)
    installed.run("residents", "import", str(residents(tmp_path / "residents.csv")))
    installed.start()
    with closing(Office(installed)) as office:
        yield Duty(installed, answering_kannel, smtp_server, office)


def residents(file):
    born = datetime.now(UTC).year - 82
    names = zip((*WEARERS, SOS_WATCH, FALLEN, STRICT), ("王秀英", "李建国", "张桂兰", "陈德福", "周玉珍"), strict=True)
    lines = ["watch_id,name,born,address,phone,hr_high"]
    for number, (watch_id, name) in enumerate(names, start=1):
        limit = STRICT_LIMIT if watch_id == STRICT else ""
        lines.append(f"{watch_id},{name},{born},福田区{number}栋502,+861700000000{number},{limit}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def fall_frame(happened):
    """Of the family of the captured SOS, with the bit for a fall."""
    fields = f"AL_LTE,{happened:%d%m%y,%H%M%S},V,0,N,0,E,0,0,0,0,0,22,0,0,00200000,0,0,0"
    return f"[3G*{FALLEN}*{len(fields):04x}*{fields}]"


def shown(time_ms, pattern="%H:%M"):
    return datetime.fromtimestamp(time_ms / 1000, SHENZHEN).strftime(pattern)


def test_real_input_reaches_log_influxdb_and_people(duty, tmp_path):
    fell = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=40)
    fall = tmp_path / "fall.jsonl"
    fall.write_text(json.dumps({"protocol": "watch", "frame": fall_frame(fell)}) + "\n", encoding="utf-8")
    minutes = [DATA / "heart_rate" / f"{watch_id}.csv.gz" for watch_id in WEARERS]
    strict = tmp_path / f"{STRICT}.csv.gz"
    strict.symlink_to(minutes[0])
    files = [DATA / "frames.jsonl", fall, *minutes, strict]
    said = duty.installed.run("replay", "--speed", "0", "--json", *map(str, files))
    assert json.loads(said) == {"published": MINUTES + captured() + 1}

    sos_is_told_taken_and_answered(duty)
    fall_is_told(duty, fell)

    duty.installed.wait_until_settled(MINUTES)
    by_watch = readings_by_watch(duty.installed)
    every_minute_once(by_watch)
    every_frame_once(duty.installed, by_watch, tmp_path)
    for watch_id in WEARERS:
        influxdb_holds(duty.installed, watch_id, by_watch[watch_id])
    assert duty.installed.run("quarantine", "list") == ""  # every frame of the capture can be read
    alerts = exported_alerts(duty.installed, tmp_path / "alerts.jsonl")
    few_are_called_out(alerts)
    the_lower_limit_is_judged(duty, [alert for alert in alerts if alert["watch"] == STRICT], by_watch[STRICT])


def captured():
    lines = (DATA / "frames.jsonl").read_text(encoding="utf-8").splitlines()
    return sum(json.loads(line)["protocol"] in FORMATS for line in lines)


def sos_is_told_taken_and_answered(duty):
    text = duty.text(LIJING, "SOS求助", "张桂兰")
    (incident,) = duty.office.of_watch(SOS_WATCH)
    alert = incident["alert"]
    assert alert["happened_ms"] == SOS_MS
    code = text.partition("回复")[2][:4]
    when = f"2025-05-18发生{shown(alert['arrived_ms'])}才收到"
    assert text == f"SOS求助 张桂兰82岁 福田区3栋502 {when} 电17000000003 回复{code}接单"
    email = duty.email("lijing@example.org", "SOS求助", "张桂兰")
    assert email.startswith("【紧急】SOS求助 张桂兰82岁 福田区3栋502\n")
    assert f"时间：{when}\n老人电话：17000000003\n原因：手表上按下了SOS\n" in email

    stray = duty.text(LIJING, STRAY)  # nobody wears it, and its clock was before 2020: it happened when it came
    (of_stray,) = duty.office.of_watch(STRAY)
    assert stray.startswith(f"SOS求助 未登记手表{STRAY} {shown(of_stray['alert']['arrived_ms'])} 回复")

    theirs = duty.text(ZHAOMIN, "SOS求助", "张桂兰", "回复").partition("回复")[2][:4]
    duty.kannel.reply(LIJING, SENDER, f"好的{code.lower()}")
    assert duty.text(LIJING, "您已接单") == "您已接单：张桂兰82岁。处理后请在值守台结束。"
    taken = duty.office.incident(incident["id"])
    assert (taken["state"], taken["owner"]["name"]) == ("acknowledged", "李静")
    (by,) = [line for line in taken["timeline"] if line["what"] == "acknowledged"]
    assert (by["officer"], by["detail"]["via"]) == ("李静", "sms")
    assert duty.text(ZHAOMIN, "已接单 ", "张桂兰").startswith("李静已接单 SOS求助 张桂兰82岁 2025-05-18发生")

    duty.kannel.reply(ZHAOMIN, SENDER, theirs)
    assert duty.text(ZHAOMIN, "无需再处理") == "李静已接单，无需再处理。"
    assert duty.office.incident(incident["id"])["owner"]["name"] == "李静"


def fall_is_told(duty, fell):
    text = duty.text(ZHAOMIN, "疑似跌倒", "陈德福")
    (incident,) = duty.office.of_watch(FALLEN)
    alert = incident["alert"]
    fell_ms = int(fell.timestamp() * 1000)
    assert alert["happened_ms"] == fell_ms
    is_today = shown(fell_ms, "%F") == shown(alert["arrived_ms"], "%F")
    when = f"{shown(fell_ms, '%H:%M' if is_today else '%m-%d %H:%M')}发生{shown(alert['arrived_ms'])}才收到"
    code = text.partition("回复")[2][:4]
    assert text == f"疑似跌倒 陈德福82岁 福田区4栋502 {when} 电17000000004 回复{code}接单"
    email = duty.email("zhaomin@example.org", "疑似跌倒", "陈德福")
    assert "原因：手表报告跌倒，30秒内没有取消\n" in email
    assert f"{duty.installed.board_url}/a/" in email


def readings_by_watch(installed):
    with closing(SqliteLogReader(installed.settings.log.path)) as reader:
        names = {watch.index: watch.watch_id for watch in reader.watches()}
    whole = Readings.concatenate(record.readings for record in installed.records())
    return {names[index]: whole.take(whole["watch"] == index) for index in np.unique(whole["watch"]).tolist()}


def every_minute_once(by_watch):
    for watch_id, count in {**WEARERS, STRICT: WEARERS["minutes_2022484408"]}.items():
        assert sorted(by_watch[watch_id]["seq"].tolist()) == list(range(1, count + 1)), watch_id


def every_frame_once(installed, by_watch, tmp_path):
    frames = (DATA / "frames.jsonl").read_text(encoding="utf-8").splitlines()
    decoded = []
    for protocol, (name, topic) in FORMATS.items():
        spoken = tmp_path / f"{protocol}.jsonl"
        spoken.write_text("\n".join(frame for frame in frames if json.loads(frame)["protocol"] == protocol), "utf-8")
        said = installed.run("decode", "--format", name, "--topic", topic, str(spoken))
        decoded += [json.loads(line) for line in said.splitlines()]
    kept = [(watch, Kind(kind)) for watch, readings in by_watch.items() for kind in readings["kind"].tolist()]
    ours = {*WEARERS, STRICT, FALLEN}
    assert {(watch, kind.topic) for watch, kind in kept if watch not in ours} == {
        (line["watch"], line["kind"]) for line in decoded
    }
    emergencies = [(watch, kind) for watch, kind in kept if kind.is_emergency]
    assert sorted(emergencies) == [(SOS_WATCH, Kind.SOS), (FALLEN, Kind.FALL), (STRAY, Kind.SOS)]


def influxdb_holds(installed, watch_id, readings):
    """Every reading with every column that it carries, at its time; nothing else."""
    options, site = influx_options(installed.settings), installed.settings.site.name
    kept = sorted(points_of(readings), key=lambda point: point[0])
    found = []
    for start_ms in range(kept[0][0] // NS_PER_MS, kept[-1][0] // NS_PER_MS + 1, 7 * DAY_MS):
        points = read_points(options, "heart_rate", start_ms, start_ms + 7 * DAY_MS, watch_id)
        assert {point.site for point in points} <= {site}
        found += [(point.time_ns, dict(point.fields)) for point in points]
    assert len(found) == len(kept)
    for one, other in zip(found, kept, strict=True):
        assert one == other, watch_id


def points_of(readings):
    """What InfluxDB should hold of them, a reading at a time: written anew here, not by the writer's code."""
    assert set(readings["kind"].tolist()) == {Kind.HEART_RATE}
    columns = [(column, readings[column.name].tolist()) for column in COLUMNS if column.influx is not None]
    for row in range(len(readings)):
        fields = {}
        for column, values in columns:
            value = values[row]
            if value not in (column.absent, None) and not math.isnan(value):
                fields[column.name] = {"integer": int, "boolean": bool, "float": float}[column.influx](value)
        time_ms, arrival_ms = int(readings["time_ms"][row]), int(readings["arrival_ms"][row])
        fields["arrival_s"] = (arrival_ms - time_ms) / 1000
        yield time_ms * NS_PER_MS + int(readings["seq"][row]), fields


def exported_alerts(installed, file):
    installed.run("alerts", "export", str(file))
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def few_are_called_out(alerts):
    """Nobody was ill: whoever is called out for nothing too often stops listening."""
    days = sum(WEARERS.values()) / 1440
    counts = Counter(alert["severity"] for alert in alerts if alert["watch"] in WEARERS)
    assert counts["emergency"] / days <= 0.02, f"{counts} in {days:.1f} worn days"
    assert counts["warning"] / days <= 0.05, f"{counts} in {days:.1f} worn days"


def the_lower_limit_is_judged(duty, alerts, readings):
    starts = by_hand(readings)
    assert [(alert["rule"], alert["started"]) for alert in alerts] == [
        ("heart_rate_high_at_rest", start_ms) for start_ms in starts
    ]
    assert starts
    text = duty.text(LIJING, "心率偏高", "周玉珍")
    is_this_year = shown(starts[0], "%Y") == shown(readings["arrival_ms"][0], "%Y")
    assert f" {shown(starts[0], '%m-%d' if is_this_year else '%F')}" in text
    assert "才收到" in text


def by_hand(readings):
    """Starts of each 10 min at or over the limit, without a step in the 10 min before: the rule, told plainly."""
    starts, began, stepped, previous = [], None, int(readings["time_ms"][0]), 0
    for time_ms, bpm, steps in zip(*(readings[name].tolist() for name in ("time_ms", "bpm", "steps")), strict=True):
        stepped = time_ms if steps > 0 else stepped
        is_high = bpm >= STRICT_LIMIT and time_ms - stepped >= 10 * MINUTE_MS
        if not is_high or time_ms - previous > 3 * MINUTE_MS:
            began = None
        if is_high:
            began = time_ms if began is None else began
            starts += [began] if time_ms - began == 10 * MINUTE_MS else []
        previous = time_ms
    return starts
