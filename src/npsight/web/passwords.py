"""Passwords of local users: kept as argon2id hashes only."""

from __future__ import annotations

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()


def hashed(password: str) -> str:
    """What is stored of a password."""
    return _HASHER.hash(password)


def matches(secret: str | None, password: str) -> bool:
    """Whether the password has that hash; takes as long where there is no hash."""
    try:
        _HASHER.verify(secret if secret is not None else _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return secret is not None


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _HASHER.hash("nobody's")
