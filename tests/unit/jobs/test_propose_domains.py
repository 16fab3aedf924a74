"""`npsight init` on surveys that name only the address of who answered."""

from __future__ import annotations

import pytest
import yaml
from proposals import folder, proposed

from npsight.config.load import load_project
from npsight.jobs.check import check
from npsight.jobs.proposal.propose import propose

COMPANIES = "account_id,Name,Website,Region\n" + "".join(
    f"C{n},Company {n},https://www.Company{n}.com/,{'EU' if n % 2 else 'US'}\n" for n in range(30)
)
USAGE = "account_id,day,logins\n" + "".join(
    f"C{n % 30},2025-0{1 + n // 30}-01,{n}\n" for n in range(90)
)


def survey(private: int = 2, name: str = "ID", domain: str = "company") -> str:
    """Two answers of each of 30 companies, and those of private addresses."""
    mails = [f"p{n}@{domain}{n % 30}.com" for n in range(60)]
    mails += [f"q{n}@gmail.com" for n in range(private)]
    rows = (
        f"r{n},{mail},{n % 11},2025-0{1 + n % 6}-05T10:00:00Z,Quite fine\n"
        for n, mail in enumerate(mails)
    )
    return f"{name},Email,Score,Submitted At,Comment\n" + "".join(rows)


def written(tmp_path, **tables: str) -> str:
    place = folder(tmp_path, **tables)
    return propose(place, place.parent)


def test_answers_find_their_account_by_the_domain_of_the_address(tmp_path):
    found = proposed(folder(tmp_path, companies=COMPANIES, nps=survey(), usage=USAGE))
    responses = found["tables"]["responses"]
    assert responses["lookup"] == [
        {
            "path": "tables/companies.csv",
            "by": "Email",
            "key": "Website",
            "take": "account_id",
            "match": "domain",
        }
    ]
    assert (responses["account"], responses["respondent"]) == ("account_id", "Email")
    assert found["tables"]["accounts"]["key"] == "account_id"
    assert "lookup" not in found["tables"]["activity"]["usage"]
    assert "quarantine" not in found


def test_the_look_up_by_domain_is_to_be_verified(tmp_path):
    text = written(tmp_path, companies=COMPANIES, nps=survey(), usage=USAGE)
    assert "lookup:   # VERIFY: these lead to whom you want to foresee; an account is taken by" in (
        text
    )
    assert "account_case" not in text


def test_a_column_of_the_same_name_is_called_otherwise_and_the_proposal_is_read(tmp_path):
    companies, usage = (t.replace("account_id", "id") for t in (COMPANIES, USAGE))
    text = written(tmp_path, companies=companies, nps=survey(40, "id"), usage=usage)
    assert "take: id, called: account_id, match: domain}" in text
    assert "account: account_id" in text
    assert "quarantine: {max_share: 0.45}   # VERIFY: 40% of the addresses in nps are" in text
    file = tmp_path / "npsight.yaml"
    file.write_text(text)
    reports = {r.key: r for r in check(load_project(file)).tables}
    assert reports["tables.responses"].good == 60
    assert [f.reason for f in reports["tables.responses"].faults] == [
        "the address in column `Email` is at a public mail provider, which tells no `id`"
    ]


@pytest.mark.parametrize("how", ["other domains", "an account is named"])
def test_nothing_is_looked_up_by_domain(tmp_path, how):
    text = survey(domain="other") if how == "other domains" else survey()
    if how == "an account is named":
        head, *lines = text.splitlines()
        named = [f"{line},C{n % 30}" for n, line in enumerate(lines)]
        text = "\n".join([f"{head},account_id", *named]) + "\n"
    found = yaml.safe_load(written(tmp_path, companies=COMPANIES, nps=text, usage=USAGE))
    assert "lookup" not in found["tables"]["responses"]
