"""A table that was not loaded for a while is told by `npsight score`, with its newest row."""

from __future__ import annotations

import pytest
from command_line import npsight
from small_company import SmallCompany


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """Every account has a row of usage each week until the end of 2024."""
    company = SmallCompany(tmp_path_factory.mktemp("stale"), days=366)
    company.project["features"].append(
        {"source": "usage", "measure": "logins", "aggregate": "mean", "windows": 7}
    )
    company.write()
    npsight("train", "-c", company.config).succeeded()
    return company


def test_on_its_own_day_there_is_nothing_to_tell(company):
    out = npsight("score", "-c", company.config, "--as-of", "2024-12-31").succeeded().out
    assert "missing for" not in out


def test_later_its_features_are_held_and_the_table_and_its_newest_row_are_named(company):
    out = npsight("score", "-c", company.config, "--as-of", "2025-01-10").succeeded().out
    assert "no row of `usage` became known after 2024-12-31, 10 days before as_of 2025-01-10" in out
    assert "Its 3 features are taken as of 2025-01-01" in out
    assert "missing for" not in out


def test_read_as_it_is_what_went_missing_is_named(company):
    options = ("--as-of", "2025-01-10", "--no-hold")
    out = npsight("score", "-c", company.config, *options).succeeded().out
    assert "usage__mean_logins__7d is missing for 100% of the accounts" in out
    assert "its newest row is of 2024-12-31, as_of 2025-01-10" in out
    assert "load the newest rows of `usage`" in out
