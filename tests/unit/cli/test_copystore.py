"""`npsight copy-store`: a team moves from SQLite to PostgreSQL and loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import npsight
from filled_store import OF_ACCOUNTS, WITHOUT_ACCOUNTS, fill
from postgres_server import postgres_server
from small_company import SmallCompany

from npsight.store import open_store, store_file

CONFIG, NOT_FOUND, STATE = 2, 7, 8


@pytest.fixture
def company(tmp_path: Path) -> SmallCompany:
    """With a database of its own that holds an account in every table."""
    company = SmallCompany(tmp_path)
    company.write()
    store = open_store(store_file(company.state))
    fill(store, "small", "", "", WITHOUT_ACCOUNTS)
    fill(store, "small", "a000", "Firm 0", OF_ACCOUNTS)
    store.close()
    return company


def test_all_of_it_is_copied_once(company):
    company.project["database"] = "NPSIGHT_STORE"
    company.write()
    with postgres_server("copystore") as url:
        environment = {"NPSIGHT_STORE": url}
        done = npsight("copy-store", "-c", company.config, environment=environment).succeeded()
        rows = len(WITHOUT_ACCOUNTS) + len(OF_ACCOUNTS) - 1
        assert f"Copied {rows} rows of {rows} tables" in done.out
        again = npsight("copy-store", "-c", company.config, environment=environment)
        again.failed(STATE, "holds rows already", "empty database")
        assert url not in again.err


def test_errors_name_the_way_out(company, tmp_path):
    npsight("copy-store", "-c", company.config).failed(CONFIG, "`database`", "NPSIGHT_STORE")
    company.project["database"] = "NPSIGHT_STORE"
    company.write()
    npsight("copy-store", "-c", company.config).failed(CONFIG, "NPSIGHT_STORE")
    store_file(company.state).unlink()
    npsight("copy-store", "-c", company.config).failed(NOT_FOUND, "no SQLite store")
