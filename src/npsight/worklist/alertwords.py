"""What a message says, as plain text that no chat or mail program takes for anything else.

Names and sentences are others' words: what has a meaning in some chat (a mention, a link, markup)
is replaced by a character that looks alike and has none, what cannot be seen is dropped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

MOST_CHARACTERS = 3500
MOST_LISTED = 25
NAME_CHARACTERS = 80
SENTENCE_CHARACTERS = 220
TITLE_CHARACTERS = 100
_LOOK_ALIKE = str.maketrans(
    {
        "@": "＠", "<": "‹", ">": "›", "&": "＆", "`": "ˋ", "*": "∗", "~": "∼", "|": "¦",
        "[": "［", "]": "］", "\\": "＼",
    }
)  # fmt: skip
_DOMAIN_DOT = re.compile(r"(?<=\w)[.。．｡](?=\w*[^\W\d])")
_MARKED = re.compile(r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff\ufe20-\ufe2f]{3,}")
_BLANK = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
_UNSEEN = "Cf"
_LEFTWARD = {"R", "AL"}


def inert(text: str, longest: int) -> str:
    """Others' words on one line: nothing to click, nobody mentioned, nothing unseen, cut."""
    # What is far too long is cut first, so that nobody can make this slow.
    some = text[: 4 * longest + 100]
    kept = ((c, unicodedata.category(c)) for c in some)
    seen = "".join(" " if kind in _BLANK else c for c, kind in kept if kind != _UNSEEN)
    flat = _MARKED.sub("", " ".join(seen.split()))
    # `_` and `-` are part of many keys, and harmless between letters.
    flat = re.sub(r"(?<!\w)_+|_+(?!\w)", " ", flat).strip()
    safe = _DOMAIN_DOT.sub("․", flat.replace("://", "∶∕∕").translate(_LOOK_ALIKE))
    if len(safe) > longest or len(text) > len(some):
        safe = safe[: longest - 1].rstrip() + "…"
    # What is read from right to left must not turn the numbers around it.
    leftward = any(unicodedata.bidirectional(c) in _LEFTWARD for c in safe)
    return f"\u2068{safe}\u2069" if leftward else safe


@dataclass(frozen=True)
class Entry:
    """One account in a message: a line, and below it what more there is, in words.

    `link` is an address of ours; None where the project file names none.
    """

    heading: str
    line: str = field(repr=False)
    more: tuple[str, ...] = field(default=(), repr=False)
    link: str | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """The lines of it."""
        below = [f"  {part}" for part in (*self.more, self.link) if part]
        return "\n".join([f"• {self.line}", *below])


def named(name: str | None, account: str) -> str:
    """An account as a reader knows it: its name, then its key."""
    key = inert(account, NAME_CHARACTERS) or "an account"
    shown = inert(name or "", NAME_CHARACTERS)
    return f"{shown} ({key})" if shown and shown != key else key


def listing(
    entries: Sequence[Entry], link: str | None, most: int = MOST_CHARACTERS, beyond: int = 0
) -> str:
    """The entries under their headings, as many as fit; then how many more there are, and where.

    `beyond` is how many there are besides those given.

    Entries of a heading stand together, headings in the order of their first entries.
    """
    order = {heading: i for i, heading in enumerate(dict.fromkeys(e.heading for e in entries))}
    arranged = sorted(entries, key=lambda entry: order[entry.heading])
    counts = {h: sum(e.heading == h for e in entries) for h in order}
    told: list[str] = []
    used, heading, listed = 0, "", 0
    for entry in arranged:
        head = f"{entry.heading} ({counts[entry.heading]})"
        block = entry.text if entry.heading == heading else f"\n{head}\n{entry.text}"
        if listed == MOST_LISTED or used + len(block) + 1 > most:
            break
        told.append(block)
        used, heading, listed = used + len(block) + 1, entry.heading, listed + 1
    left = len(entries) - listed + beyond
    if left:
        where = f": {link}" if link else " on the worklist"
        told.append(f"\nand {left:,} more{where}")
    return "\n".join(told).strip("\n")


def message(parts: Iterable[str], identity: str) -> str:
    """The parts below each other, and the message's id, by which a double can be told."""
    told = [part for part in parts if part]
    return "\n\n".join([*told, f"npsight · message {identity}"])


def title_of(owner: str, what: str) -> str:
    """A title on one line; `owner` may be `""`."""
    who = inert(owner, 60) or "Accounts without an owner"
    return inert_title(f"{who}: {what}")


def inert_title(text: str) -> str:
    """One line, cut: a title becomes a header of a mail."""
    return " ".join(text.split())[:TITLE_CHARACTERS]


def counted(count: int, one: str, many: str) -> str:
    """`1 account`, `12 accounts`."""
    return f"{count:,} {one if count == 1 else many}"


def percent(value: float | None) -> str:
    """A probability as whole per cent; a dash for None."""
    return "–" if value is None else f"{100 * value:.0f} %"


def day(value: date) -> str:
    """A day such as `3 Mar 2026`."""
    return f"{value.day} {value:%b %Y}"


def money(value: float | None, currency: str = "") -> str:
    """Revenue with thousands separators; a dash for None."""
    return "–" if value is None else f"{currency} {value:,.0f}".strip()
