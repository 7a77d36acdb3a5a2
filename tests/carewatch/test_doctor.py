"""What an operator reads when something on this machine is wrong: no server is needed to find it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from rich.console import Console
from sqlalchemy import insert

from alerts.people.residents import import_residents
from alerts.store.database import open_store
from alerts.store.tables import watch_status
from carewatch.clock import NS_PER_S
from carewatch.doctor import Finding, Verdict, as_json, examine, exit_code, render
from carewatch.doctor.bounded import in_thread, looked_at
from carewatch.doctor.examine import CHECKS
from carewatch.doctor.folder import file_system
from carewatch.doctor.programs import _versions
from ingest.log.sqlite import SqliteLog
from ingest.watches import Watch
from tests.carewatch.doctor_reads import CONFIG, installation, said_of

NOW_NS = 1_790_000_000 * NS_PER_S
GOOD, WARNING, BAD, NOT_SET = Verdict.GOOD, Verdict.WARNING, Verdict.BAD, Verdict.NOT_SET


async def test_every_part_is_told_in_order_and_nothing_is_written(tmp_path):
    findings = await examine(installation(tmp_path))
    parts = list(dict.fromkeys(finding.part for finding in findings))
    assert parts == [part for part, _ in CHECKS]
    assert list(tmp_path.iterdir()) == []


async def test_what_hangs_is_told_and_holds_nobody_up():
    async def hangs(_settings):
        await asyncio.Event().wait()

    (finding,) = await looked_at("disk", hangs, None, bound_s=0.01)
    assert finding.verdict is BAD
    assert "no answer within 0.01 s" in finding.what


async def test_what_nobody_foresaw_is_told_with_its_words():
    async def breaks(_settings):
        await in_thread(lambda: {}["the disk is on fire"])

    (finding,) = await looked_at("disk", breaks, None)
    assert finding.verdict is BAD
    assert "the disk is on fire" in finding.what


def test_the_exit_code_is_1_only_if_something_is_bad():
    assert exit_code([Finding("a", GOOD, "x"), Finding("b", WARNING, "y", "z"), Finding("c", NOT_SET, "y", "z")]) == 0
    assert exit_code([Finding("a", GOOD, "x"), Finding("b", BAD, "y", "z")]) == 1


def test_the_table_shows_what_and_remedy_as_they_are(capsys):
    findings = [Finding("broker", BAD, "[Errno 111] nothing listens there", "start it"), Finding("SMS", GOOD, "fine")]
    render(findings, Console(file=sys.stdout, width=100))
    shown = capsys.readouterr().out
    assert "[Errno 111] nothing listens there" in shown
    assert "→ start it" in shown
    assert "1 to be mended, 0 to be looked at." in shown
    assert json.loads(as_json(findings))[0] == {
        "part": "broker", "verdict": "bad", "what": "[Errno 111] nothing listens there", "remedy": "start it",
    }  # fmt: skip


# the log


async def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    verdicts, text = await said_of(installation(tmp_path / "file"), "folder of the log")
    assert verdicts == [BAD]
    assert f"{tmp_path}/file cannot be written" in text
    assert "log.path" in text


def test_a_network_disk_is_recognised(tmp_path):
    mounts = (
        "22 1 0:20 / / rw - ext4 /dev/sda1 rw\n"
        f"23 22 0:21 / {tmp_path} rw - nfs4 server:/export rw\n"
        "24 22 0:22 / /with\\040space rw - tmpfs tmpfs rw\n"
    )
    assert file_system(tmp_path / "var", mounts) == "nfs4"
    assert file_system(tmp_path.parent, mounts) == "ext4"


@pytest.mark.parametrize(("kind", "said"), [("nfs4", "network file system"), ("tmpfs", "lies in memory")])
async def test_a_disk_that_does_not_keep_a_log_is_bad(tmp_path, monkeypatch, kind, said):
    monkeypatch.setattr("carewatch.doctor.folder.file_system", lambda *_: kind)
    verdicts, text = await said_of(installation(tmp_path), "folder of the log")
    assert verdicts[0] is BAD
    assert said in text


async def test_a_disk_that_is_full(tmp_path, monkeypatch):
    usage = __import__("shutil")._ntuple_diskusage(100 << 30, 99 << 30, 1 << 29)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    verdicts, text = await said_of(installation(tmp_path), "folder of the log")
    assert verdicts[-1] is BAD
    assert "0.5 GiB free" in text


def a_store(settings, *lines):
    store = open_store(settings.store.url)
    body = "\n".join(["watch_id,name", *lines]).encode()
    assert import_residents(store, body, NOW_NS).imported == len(lines)
    store.close()


async def test_residents_and_watches_are_compared(tmp_path):
    settings = installation(tmp_path)
    a_store(settings, "w1,张三", "w2,李四")
    store = open_store(settings.store.url)
    with store.transaction() as connection:
        connection.execute(insert(watch_status).values(watch_id="w1", last_event_ms=1, last_arrival_ms=1))
    store.close()
    log = SqliteLog(settings.log.path)
    for index, watch_id in enumerate(("w1", "w2", "w3")):
        log.put_watch(Watch(index, watch_id))
    log.put_watch(Watch(3, "w4", retired=True))
    log.close()
    verdicts, text = await said_of(settings, "residents and watches")
    assert verdicts == [GOOD, WARNING, WARNING]
    assert "2 residents; 2 watches are worn, 1 of them have been heard" in text
    assert "watches that nobody is known to wear: w3;" in text
    assert "never heard: w2;" in text
    assert "张三" not in text


async def test_a_store_of_nobody(tmp_path):
    settings = installation(tmp_path)
    a_store(settings)
    verdicts, text = await said_of(settings, "residents and watches")
    assert verdicts == [WARNING]
    assert "carewatch residents import" in text
    _, text = await said_of(settings, "store")
    assert "nobody can sign in" in text


async def test_a_store_that_is_none(tmp_path):
    verdicts, text = await said_of(installation(tmp_path, store={"url": "nonsense"}), "store")
    assert verdicts == [BAD]
    assert "store.url" in text
    (tmp_path / "store.sqlite").write_text("not a database, surely not " * 50)
    verdicts, _ = await said_of(installation(tmp_path), "store")
    assert verdicts == [BAD]


# rules and roster


async def test_a_rule_with_an_error_is_told_with_its_place_and_remedy(tmp_path):
    rules = tmp_path / "rules.toml"
    text = (CONFIG / "rules.toml").read_text("utf-8").replace("bpm >= limit.hr_high", "bmp >= limit.hr_high")
    rules.write_text(text, "utf-8")
    verdicts, said = await said_of(installation(tmp_path, rules_file=rules), "rules")
    assert set(verdicts) == {BAD}
    assert f"{rules}:" in said
    assert "'bpm'" in said


async def test_a_rule_whose_message_has_no_words(tmp_path):
    rules = tmp_path / "rules.toml"
    text = (CONFIG / "rules.toml").read_text("utf-8").replace('message = "silent"', 'message = "no_such_words"')
    rules.write_text(text, "utf-8")
    verdicts, said = await said_of(installation(tmp_path, rules_file=rules), "rules")
    assert verdicts == [BAD]
    assert "no_such_words" in said


async def test_no_rules_at_all(tmp_path):
    verdicts, said = await said_of(installation(tmp_path, rules_file=tmp_path / "none.toml"), "rules")
    assert verdicts == [BAD]
    assert "rules_file" in said
    (tmp_path / "empty.toml").write_text("")
    verdicts, said = await said_of(installation(tmp_path, rules_file=tmp_path / "empty.toml"), "rules")
    assert verdicts == [BAD]
    assert "no rule raises an emergency" in said


SMS = {"gateway": "kannel", "url": "http://127.0.0.1:1/cgi-bin/sendsms"}


async def test_a_gap_in_the_roster_is_told_with_its_hours(tmp_path):
    roster = tmp_path / "roster.toml"
    roster.write_text((CONFIG / "roster.toml").read_text("utf-8").replace('to = "20:00"', 'to = "19:30"'), "utf-8")
    verdicts, said = await said_of(installation(tmp_path, roster_file=roster, sms=SMS), "roster")
    assert BAD in verdicts
    assert "nobody is on duty from mon 19:30 to mon 20:00" in said


async def test_a_roster_that_cannot_be_read(tmp_path):
    verdicts, said = await said_of(installation(tmp_path, roster_file=tmp_path / "none"), "roster")
    assert verdicts == [BAD]
    assert "roster_file" in said


async def test_an_officer_whom_nothing_that_is_set_up_reaches(tmp_path):
    roster = tmp_path / "roster.toml"
    text = (CONFIG / "roster.toml").read_text("utf-8").replace('email = "lijing@example.org"', "")
    roster.write_text(text, "utf-8")
    email = {"host": "127.0.0.1", "port": 1}
    _, said = await said_of(installation(tmp_path, roster_file=roster, email=email), "roster")
    assert "lijing can be told by nothing that is set up" in said
    assert "zhaomin" not in said
    _, said = await said_of(installation(tmp_path, roster_file=roster), "roster")
    assert "neither SMS nor email is set up" in said


# this machine


def test_old_programs_are_refused_with_the_remedy():
    assert _versions((3, 10), "3.54.0")[0].verdict is BAD
    assert "apsw" in _versions((3, 11), "3.51.2")[0].remedy
    assert _versions((3, 11), "3.51.3")[0].verdict is GOOD


async def test_a_zone_that_is_none(tmp_path):
    _, said = await said_of(installation(tmp_path, site={"time_zone": "Asia/Shenzen"}), "Python and SQLite")
    assert "'Asia/Shenzen' is no time zone" in said


def test_a_hanging_check_does_not_keep_the_program_alive():
    code = (
        "import asyncio, threading\n"
        "from carewatch.doctor.bounded import in_thread, looked_at\n"
        "async def hangs(_): await in_thread(threading.Event().wait)\n"
        "print(asyncio.run(looked_at('disk', hangs, None, bound_s=0.05))[0].what)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "no answer within 0.05 s" in done.stdout
