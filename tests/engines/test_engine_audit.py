"""The leakage audit runs on every engine, and says the same as on DuckDB."""

from __future__ import annotations

import pytest
from small_company import SmallCompany

from npsight.config.load import load_project
from npsight.jobs.audit import audit


@pytest.mark.usefixtures("settings")
def test_the_audit_of_a_small_company(settings, tmp_path):
    company = SmallCompany(tmp_path, accounts=40, days=300)
    company.project["tables"]["subscriptions"] = {
        "path": "subscriptions.csv", "account": "account", "started_at": "started_at",
        "ended_at": "ended_at",
    }  # fmt: skip
    company.project["targets"]["churn"] = {"gap_days": 7, "horizon_days": 30}
    company.tables["subscriptions"] = [["account", "started_at", "ended_at"]] + [
        [f"a{i:03d}", "2024-01-01", f"2024-0{4 + i % 6}-15" if i % 3 == 0 else ""]
        for i in range(40)
    ]
    company.project["tables"]["accounts"]["attributes"]["revenue"] = "number"
    company.project["tables"]["accounts"]["static"].append("revenue")
    company.project["features"].append(
        {"source": "accounts", "aggregate": "value", "measure": "revenue"}
    )
    company.project["audit"] = {"as_ofs": 2}  # the oldest and the newest: each is asked alike
    expected = audit(load_project(company.write()), rows=3)
    company.project["engine"] = settings
    company.project["state"] = "elsewhere"
    found = audit(load_project(company.write()), rows=3)
    verdicts = {check.name: (check.verdict, check.compared) for check in expected.checks}
    assert {check.name: (check.verdict, check.compared) for check in found.checks} == verdicts
    assert found.rows_compared > 500
    assert [f.name for f in found.findings] == [f.name for f in expected.findings]
