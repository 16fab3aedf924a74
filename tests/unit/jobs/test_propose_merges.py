"""What `npsight init` proposes for tables of accounts that were merged into others."""

from __future__ import annotations

import pytest
from proposals import CUSTOMERS, LOGINS, SURVEY, folder, proposed

from npsight.config.load import load_project
from npsight.jobs.check import check
from npsight.jobs.proposal.propose import propose


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("account_merges", "old_account_id,new_account_id,at"),
        ("merged", "loser_id,winner_id,at"),
        ("kunden", "Alte Kundennr.,Neue Kundennr.,zusammengeführt am"),
        ("log", "from_customer,into_customer,merged_on"),
        ("log", "merged_id,master_id,date"),
    ],
)
def test_a_table_of_merges_is_told_by_its_words(tmp_path, name, header):
    old, new, at = header.split(",")
    merges = {name: f"{header}\n5,1,2023-05-01\n6,2,2023-06-01\n"}
    place = folder(tmp_path, Customers=CUSTOMERS, Logins=LOGINS, Survey=SURVEY, **merges)
    found = proposed(place)["tables"]
    assert found["merges"] == {
        "path": f"tables/{name}.csv",
        "account": old,
        "into": new,
        "time": at,
        "delay_hours": 0,
    }
    assert list(found["activity"]) == ["logins"]


def test_what_only_sounds_like_merges_is_activity(tmp_path):
    plans = "CustomerId,old_plan,new_plan,merged_on\n1,a,b,2023-05-01\n1,b,a,2023-06-01\n"
    moves = "CustomerId,from_owner_id,to_owner_id,at\n1,7,8,2023-05-01\n2,7,8,2023-06-01\n"
    place = folder(tmp_path, Customers=CUSTOMERS, Survey=SURVEY, plans=plans, moves=moves)
    found = proposed(place)["tables"]
    assert "merges" not in found
    assert set(found["activity"]) == {"plans", "moves"}


def test_merged_accounts_that_the_list_has_forgotten_are_read(tmp_path):
    merges = "old_id,new_id,merged_on\n5,1,2023-05-01\n"
    survey = SURVEY + "5,2023-04-01,3,an answer before the merge\n"
    place = folder(tmp_path, Customers=CUSTOMERS, Survey=survey, Logins=LOGINS, merges=merges)
    (tmp_path / "project.yaml").write_text(propose(place, tmp_path))
    report = check(load_project(tmp_path / "project.yaml"))
    assert [table.quarantined for table in report.tables] == [0, 0, 0, 0]
    assert report.accounts == 5
