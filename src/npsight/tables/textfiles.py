"""Text files, packed or not."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO

_CODECS = {"utf-8": "utf-8-sig", "latin-1": "latin-1", "utf-16": "utf-16"}
_CODECS["windows-1252"] = "cp1252"


def opened(file: Path, encoding: str) -> IO[str]:
    """The file's text, read by an encoding of the project file; a byte order mark is no part."""
    codec = _CODECS[encoding]
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding=codec, newline="")
    return file.open(encoding=codec, newline="")
