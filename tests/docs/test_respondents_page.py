"""Every piece of a project file in docs/respondents.md is one that npsight takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from npsight.config.load import load_project

PAGE = Path(__file__).parents[2] / "docs" / "respondents.md"
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)


def test_there_are_pieces() -> None:
    assert len(BLOCKS) == 4


@pytest.mark.parametrize("block", BLOCKS)
def test_the_piece_is_taken(block: str, tmp_path: Path) -> None:
    content = yaml.safe_load(block)
    content.setdefault("targets", {"detractor": {}})
    file = tmp_path / "project.yaml"
    file.write_text(yaml.safe_dump({"project": "p", "timezone": "UTC", **content}))
    loaded = load_project(file, {})
    written = content["tables"]["responses"]
    first, read = (written[0] if isinstance(written, list) else written), loaded.tables.responses[0]
    for setting in ("respondent", "role", "seniority", "touchpoint", "touchpoint_name"):
        assert getattr(read, setting) == first.get(setting)
    assert bool(loaded.touchpoints) == ("touchpoints" in content["targets"]["detractor"])
