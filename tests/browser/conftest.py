"""One browser and one served project for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from chromium import Site, chromium, site
from tiny_project import make_project


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The tiny project, served; make users of your own with `pages.add`."""
    with site(make_project(tmp_path_factory.mktemp("browser"))) as made:
        yield made
