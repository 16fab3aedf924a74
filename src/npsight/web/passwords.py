"""Passwords of local users: kept as argon2id hashes only."""

from __future__ import annotations

import secrets
from functools import lru_cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from npsight.errors import StateError

LEAST, MOST = 12, 1000
_HASHER = PasswordHasher()
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_AT_ONCE = BoundedSemaphore(4)
"""One hash takes 64 MB: many at once would take all memory there is."""
PATIENCE_SECONDS = 10.0


def fault_of(login: str, password: str) -> str | None:
    """What is wrong with a new password; None for nothing.

    Length is what counts; rules on the kinds of characters only make people write them down.
    """
    if len(password) < LEAST:
        return f"A password has at least {LEAST} characters; a few words make a good one."
    if len(password) > MOST:
        return f"A password has at most {MOST:,} characters."
    if password.casefold().strip() == login.casefold().strip():
        return "The password must not be the login."
    return None


def random_password() -> str:
    """A password of 99 random bits, in groups that can be read out."""
    letters = [secrets.choice(_ALPHABET) for _ in range(20)]
    return "-".join("".join(letters[start : start + 5]) for start in range(0, 20, 5))


def hashed(password: str) -> str:
    """What is stored of a password."""
    return _HASHER.hash(password)


def is_dated(secret: str) -> bool:
    """Whether the hash was made with other settings than a new one would be."""
    try:
        return _HASHER.check_needs_rehash(secret)
    except InvalidHashError:
        return False


def matches(secret: str | None, password: str) -> bool:
    """Whether the password has that hash; takes as long where there is no hash.

    Raises
    ------
    StateError
        Too many passwords are being checked.
    """
    if not _AT_ONCE.acquire(timeout=PATIENCE_SECONDS):
        raise StateError("too many people sign in at this moment\n  → try again in a minute")
    try:
        _HASHER.verify(secret if secret is not None else _nobody(), password[: MOST + 1])
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _AT_ONCE.release()
    return secret is not None


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _HASHER.hash("nobody's")
