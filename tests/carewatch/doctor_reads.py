"""An installation as an operator sets it up, and what the doctor says of it."""

from __future__ import annotations

import json
from pathlib import Path

from carewatch.doctor import Verdict, as_json, examine
from carewatch.settings import Settings

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"


def installation(folder, **sections):
    """Settings with files below `folder`, the shipped rules and roster, and a board at any port."""
    return Settings.model_validate(
        {
            "log": {"path": folder / "readings.sqlite"},
            "store": {"url": f"sqlite:///{folder}/store.sqlite"},
            "rules_file": CONFIG / "rules.toml",
            "roster_file": CONFIG / "roster.toml",
            "devices_folder": CONFIG / "devices",
            "mqtt": {"url": "mqtt://127.0.0.1:1"},
            "board": {"port": 0},
            **sections,
        }
    )


async def said_of(settings, part):
    """(verdicts, everything said) of one part."""
    findings = [finding for finding in await examine(settings) if finding.part == part]
    assert findings
    assert all(finding.remedy for finding in findings if finding.verdict is not Verdict.GOOD)
    text = "\n".join(f"{row['what']} -> {row['remedy']}" for row in json.loads(as_json(findings)))
    return [finding.verdict for finding in findings], text
