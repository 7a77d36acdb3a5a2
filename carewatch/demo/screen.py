"""The live terminal summary: a status line that renews itself, and what happens above it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.rule import Rule
from rich.text import Text

from carewatch.demo.words import WORDS

if TYPE_CHECKING:
    from email.message import EmailMessage

    from carewatch.demo.phones import Sms

PLAIN_EVERY = 10
"""Seconds between status lines where there is no terminal to renew one on."""


@dataclass
class Screen:
    """`quiet`: nothing but the last line of JSON goes to standard output; words go to standard error."""

    language: str
    quiet: bool
    sms: list[Sms] = field(default_factory=list)
    emails: list[EmailMessage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.console = Console(stderr=self.quiet, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._seconds = 0

    def say(self, key: str, **values: object) -> None:
        """A line that stays."""
        self.console.print(Text(self.word(key, **values)))

    def word(self, key: str, **values: object) -> str:
        """In the language of this screen."""
        return WORDS[self.language][key].format(**values)

    def begin(self) -> None:
        """From here on `status` renews its line."""
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False)
            self._live.start()

    def end(self) -> None:
        """No status line any more."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def status(self, **values: object) -> None:
        """Call each second."""
        line = Text(self.word("status", **values))
        if self._live is not None:
            self._live.update(line, refresh=True)
        elif self._seconds % PLAIN_EVERY == 0:
            self.console.print(line)
        self._seconds += 1

    def on_sms(self, sms: Sms) -> None:
        """The first is shown as the officer reads it."""
        self.sms.append(sms)
        if len(self.sms) == 1:
            self._show("first_sms", sms.receiver, sms.text)

    def on_email(self, message: EmailMessage) -> None:
        """The same for emails."""
        self.emails.append(message)
        if len(self.emails) == 1:
            subject = self.word("subject", subject=message["Subject"])
            text = f"{subject}\n\n{message.get_content().strip()}"
            self._show("first_email", str(message["To"]), text)

    def _show(self, title: str, receiver: str, text: str) -> None:
        """Between lines and without a frame: a link wraps as the terminal likes, and is copied whole."""
        heading = self.word(title, to=receiver)
        self.console.print(Rule(heading, align="left"))
        self.console.print(Text(text))
        self.console.print(Rule())
