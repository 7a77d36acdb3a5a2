"""docs/settings.md, written from the settings themselves."""

from __future__ import annotations

from pydantic import SecretStr

from carewatch.settings_sources import PREFIX, every_setting


def settings_page() -> str:
    """Markdown: every setting with its variable, default and meaning."""
    rows = [
        f"| `{name}` | `{PREFIX}{name.replace('.', '__').upper()}` | {_default(field)} | {field.description} |"
        for name, field in every_setting().items()
        if name != "sources"
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "`config/carewatch.toml` < environment < flags. A secret comes by environment, or from the file that its",
            "variable with `_FILE` names; never from the TOML file. An unknown key is an error that names the nearest.",
            "This page is written by `carewatch settings --markdown`.",
            "",
            "| setting | environment | default | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
            "`[[sources]]` (only in the file): `filter` (MQTT topic filter), `format` (a decoder), `profile` (a file",
            "of config/devices/).",
            "",
        ]
    )


def _default(field: object) -> str:
    value = getattr(field, "default", None)
    if isinstance(value, SecretStr):
        return "(secret)"
    return "" if value in (None, "") else f"`{value}`"
