"""Settings: where they come from, and what is said when one is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from carewatch.settings import Settings
from carewatch.settings_sources import SettingsError, every_setting, load_settings, secret_names

ROOT = Path(__file__).parents[2]


def write(tmp_path, text):
    file = tmp_path / "carewatch.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(tmp_path, text="", environment=None):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, text), environment or {})
    return str(caught.value)


def test_environment_wins_over_the_file_and_flags_over_both(tmp_path):
    file = write(tmp_path, '[mqtt]\nurl = "mqtt://file:1"\nclient_id = "file"\n')
    environment = {"CAREWATCH_MQTT__URL": "mqtt://environment:2", "CAREWATCH_MQTT__KEEP_ALIVE_S": "45"}
    settings = load_settings(file, environment, {"mqtt.keep_alive_s": 50, "mqtt.client_id": None})
    assert settings.mqtt.url == "mqtt://environment:2"
    assert settings.mqtt.client_id == "file"
    assert settings.mqtt.keep_alive_s == 50


def test_a_secret_can_come_from_a_file(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("s3cret\n", encoding="utf-8")
    settings = load_settings(write(tmp_path, ""), {"CAREWATCH_MQTT__PASSWORD_FILE": str(secret)})
    assert settings.mqtt.password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


def test_a_secret_in_the_file_is_refused_with_the_remedy(tmp_path):
    said = refusal(tmp_path, '[influx]\ntoken = "abc"\n')
    assert "influx.token" in said
    assert "CAREWATCH_INFLUX__TOKEN_FILE" in said
    assert "abc" not in said


def test_an_unknown_key_names_the_nearest(tmp_path):
    assert "mqtt.urll: no such setting; did you mean mqtt.url?" in refusal(tmp_path, '[mqtt]\nurll = "x"\n')
    assert "did you mean CAREWATCH_MQTT__URL?" in refusal(tmp_path, "", {"CAREWATCH_MQTT__URLL": "x"})


def test_a_wrong_value_is_named_with_its_value(tmp_path):
    said = refusal(tmp_path, '[board]\nport = "eighty"\n')
    assert "board.port = 'eighty'" in said
    assert "integer" in said


def test_a_file_that_is_not_toml_or_not_there_says_so(tmp_path):
    assert "not TOML" in refusal(tmp_path, "[mqtt\n")
    with pytest.raises(SettingsError, match="no such file"):
        load_settings(tmp_path / "missing.toml", {})
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(write(tmp_path, ""), {"CAREWATCH_MQTT__PASSWORD_FILE": str(tmp_path / "none")})


def test_the_shipped_file_is_valid_and_shows_every_setting_with_its_default():
    text = (ROOT / "config/carewatch.toml").read_text(encoding="utf-8")
    load_settings(ROOT / "config/carewatch.toml", {})
    uncommented = "\n".join(
        line.removeprefix("# ") if line.startswith("# ") and (" = " in line or line.startswith("# [")) else line
        for line in text.splitlines()
    )
    shown = tomllib.loads("\n".join(line for line in uncommented.splitlines() if not line.startswith("# ")))
    hidden = secret_names() | {name for name in every_setting() if name.startswith("clock.")} | {"sources"}
    for name, field in every_setting().items():
        if name in hidden:
            continue
        section, _, key = name.rpartition(".")
        value = (shown[section] if section else shown)[key]
        if field.default is not None:
            assert value == (str(field.default) if isinstance(field.default, Path) else field.default), name


def test_every_setting_is_documented():
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    for name, field in every_setting().items():
        if name != "sources":
            assert f"`{name}`" in page, f"{name} is missing: run `carewatch settings --markdown > docs/settings.md`"
            assert field.description in page, name
    assert Settings().site.language == "zh"
