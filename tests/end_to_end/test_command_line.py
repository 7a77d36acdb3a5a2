"""What an operator types and reads. Exit codes: 0 good, 1 the answer is no, 2 usage or configuration."""

from __future__ import annotations

import gzip
import json
from contextlib import closing

import pytest

from alerts.store.database import open_store
from alerts.store.people import wearers
from tests.end_to_end.installed import ROOT
from tests.servers.process import free_port

NOW_MS = 1_790_000_000_000
GOOD_RULES = (ROOT / "config" / "rules.toml").read_text(encoding="utf-8")


def test_help_names_every_command(carewatch):
    said = carewatch("--help")
    assert said.code == 0
    for command in (
        "demo",
        "run",
        "simulate",
        "record",
        "replay",
        "decode",
        "doctor",
        "settings",
        "residents",
        "rules",
    ):
        assert f" {command} " in said.out
    assert "role" not in said.out.split()


def test_an_unknown_command_is_a_wrong_use(carewatch):
    said = carewatch("rnu")
    assert said.code == 2
    assert "rnu" in said.err


def test_settings_show_what_is_in_force_and_hide_secrets(carewatch, monkeypatch):
    monkeypatch.setenv("CAREWATCH_MQTT__PASSWORD", "s3cret")
    monkeypatch.setenv("CAREWATCH_BOARD__PORT", "8099")
    said = carewatch("settings")
    assert (said.code, json.loads(said.out)["board"]["port"]) == (0, 8099)
    assert "s3cret" not in said.out


def test_an_unknown_setting_is_named_with_the_right_one(carewatch, write, monkeypatch):
    config = write("mine.toml", '[influx]\nbuket = "x"\n')
    said = carewatch("--config", config, "settings")
    assert (said.code, said.out) == (2, "")
    assert said.err == f"{config}: influx.buket: no such setting; did you mean influx.bucket?\n"
    monkeypatch.setenv("CAREWATCH_MQTT__ULR", "mqtt://127.0.0.1")
    said = carewatch("settings")
    assert (said.code, "did you mean CAREWATCH_MQTT__URL?" in said.err) == (2, True)


def test_a_fault_in_the_rules_is_shown_with_line_column_and_caret(carewatch, write):
    good = carewatch("rules", "check")
    assert (good.code, good.out) == (0, "config/rules.toml: 7 rules, 11 tests\n")
    file = write("rules.toml", GOOD_RULES.replace('when = "on_sos and', 'when = "on_soss and', 1))
    said = carewatch("rules", "check", file)
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if "on_soss" in text)
    first, shown, caret, remedy = said.err.splitlines()
    assert said.code == 2
    assert first.startswith(f"{file}:{line}:9: unknown name 'on_soss'")
    assert shown[caret.index("^") :].startswith("on_soss")
    assert "did you mean 'on_sos'?" in remedy


def test_the_tests_beside_the_rules_say_what_they_expected_and_found(carewatch, write):
    good = carewatch("rules", "test")
    assert (good.code, good.out.splitlines()[-1]) == (0, "config/rules.toml: 11 passed, 0 failed")
    changed = GOOD_RULES.replace('expect = ["firing 14:32", "repeated 14:35"]', 'expect = ["firing 14:33"]')
    assert changed != GOOD_RULES
    said = carewatch("rules", "test", write("rules.toml", changed))
    assert said.code == 1
    assert "FAILED" in said.out
    assert "  expected ['firing 14:33']\n  found    ['firing 14:32', 'repeated 14:35']\n" in said.out
    assert "10 passed, 1 failed" in said.out


def test_decode_shows_native_payloads_and_refuses_with_the_reason(carewatch, write):
    good = write("good.jsonl", '{"kind": "heart_rate", "time": 1790000000000, "bpm": 71, "seq": 3, "boot": 9}\n')
    said = carewatch("decode", "--format", "native", good)
    (reading,) = said.lines
    assert said.code == 0
    assert {"kind": "heart_rate", "time": NOW_MS, "bpm": 71.0, "seq": 3, "boot": 9}.items() <= reading.items()
    said = carewatch("decode", "--format", "native", write("bad.jsonl", "hello\n"))
    assert (said.code, said.lines[0]["refused"]) == (1, "not_json")
    said = carewatch("decode", "--format", "native", "--topic", "watch/w1/sos", write("sos.jsonl", "hello\n"))
    assert said.code == 1
    assert [line.get("kind") for line in said.lines] == ["sos", None], "what cannot be read on /sos alerts all the same"


def test_decode_shows_bracket_frames_as_payloads_or_as_a_recording(carewatch, write):
    frame = "[3G*6907919734*003e*AL_LTE,170525,214118,V,0,N,0,E,0,0,0,0,0,22,0,0,00010000,0,0,0]"
    as_recorded = json.dumps({"at": 1.0, "topic": "3g/x/up", "payload": frame})
    as_captured = json.dumps({"protocol": "watch", "frame": frame, "asserted": None})
    said = carewatch("decode", "--format", "watch_3g", write("f.txt", f"{frame}\n{as_recorded}\n{as_captured}\n"))
    assert said.code == 0
    known = {"watch": "6907919734", "time": 1_747_518_078_000, "battery": 22.0}
    assert said.lines == 3 * [{"kind": "sos", **known}, {"kind": "status", **known}]
    said = carewatch("decode", "--format", "watch_3g", write("bad.txt", "[3G*1*0002*LK]\nhello\n"))
    assert (said.code, [line.get("refused") for line in said.lines]) == (1, [None, "bad_frame"])
    said = carewatch("decode", "--format", "watch_4g", write("f.txt", ""))
    assert (said.code, "one of flat_json, native, owntracks, watch_3g, watch_iw" in said.err) == (2, True)


def test_bad_rows_of_residents_are_all_named_and_nobody_is_imported(carewatch, write, environment):
    head = "watch_id,name,born,address,phone,hr_high\n"
    rows = "w1,张三,1941,3栋502,13800001234,\nw 2,,1700,b,12,\nw1,李四,1940,c,,\nw3,王五,1950,d,,fast\n"
    file = write("residents.csv", head + rows)
    said = carewatch("residents", "import", file)
    assert (said.code, said.out) == (1, "")
    *named, last = said.err.splitlines()
    where = [line.removeprefix(f"{file}: ").partition(": ")[0] for line in named]
    assert where == [
        "line 3, column watch_id",
        "line 3, column name",
        "line 3, column born",
        "line 3, column phone",
        "line 4, column watch_id",
        "line 5, column hr_high",
    ]
    assert "nothing was imported" in last
    assert not (environment / "store.sqlite").exists()
    assert not (environment / "readings.sqlite").exists()
    said = carewatch("residents", "import", "--skip-bad", file)
    assert (said.code, said.out) == (0, "1 residents imported\n")
    url = f"sqlite:///{environment / 'store.sqlite'}"
    with closing(open_store(url, read_only=True)) as store, store.reading() as connection:
        assert [row.name for row in wearers(connection)] == ["张三"]
    assert [watch["watch_id"] for watch in carewatch("watch", "list", "--json").lines] == ["w1"]


def test_a_column_that_no_rule_knows_is_no_limit_but_a_mistyped_heading(carewatch, write, environment, monkeypatch):
    file = write("residents.csv", "watch_id,name,birth,hr_very_hihg\nw1,张三,1941,150\n")
    for skipping in ((), ("--skip-bad",)):
        said = carewatch("residents", "import", *skipping, file)
        assert (said.code, said.out) == (1, "")
        assert "column birth: 'birth': no such column or limit" in said.err
        assert "column hr_very_hihg: 'hr_very_hihg': no such column or limit; did you mean hr_very_high?" in said.err
        assert "nothing was imported; mend" in said.err
    assert not (environment / "readings.sqlite").exists()
    write("residents.csv", "watch_id,name,born,hr_very_high\nw1,张三,1941,150\n")
    assert carewatch("residents", "import", file).out == "1 residents imported\n"
    monkeypatch.setenv("CAREWATCH_RULES_FILE", "config/ruels.toml")
    said = carewatch("residents", "import", file)
    assert said.code == 2
    assert said.err.startswith(f"rules_file = 'config/ruels.toml' in {ROOT}: cannot be read: ")


def test_a_recording_is_replayed_into_a_log_once_and_the_log_is_whole(carewatch, write, environment):
    payloads = [{"boot": 5, "seq": seq, "time": NOW_MS + 60_000 * seq, "bpm": 70, "steps": 0} for seq in (1, 2, 3)]
    recorded = [
        {"at": p["time"] / 1000, "topic": "watch/w1/heart_rate", "payload": p if p["seq"] > 1 else json.dumps(p)}
        for p in payloads
    ]
    recorded.append({"at": NOW_MS / 1000 + 300, "topic": "watch/w1/heart_rate", "payload": "nonsense"})
    file = environment / "recording.jsonl.gz"
    file.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in recorded).encode()))
    log = environment / "readings.sqlite"
    said = carewatch("replay", "--log", log, file)
    assert (said.code, said.out) == (0, "4 messages, 3 readings, 0 duplicates, 1 quarantined\n")
    again = carewatch("replay", "--log", log, "--json", file)
    assert again.lines == [{"messages": 4, "readings": 0, "duplicates": 3, "quarantined": 1}]
    inspected = carewatch("log", "inspect", "--after", "0", "--count", "3").lines
    assert [line["readings"] for line in inspected] == [1, 1, 1]
    assert [line["log_time_ms"] for line in inspected] == [p["time"] for p in payloads]
    assert carewatch("log", "inspect", "--count", "2").lines == carewatch("log", "inspect", "--after", "3").lines
    assert carewatch("log", "inspect").lines[:3] == inspected
    said = carewatch("log", "verify")
    assert (said.code, said.out) == (0, "5 records are whole\n")
    assert carewatch("quarantine", "list").lines[0]["payload"] == "nonsense"


def test_a_log_that_is_not_there_says_who_makes_it(carewatch):
    said = carewatch("log", "verify")
    assert said.code == 2
    assert "carewatch run --roles ingest" in said.err


def test_a_file_that_is_no_recording_and_a_broker_that_is_away_say_the_remedy(carewatch, write):
    said = carewatch("replay", write("x.jsonl", "hello\n"))
    assert said.code == 2
    assert "neither a recording" in said.err
    url = f"mqtt://127.0.0.1:{free_port()}"
    line = json.dumps({"at": 1.0, "topic": "watch/w1/sos", "payload": "{}"})
    said = carewatch("replay", "--mqtt", url, write("y.jsonl", line + "\n"))
    assert said.code == 2
    assert said.err.startswith(f"{url}: ")
    assert "start the broker" in said.err
    assert carewatch("record", "--mqtt", url, write("z.jsonl", "")).err == said.err


def test_score_compares_alerts_with_the_truth(carewatch, write):
    episode = {
        "episode": "e1", "resident": 0, "watch": "w1", "what": "sos", "start": NOW_MS, "end": NOW_MS + 1,
        "must_alert": True, "severity": "emergency", "within_s": 60, "why_hard": "",
    }  # fmt: skip
    missed = {**episode, "episode": "e2", "watch": "w2"}
    alert = {"watch": "w1", "rule": "sos", "severity": "emergency", "started": NOW_MS, "fired": NOW_MS + 500}
    truth = write("truth.jsonl", json.dumps(episode) + "\n" + json.dumps(missed) + "\n")
    said = carewatch("score", truth, write("alerts.jsonl", json.dumps(alert) + "\n"))
    assert said.code == 0
    (scored,) = said.lines
    assert (scored["emergencies"], scored["emergencies_alerted"], scored["false_emergencies"]) == (2, 1, 0)
    assert scored["episodes"][0]["missed"] == ["e2"]
    assert scored["rules"] == [{"rule": "sos", "what": "sos", "fired": 1, "right": 1, "wrong": 0}]


def test_run_of_a_role_that_does_not_exist_names_those_that_do(carewatch):
    said = carewatch("run", "--roles", "bord")
    assert said.code == 2
    assert "ingest, alerts" in said.err


def test_a_role_that_does_not_exist_is_a_wrong_use_and_no_other_runs_instead(carewatch):
    said = carewatch("role", "nope")
    assert said.code == 2
    assert "ingest, alerts" in said.err


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (("simulate", "--residents", "0"), "residents: 0"),
        (("simulate", "--speed", "-1"), "speed: -1"),
        (("simulate", "--minutes", "nan"), "minutes: nan"),
        (("demo", "--port", "99999"), "--port 99999"),
        (("officer", "password", "lijing", "--new", "1234567"), "take 8 or more"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(carewatch, command, word):
    said = carewatch(*command)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert word in said.err
    assert "Traceback" not in said.err


def test_run_begins_no_installation_in_a_folder_that_is_none(carewatch, tmp_path, monkeypatch):
    for name in ("CONFIG", "LOG__PATH", "STORE__URL"):
        monkeypatch.delenv(f"CAREWATCH_{name}")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    said = carewatch("run")
    assert said.code == 2
    assert said.err == f"no config/carewatch.toml in {elsewhere}; go to the installation's folder, or give --config\n"
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize(("role", "file"), [("ingest", "config/devices"), ("alerts", "config/roster.toml")])
def test_a_file_that_is_missing_is_named_with_the_folder(carewatch, write, tmp_path, monkeypatch, role, file):
    source = '[[sources]]\nfilter = "3g/+/up"\nformat = "watch_3g"\n'
    config = write("mine.toml", source)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr("carewatch.logs.set_up_logs", lambda **_: None)  # of this process: it outlives the test
    said = carewatch("--config", config, "role", role)
    assert said.code == 2
    assert str(file) in said.err
    assert f" in {elsewhere}: " in said.err
