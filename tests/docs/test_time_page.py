"""Every piece of a project file in docs/time.md is one that npsight takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from npsight.config.load import load_project

PAGE = Path(__file__).parents[2] / "docs" / "time.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
USAGE = {"path": "usage.csv", "account": "account_id", "time": "day"}


def test_every_section_but_the_last_shows_how() -> None:
    assert len(BLOCKS) == 9


@pytest.mark.parametrize("block", BLOCKS)
def test_the_piece_is_taken(block: str, tmp_path: Path) -> None:
    content = yaml.safe_load(block)
    content["tables"].setdefault("activity", {}).setdefault("usage", USAGE)
    churn = {"event": "no_activity", "activity": "usage"}
    file = tmp_path / "project.yaml"
    file.write_text(yaml.safe_dump({"project": "p", "targets": {"churn": churn}, **content}))
    assert load_project(file, {}).tables.activity["usage"]
