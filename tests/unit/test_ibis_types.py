"""Types are given to Ibis as objects: for each one named by a text it makes a grammar anew."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "npsight"
NAMED = re.compile(r"""\.(?:try_)?cast\("|ibis\.null\("|ibis\.literal\([^()]*type=["']""")


def test_no_type_is_named_by_a_text():
    named = [
        f"{file.relative_to(PACKAGE)}:{number}"
        for file in sorted(PACKAGE.rglob("*.py"))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if NAMED.search(line)
    ]
    assert named == []
