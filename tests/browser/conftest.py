"""One browser and one served project for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import Site, chromium, program_or_skip, site
from made_once import made_once
from morning_company import Served, morning_company, serving
from tiny_project import make_project
from written_company import WrittenCompany


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Ends with its file: while it lives, an event loop runs in this thread, and no other can."""
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The tiny project, served; make users of your own with `pages.add`."""
    with site(make_project(tmp_path_factory.mktemp("browser"))) as made:
        yield made


@pytest.fixture(scope="session")
def served(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A company of several CS managers, served; each owns accounts of their own."""
    program_or_skip()
    made = WrittenCompany(made_once(shared, "morning", morning_company))
    company = made.copy(tmp_path_factory.mktemp("morning") / "company", state=True)
    with serving(company) as running:
        yield running
