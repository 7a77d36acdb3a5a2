"""What the pages in docs/ tell a reader to write, type and set is tried here."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tomllib
import types
from contextlib import closing
from pathlib import Path

import pytest
from typer.main import get_command

from alerts.delivery.contract import Fate, Letter
from alerts.delivery.messages.catalogue import catalogue, rule_messages
from alerts.rules.problems import RuleError
from alerts.rules.rule_file import load_rules
from alerts.rules.text_tests import run_tests
from alerts.store.database import open_store
from carewatch.cli import app
from carewatch.settings import SourceEntry
from carewatch.settings_sources import PREFIX, every_setting, secret_names
from ingest.formats.lines import decoded_lines
from ingest.log.sqlite import SqliteLog
from ingest.sources import Source, Sources

ROOT = Path(__file__).parents[2]
ADDING = (ROOT / "docs/adding.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text("utf-8")
PAGES = [ADDING, OPERATIONS, (ROOT / "README.md").read_text("utf-8")]
RULES = (ROOT / "config/rules.toml").read_text("utf-8")


def block(page, name):
    """The one fenced block that is called so, e.g. `toml rule`."""
    (found,) = re.findall(rf"^```{name}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return found


def module(name):
    """A python block as a module."""
    made = types.ModuleType("example")
    sys.modules["example"] = made  # dataclasses look their module up
    exec(compile(block(ADDING, f"python {name}"), f"docs/adding.md, {name}", "exec"), made.__dict__)  # noqa: S102 - our own page
    return made


# the rule


def with_the_example(messages=frozenset({"skin_hot"})):
    text = RULES.replace("[limit]\n", f"[limit]\n{block(ADDING, 'toml limit')}", 1) + block(ADDING, "toml rule")
    return load_rules(text, file="rules.toml", messages=rule_messages() | messages)


def test_the_rule_loads_without_a_doubt_and_its_tests_pass():
    rules = with_the_example()
    assert rules.rule("skin_hot_at_rest").shadow
    assert rules.warnings == ()
    outcomes = [outcome for outcome in run_tests(rules) if outcome.test.rule == "skin_hot_at_rest"]
    assert len(outcomes) == 3
    assert [outcome for outcome in outcomes if not outcome.passed] == []


def test_without_its_words_the_rule_is_refused():
    with pytest.raises(RuleError, match="skin_hot"):
        with_the_example(frozenset())


def test_its_words_are_keys_as_the_catalogues_have_them_in_every_language():
    words = {language: json.loads(block(ADDING, f"json {language}")) for language in ("zh", "en")}
    assert words["zh"].keys() == words["en"].keys() == {"what.skin_hot", "why.skin_hot"}
    assert {key.split(".")[0] for key in words["zh"]} <= {key.split(".")[0] for key in catalogue("zh")}


# the device


def test_the_decoder_makes_of_the_payloads_what_the_page_says():
    decoder = module("decoder").Plain()
    source = SourceEntry.model_validate(tomllib.loads(block(ADDING, "toml source"))["sources"][0])
    assert source.format == decoder.name
    sources = Sources([Source(source.filter, source.format)])
    said = []
    for number, line in enumerate(block(ADDING, "json input").splitlines(), 1):
        entry = json.loads(line)
        message = sources.route(entry["topic"]).message(entry["topic"], entry["payload"].encode(), entry["at"] * 1000)
        said += [{"line": number} | found for found in decoded_lines(decoder, [message])]
    assert said == [json.loads(line) for line in block(ADDING, "json expected").splitlines()]


# the channel


@pytest.fixture
async def provider():
    """`await provider(status)`: the address of a provider that answers everything so."""
    servers = []

    async def start(status):
        async def answer(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok" % status)
            await writer.drain()
            writer.close()

        servers.append(await asyncio.start_server(answer, "127.0.0.1", 0))
        return f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}/"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("status", "fate"),
    [(200, Fate.HANDED), (401, Fate.LOCKED_OUT), (400, Fate.REFUSED), (429, Fate.TRY_AGAIN), (503, Fate.TRY_AGAIN)],
)
async def test_the_channel_tells_every_fate(provider, status, fate):
    example = module("channel")
    channel = example.JsonSms(example.JsonSmsOptions(await provider(status), "token"))
    handover = await channel.send(Letter(1, "+8613900000001", "", "疑似跌倒", is_urgent=True))
    await channel.close()
    assert handover.fate is fate
    assert bool(handover.problem) == (fate is not Fate.HANDED)


async def test_the_channel_tries_again_where_nobody_answers(unused_tcp_port):
    example = module("channel")
    channel = example.JsonSms(example.JsonSmsOptions(f"http://127.0.0.1:{unused_tcp_port}/", "token"))
    handover = await channel.send(Letter(1, "+8613900000001", "", "疑似跌倒", is_urgent=True))
    await channel.close()
    assert handover.fate is Fate.TRY_AGAIN


# backup and restore


def shell_lines(heading):
    section = OPERATIONS.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return block(section, "sh")


def test_a_backup_taken_while_carewatch_runs_can_be_restored(tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "backup").mkdir()
    with (
        closing(SqliteLog(tmp_path / "var/readings.sqlite")) as log,
        closing(open_store(f"sqlite:///{tmp_path}/var/store.sqlite")),
    ):
        for second in range(100):
            log.tick(second * 1000)
        subprocess.run(["sh", "-ec", shell_lines("Backup")], cwd=tmp_path, check=True)
        log.tick(100_000)
    (tmp_path / "var").rename(tmp_path / "aside")
    (tmp_path / "backup").rename(tmp_path / "var")
    subprocess.run(["sh", "-ec", shell_lines("Restore")], cwd=tmp_path, check=True, capture_output=True)
    with closing(SqliteLog(tmp_path / "var/readings.sqlite")) as log:
        assert log.verify() == 100
        assert log.tick(200_000) == 101
    open_store(f"sqlite:///{tmp_path}/var/store.sqlite").close()


# words that must name something


def test_every_variable_that_a_page_names_is_a_setting():
    known = {f"{PREFIX}{name.replace('.', '__').upper()}" for name in every_setting()} | {f"{PREFIX}ACCEPT_GOLDEN"}
    known |= {f"{PREFIX}{name.replace('.', '__').upper()}_FILE" for name in secret_names()}
    named = {name for page in PAGES for name in re.findall(r"\bCAREWATCH_[A-Z0-9_]*[A-Z0-9]", page)}
    assert len(named) >= 10
    assert named - known == set()


def commands(group, path=()):
    for name, command in group.commands.items():
        yield (*path, name)
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


def test_every_command_that_a_page_names_is_one():
    known = {" ".join(path) for path in commands(get_command(app))}
    named = {" ".join(found) for page in PAGES for found in re.findall(r"`carewatch ([a-z-]+)(?: ([a-z-]+))?", page)}
    assert len(named) >= 8
    unknown = {name for name in named if name.strip() not in known and name.split()[0] not in known - {"rules"}}
    assert unknown == set()


def test_every_file_that_a_page_links_to_is_there():
    for page, folder in ((ADDING, ROOT / "docs"), (OPERATIONS, ROOT / "docs"), (PAGES[2], ROOT)):
        links = [link for link in re.findall(r"\]\(([^)#:]+)\)", page) if not link.endswith(".png")]
        assert [link for link in links if not (folder / link).exists()] == []
