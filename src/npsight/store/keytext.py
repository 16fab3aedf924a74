"""How a key is written: `nps_<public id>_<secret><checksum>`.

The prefix lets scanners find keys that leaked; the checksum tells a key that was cut or mistyped
from one that is unknown, without asking the database.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib

PREFIX = "nps_"
ID_LETTERS = string.digits + string.ascii_lowercase
SECRET_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 12
SECRET_LENGTH = 32
"""Letters of 62 kinds, so 190 bits: nobody finds one by trying, however fast the hash is."""
CHECKSUM_LENGTH = 6
KEY_LENGTH = len(PREFIX) + ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH
PATTERN = rf"nps_[0-9a-z]{{{ID_LENGTH}}}_[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}"
"""For scanners."""


def new_key() -> str:
    """A key nobody has."""
    body = f"{PREFIX}{_random(ID_LETTERS, ID_LENGTH)}_{_random(SECRET_LETTERS, SECRET_LENGTH)}"
    return body + _checksum(body)


def key_id(key: str) -> str:
    """The public part, which may be shown and logged; of any text, which may hold none."""
    return key[len(PREFIX) : len(PREFIX) + ID_LENGTH]


def key_hash(key: str) -> bytes:
    """SHA-256 of the whole key; a slow hash would add nothing to 190 random bits."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def key_fault(key: str) -> str:
    """What is wrong with how a key is written; "" for nothing. Never repeats any of it."""
    if not key:
        return "the key is empty"
    if PREFIX in key and not key.startswith(PREFIX):
        return f"something stands before {PREFIX}: send the key alone, without quotes or words"
    if not key.startswith(PREFIX):
        return f"keys of npsight begin with {PREFIX}"
    if len(key) != KEY_LENGTH:
        return f"the key has {len(key)} characters, not {KEY_LENGTH}; was it cut?"
    body, checksum = key[:-CHECKSUM_LENGTH], key[-CHECKSUM_LENGTH:]
    if checksum != _checksum(body):
        return "the key's last characters do not fit the others; was it mistyped?"
    return ""


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def _checksum(text: str) -> str:
    """CRC-32 in base 62, the most significant digit first."""
    rest = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(SECRET_LETTERS))
        digits = SECRET_LETTERS[digit] + digits
    return digits
