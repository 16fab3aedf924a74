"""Keys of accounts, answers and people as callers write them: texts, or whole numbers.

Flows and workflows keep an id as a number and send it as one. It is taken as the text it prints as,
so `7` is the account `7`, never `007`. Beyond fifteen digits many programs that write JSON have
rounded it already: such a number is refused, for it may be another account's. Blanks around a key
never count, as in the tables.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from npsight.config.specs import ProjectSpec

MAX_KEY_LENGTH = 512
MOST_DIGITS = 15
"""Every whole number of so many digits is a double of its own."""
NO_KEY = f"must be a string, or a whole number of at most {MOST_DIGITS} digits"
_KINDS = {bool: "a boolean", float: "a number with a point or an exponent", type(None): "null"}


def key_of(value: Any) -> Any:
    """The text that a whole number prints as, or a text without blanks around it; else as it is."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if type(value) is int and abs(value) < 10**MOST_DIGITS else value


def as_stored(value: Any, project: ProjectSpec) -> Any:
    """The key as the project's tables are read: in lower case, where `account_case` says so.

    Letter by letter, as the engine does it, whatever letters stand beside; no text as it is.
    """
    if project.tables.account_case != "lower" or not isinstance(value, str):
        return value
    return "".join(letter.lower()[0] for letter in value)


def account_fault(value: Any) -> str:
    """What is wrong with a key that `key_of` gave; "" for nothing."""
    if not isinstance(value, str):
        return f"{NO_KEY}; {_kind(value)}"
    if not value:
        return "must not be empty"
    if len(value) > MAX_KEY_LENGTH:
        return f"has {len(value):,} characters, at most {MAX_KEY_LENGTH} are taken"
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        return "holds characters that no text has"
    return ""


def _kind(value: Any) -> str:
    if type(value) is int:
        return "this one has more: send it as a string"
    return f"is {_KINDS.get(type(value), 'neither')}"


def shown_key(value: Any) -> str:
    """The key as it was sent, as far as a text can tell it; "" for what is no key at all."""
    if type(value) in (int, float):
        value = str(value)
    known = isinstance(value, str) and len(value) <= MAX_KEY_LENGTH
    return value.encode("utf-8", "replace").decode() if known else ""


def _read(value: Any) -> Any:
    value = key_of(value)
    if not isinstance(value, str):
        raise PydanticCustomError("key_type", NO_KEY)
    return value


Key = Annotated[str, BeforeValidator(_read)]
"""A field that holds a key."""
