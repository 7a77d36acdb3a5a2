"""The house rules that can be read off the sources."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("carewatch", "ingest", "alerts", "simulator", "board")
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
]
SOURCES = [file for file in TRACKED if file.suffix == ".py"]
PRODUCT = [file for file in SOURCES if file.relative_to(ROOT).parts[0] in PACKAGES]
TEXTS = [file for file in TRACKED if file.suffix not in {".png", ".gz"}]


def name_of(file):
    return str(file.relative_to(ROOT))


def test_files_are_short():
    assert {name_of(f): n for f in SOURCES if (n := len(f.read_text("utf-8").splitlines())) > 300} == {}


def test_functions_are_short():
    long = {}
    for file in PRODUCT:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno > 50:
                long[f"{name_of(file)}:{node.name}"] = node.end_lineno - node.lineno
    assert long == {}


VAGUE = re.compile(
    r"(?i)^_?(manager|handler|processor|helpers?|utils?|infos?|data|types|common)$|(Manager|Handler|Processor|Helper|Util|Info|Data)$"
)


def test_nothing_has_a_vague_name():
    found = [name_of(file) for file in PRODUCT if VAGUE.search(file.stem)]
    for file in PRODUCT:
        tree = ast.parse(file.read_text("utf-8"))
        found += [
            f"{name_of(file)}:{n.name}" for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and VAGUE.search(n.name)
        ]
    assert found == []


def test_the_layout_is_the_documented_one():
    top = {file.relative_to(ROOT).parts[0] for file in TRACKED}
    assert {
        "ingest",
        "alerts",
        "simulator",
        "config",
        "tests",
        "docker-compose.yml",
        "pyproject.toml",
        "README.md",
    } <= top
    assert not [f for f in TRACKED if f.relative_to(ROOT).parts[0] == "config" and f.suffix == ".py"]
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    for package in PACKAGES:
        assert f"`{package}/`" in page


# The words are put together here, so that this file does not hold what it looks for.
HOSTS = [
    "pypi" + ".org",
    "python" + "hosted",
    "crates" + ".io",
    "proxy." + "golang",
    "npm" + "js",
    "maven" + ".org",
    "deb." + "debian",
]


@pytest.mark.parametrize("host", HOSTS)
def test_no_registry_is_named(host):
    assert [name_of(file) for file in TEXTS if host in file.read_text("utf-8", errors="replace")] == []


WALL_CLOCK = re.compile(r"\b(time\.time|time\.time_ns|datetime\.now|datetime\.utcnow)\(")
MAY_READ_THE_WALL = {"carewatch/clock.py"}


def test_logic_reads_no_wall_clock():
    found = [
        name_of(f) for f in PRODUCT if WALL_CLOCK.search(f.read_text("utf-8")) and name_of(f) not in MAY_READ_THE_WALL
    ]
    assert found == []


BROAD = {"Exception", "BaseException"}


def swallows(handler):
    """It catches everything, and neither raises again, nor tells anybody, nor passes the error on."""
    is_broad = handler.type is None or (isinstance(handler.type, ast.Name) and handler.type.id in BROAD)
    nodes = [node for statement in handler.body for node in ast.walk(statement)]
    told = any(isinstance(node, ast.Raise | ast.Call) for node in nodes)
    passed_on = handler.name is not None and any(isinstance(n, ast.Name) and n.id == handler.name for n in nodes)
    return is_broad and not told and not passed_on


def test_nothing_is_swallowed():
    found = []
    for file in PRODUCT:
        text = file.read_text("utf-8")
        handlers = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ExceptHandler)]
        found += [f"{name_of(file)}:{handler.lineno}" for handler in handlers if swallows(handler)]
        found += [name_of(file)] if re.search(r"suppress\((Base)?Exception\)", text) else []
    assert found == []


def test_every_noqa_says_why():
    bare = re.compile(r"# noqa(:\s*[A-Z0-9, ]+)?\s*$", re.MULTILINE)
    assert [name_of(f) for f in SOURCES if bare.search(f.read_text("utf-8"))] == []


def test_decisions_name_their_costs():
    for file in (ROOT / "docs/adr").glob("*.md"):
        assert "cost" in file.read_text("utf-8").lower(), f"{file.name} names no negative consequence"
