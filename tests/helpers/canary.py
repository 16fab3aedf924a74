"""Strings that must never be seen again: planted in requests, looked for wherever things leak."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from npsight.store.keytext import PATTERN

CANARY = r"canary-[0-9a-f]{16}"
SECRET = re.compile(rf"{PATTERN}|{CANARY}|Secret Name|\ba/\d+ é")
"""Keys, planted strings, and what the tiny project's accounts are called."""
CALLERS = ("httpx", "httpcore", "hypothesis", "asyncio")
"""Loggers of those who call: what they asked for is no secret to them."""


def canary() -> str:
    """A string that is nowhere else."""
    return f"canary-{secrets.token_hex(8)}"


def shown(text: str | bytes, words: Iterable[str]) -> list[str]:
    """Which of the words are seen in the text, escaped forms included."""
    seen = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    forms = {form for word in words for form in (word, quote(word, safe=""), repr(word)[1:-1])}
    return sorted(form for form in forms if form in seen)


def leaks(text: str | bytes, words: Iterable[str] = ()) -> list[str]:
    """Which of the words, and what else that looks like a secret, is seen in the text."""
    seen = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return sorted({*SECRET.findall(seen), *shown(seen, words)})


def assert_no_leak(where: str, text: str | bytes, words: Iterable[str] = ()) -> None:
    """Fails with what leaked."""
    found = leaks(text, words)
    assert not found, f"{where} shows {found}"


def assert_files_keep(folder: Path, words: Iterable[str]) -> None:
    """No file of a folder holds any of the words."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    for file in files:
        content = file.read_bytes()
        found = [word for word in words if word.encode() in content]
        assert not found, f"{file.name} holds {found}"


class LogTrap(logging.Handler):
    """Remembers every record of the service that shows something planted."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self.caught: list[str] = []
        self.seen = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record, its traceback included."""
        if record.name.partition(".")[0] in CALLERS:
            return
        self.seen += 1
        line = self.format(record)
        if leaks(line):
            self.caught.append(line)
