"""One company, one service and one browser for all tests in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import launched
from morning_company import Served, morning_company, serving
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without it the tests are skipped."""
    with launched() as opened:
        yield opened


@pytest.fixture(scope="session")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The company's pages over HTTP."""
    company = morning_company(tmp_path_factory.mktemp("morning") / "company")
    with serving(company) as running:
        yield running
