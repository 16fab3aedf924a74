"""Keys as messages show them: what tells of a person is masked."""

from __future__ import annotations

_LONGEST = 40


def shown_key(key: str) -> str:
    """The key of an account, cut to 40 characters; of an address only its domain: `a***@x.com`."""
    if "@" not in key:
        return key[:_LONGEST]
    return f"{key[:1].strip('@')}***@{key.rpartition('@')[2].strip('<> ')}"[:_LONGEST]


def shown_person(key: str) -> str:
    """The key of anybody: `shown_key`, and of a name of several words only how it begins."""
    return f"{key[:1]}***" if " " in key and "@" not in key else shown_key(key)


def listed(keys: list[str]) -> str:
    """Keys in a row."""
    return ", ".join(f"`{key}`" for key in keys)
