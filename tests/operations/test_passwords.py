"""The broker's password file, made from the secrets by the real mosquitto_passwd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.operations.broker import make_passwords

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server


def test_no_password_stands_plain_in_the_broker_s_file(secrets: Path, tmp_path: Path) -> None:
    assert make_passwords(secrets, tmp_path / "auth").stdout == "make-passwords: carewatch and 2 watches can sign in\n"
    file = tmp_path / "auth" / "passwords"
    names = [line.split(":$7$")[0] for line in file.read_text().splitlines()]
    assert names == ["carewatch", "A", "B"]
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("A b:x", "not watch_id:password"),
        ("+:x", "not watch_id:password"),
        ("A/../B:x", "not watch_id:password"),
        ("C:x:y", "not watch_id:password"),
        ("C:", "not watch_id:password"),
        ("Carewatch-2:x", "begin with carewatch"),
        ("A:again", "more than once: A"),
    ],
)
def test_a_wrong_line_of_passwords_is_refused_whole(secrets: Path, tmp_path: Path, line: str, words: str) -> None:
    before = make_passwords(secrets, tmp_path / "auth") and (tmp_path / "auth" / "passwords").read_text()
    with (secrets / "watch_passwords").open("a") as file:
        file.write(f"{line}\n")
    refused = make_passwords(secrets, tmp_path / "auth")
    assert refused.returncode == 1
    assert words in refused.stderr
    assert (tmp_path / "auth" / "passwords").read_text() == before


def test_a_secret_that_is_missing_is_named(secrets: Path, tmp_path: Path) -> None:
    (secrets / "mqtt_password").write_text("")
    assert "mqtt_password is missing or empty" in make_passwords(secrets, tmp_path / "auth").stderr


def test_a_password_with_a_colon_is_refused_since_the_broker_would_cut_it(secrets: Path, tmp_path: Path) -> None:
    (secrets / "mqtt_password").write_text("a:b")
    assert "mqtt_password holds a colon" in make_passwords(secrets, tmp_path / "auth").stderr


def test_without_watches_carewatch_alone_can_sign_in(secrets: Path, tmp_path: Path) -> None:
    (secrets / "watch_passwords").write_text("")
    assert make_passwords(secrets, tmp_path / "auth").stdout == "make-passwords: carewatch and 0 watches can sign in\n"
