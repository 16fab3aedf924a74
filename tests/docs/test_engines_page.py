"""The pieces of docs/engines.md are `engine` sections that load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from npsight.config.load import load_project

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
PIECES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
HEAD = """\
project: test
tables: {activity: {usage: {path: usage.csv, account: account, time: day}}}
targets: {churn: {event: no_activity, activity: usage}}
"""


def test_every_kind_of_engine_is_shown():
    kinds = {re.search(r"kind: (\w+)", piece) for piece in PIECES}
    assert {kind[1] if kind else "duckdb" for kind in kinds} == {"duckdb", "spark", "postgres"}


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_of_the_page_is_an_engine_section(tmp_path, piece):
    file = tmp_path / "project.yaml"
    file.write_text(HEAD + piece, encoding="utf-8")
    engine = load_project(file, {"NPSIGHT_PG": "postgresql://db/crm"}).engine
    for line in re.findall(r"(?:memory|kind): (\w+)", piece):
        assert line in (engine.memory, engine.kind, *engine.options.values())
