"""Ids of a CRM by account, where keys are read in one case."""

from __future__ import annotations

import pytest

from npsight.config.load import load_project
from npsight.tables.crmids import read_crm_ids

PROJECT = """\
project: test
timezone: UTC
tables:
  account_case: {case}
  accounts: {{path: accounts.csv, key: id}}
  activity: {{usage: {{path: usage.csv, account: id, time: day}}}}
targets: {{churn: {{event: no_activity, activity: usage}}}}
"""


@pytest.mark.parametrize(("case", "key"), [("keep", "Acme Ltd"), ("lower", "acme ltd")])
def test_ids_are_kept_by_the_key_that_accounts_are_read_by(tmp_path, case, key):
    (tmp_path / "accounts.csv").write_text("id,record\nAcme Ltd,001A\n")
    file = tmp_path / "project.yaml"
    file.write_text(PROJECT.format(case=case))
    assert dict(read_crm_ids(load_project(file), "record").ids) == {key: "001A"}
