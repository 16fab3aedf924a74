"""Write both specs: `python -m npsight.service.spec docs/api`."""

from __future__ import annotations

import sys
from pathlib import Path

from npsight.service.spec.document import openapi, swagger, text


def write(folder: Path) -> None:
    """`openapi.json` and `swagger.json` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in (("openapi.json", openapi()), ("swagger.json", swagger())):
        (folder / name).write_text(text(document), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
