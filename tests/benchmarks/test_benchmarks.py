"""Every benchmark runs, tells one line of JSON, and the page's commands are ones that it takes."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.__main__ import BENCHMARKS
from benchmarks.ingest import decode, influxd
from ingest.formats import DECODERS
from ingest.sources import NATIVE
from tests.servers.process import program

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs/performance.md", *(ROOT / "docs/adr").glob("*.md")]
COMMAND = re.compile(r"python -m (benchmarks[a-z_.]*)([^`\n|]*)")
QUICK = {
    "decode": "--readings 500 --rounds 1",
    "known": "--watches 300",
    "replay": "--readings 10000 --single 1000",
    "year": "--days 1 --residents 2",
}
WITH_BROKER = {
    "mqtt_drain": "--messages 2000",
    "drain": "--messages 2000 --watches 50",
    "bad": "--messages 1000",
    "live": "--seconds 3 --rate 200 --emergencies 5 --watches 50",
}


def results(name, arguments, capsys):
    """What its last line tells."""
    importlib.import_module(BENCHMARKS[name]).main(shlex.split(arguments))
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_it_runs_and_tells_one_line_of_json(name, capsys):
    told = results(name, QUICK[name], capsys)
    assert told["machine"]["cores"] >= 1
    assert told["results"]


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_BROKER)
def test_it_runs_with_a_broker(name, capsys):
    program("mosquitto")
    assert results(name, WITH_BROKER[name], capsys)["results"]


@pytest.mark.server
@pytest.mark.slow
def test_the_drain_runs_with_influxdb_and_finds_every_reading_there(capsys):
    program("mosquitto")
    path = program("influxd")
    told = results("drain_influx", f"--messages 2000 --watches 50 --influxd {path}", capsys)
    assert told["results"]["carewatch, log and InfluxDB"]["per_s"] > 0


def test_without_influxdb_the_benchmark_says_where_it_comes_from(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        results("drain_influx", f"--influxd {tmp_path / 'influxd'}", capsys)
    assert ended.value.code == 2
    assert "make servers" in capsys.readouterr().err


def test_make_bench_knows_every_benchmark():
    modules = [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "benchmarks/ingest").glob("*.py")]
    runnable = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in modules
        if '__name__ == "__main__"' in file.read_text("utf-8") and file.stem != "__main__"
    }
    assert set(BENCHMARKS.values()) == runnable


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_every_command_on_a_page_is_one_that_the_benchmark_takes(file, capsys):
    for module, options in COMMAND.findall(file.read_text("utf-8")):
        with pytest.raises(SystemExit) as ended:
            importlib.import_module(module).main(["--help"])
        assert ended.value.code == 0
        known = capsys.readouterr().out
        assert [flag for flag in re.findall(r"--[a-z-]+", options) if flag not in known] == []


def test_the_page_names_every_benchmark():
    text = (ROOT / "docs/performance.md").read_text("utf-8")
    assert [name for name, module in BENCHMARKS.items() if module not in text] == []


def test_every_format_is_measured():
    assert {source.format for source in decode.SOURCES} | {NATIVE} == set(DECODERS)


def told(name, **results):
    machine = {"date": "2026-01-02", "cpu": "a processor", "cores": 2, "load_before": 0.1}
    return {"benchmark": name, "options": {"messages": 1000, "telegraf": None}, "machine": machine, "results": results}


def test_results_take_the_place_of_the_older_ones_on_the_page(tmp_path):
    file = tmp_path / "performance.md"
    file.write_text((ROOT / "docs/performance.md").read_text("utf-8"), "utf-8")
    page.write([told("drain", ours={"per_s": 1000})], file)
    page.write([told("drain", ours={"per_s": 250_000}, other={"per_s": 2, "ratio": 0.5})], file)
    text = file.read_text("utf-8")
    assert "2026-01-02, 2 cores, a processor" in text
    assert "**drain** (messages 1000)\n\n| | per s | ratio |\n|---|---:|---:|\n| ours | 250,000 |  |" in text
    assert "1,000 |" not in text.partition(page.BEGIN)[2]
    assert text.partition(page.BEGIN)[0] == (ROOT / "docs/performance.md").read_text("utf-8").partition(page.BEGIN)[0]


def test_a_page_without_the_marks_is_refused(tmp_path):
    file = tmp_path / "performance.md"
    file.write_text("nothing")
    with pytest.raises(ValueError, match="must stand on it"):
        page.write([told("drain")], file)


def test_the_default_influxd_is_where_make_servers_puts_it():
    assert influxd.DEFAULT.relative_to(ROOT).parts[:3] == (".cache", "servers", "bin")
