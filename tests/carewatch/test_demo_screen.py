"""What the demo shows of a message: as its receiver reads it, with a link that can be copied."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from carewatch.demo.screen import Screen

LINK = "http://127.0.0.1:43210/take?" + "token=" + 150 * "a"


@pytest.mark.parametrize(("language", "label"), [("en", "Subject: SOS"), ("zh", "主题：SOS")])
def test_the_first_email_is_shown_with_its_subject_and_its_whole_link_in_one_line(monkeypatch, capsys, language, label):
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen(language, quiet=False)
    message = EmailMessage()
    message["Subject"], message["To"] = "SOS", "lijing@example.org"
    message.set_content(f"Take it: {LINK}\n")
    screen.on_email(message)
    screen.on_email(message)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if LINK in line] == [f"Take it: {LINK}"]
    assert label in lines
    assert "lijing@example.org" in lines[0]
