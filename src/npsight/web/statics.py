"""Style, script and icon: kept by browsers for a year where the address names this very version."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).with_name("static")
KEPT = "public, max-age=31536000, immutable"


class Statics(StaticFiles):
    """The folder `static`."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or 404."""
        response = await super().get_response(path, scope)
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("v")
        known = response.status_code in (200, 304) and asked == [version()]
        response.headers["Cache-Control"] = KEPT if known else "no-cache"
        return response


@lru_cache(maxsize=1)
def version() -> str:
    """A digest of all files of the folder."""
    digest = hashlib.sha256()
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
