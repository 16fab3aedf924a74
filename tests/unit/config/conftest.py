"""Project files as texts."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from npsight.config.load import load_project
from npsight.config.specs import ProjectSpec


@pytest.fixture
def load(tmp_path: Path):
    def load(text: str, environment: dict[str, str] | None = None) -> ProjectSpec:
        file = tmp_path / "p.yaml"
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return load_project(file, environment or {})

    return load
