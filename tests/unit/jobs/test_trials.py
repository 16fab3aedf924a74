"""Accounts and answers that are probably tests, demos, or of one's own people."""

from __future__ import annotations

import pytest
from proposals import folder

from npsight.config.load import load_project
from npsight.jobs.check import check
from npsight.jobs.notes.trials import is_trial
from npsight.jobs.proposal.propose import propose

PROJECT = """\
project: trials
timezone: UTC
tables:
  accounts:
    {path: tables/accounts.csv, key: id, name: name, owner: owner, attributes: {kind: category},
     static: [kind]}
  responses:
    {path: tables/nps.csv, account: id, time: at, score: score, respondent: who}
targets: {detractor: {}}
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TEST-001", True),
        ("Acme (Demo)", True),
        ("acme_sandbox_2", True),
        ("AcmeTest", True),
        ("Testkunde", True),
        ("Demotec GmbH", False),
        ("Contest Ltd", False),
        ("Greatest", False),
        ("Teststrasse AG", False),
        ("", False),
    ],
)
def test_words_that_say_test(name, said):
    assert is_trial(name) is said


def warnings(tmp_path, **changed):
    accounts = {f"a{n:02}": (f"Firm {n}", f"cs{n % 3}@vendor.com", "paid") for n in range(40)}
    accounts |= {key: tuple(row) for key, row in changed.get("accounts", {}).items()}
    text = "id,name,owner,kind\n"
    text += "".join(f"{key},{','.join(row)}\n" for key, row in accounts.items())
    answers = "id,at,score,who\n" + "".join(
        f"{key},2024-0{1 + n % 9}-05,{n % 11},{changed.get('who', 'p')}{n}@firm{n}.com\n"
        for n, key in enumerate(accounts)
    )
    folder(tmp_path, accounts=text, nps=answers + changed.get("more", ""))
    (tmp_path / "p.yaml").write_text(PROJECT)
    return [str(w) for w in check(load_project(tmp_path / "p.yaml")).warnings]


def test_tests_are_told_by_key_name_or_category(tmp_path):
    named = {
        "demo-1": ("Firm", "x@vendor.com", "paid"),
        "b1": ("Acme Sandbox", "x@vendor.com", "paid"),
        "b2": ("Beta", "x@vendor.com", "Internal"),
    }
    (said,) = [w for w in warnings(tmp_path, accounts=named) if "tests or demos" in w]
    assert "3 of 43 accounts may be tests" in said
    assert "`b1`, `b2`, `demo-1`" in said
    assert "without: {id: [b1, b2, demo-1]}" in said


def test_companies_of_the_trade_are_not_told(tmp_path):
    """A vendor of test benches has customers called so."""
    named = {f"t{n}": (f"{n} Test Benches", "x@vendor.com", "paid") for n in range(20)}
    assert not [w for w in warnings(tmp_path, accounts=named) if "tests or demos" in w]


def test_answers_of_colleagues_are_told(tmp_path):
    more = "a01,2024-03-01,10,ada@vendor.com\na02,2024-03-02,10,bo@vendor.com\n"
    (said,) = [w for w in warnings(tmp_path, more=more) if "colleagues" in w]
    assert "2 answers are of people at vendor.com" in said
    assert "without: {who: '*@vendor.com'}" in said


def test_nothing_is_said_where_nothing_is_found(tmp_path):
    assert not [w for w in warnings(tmp_path) if "without" in w]


def test_what_is_advised_leaves_them_out(tmp_path):
    named = {"demo-1": ("Firm", "x@vendor.com", "paid")}
    warnings(tmp_path, accounts=named)
    left_out = PROJECT.replace("csv,", "csv, without: {id: [demo-1]},")
    (tmp_path / "p.yaml").write_text(left_out)
    found = check(load_project(tmp_path / "p.yaml"))
    assert found.accounts == 40
    assert sum(table.quarantined for table in found.tables) == 0
    assert not [w for w in found.warnings if "tests or demos" in str(w)]


def test_init_notes_them_and_leaves_nothing_out(tmp_path):
    customers = "CustomerId,Company Name,Country,Type\n" + "".join(
        f"{n},{'Acme Demo' if n == 7 else f'Firm {n}'},{('DE', 'FR')[n % 2]},"
        f"{'Internal' if n > 17 else 'Customer'}\n"
        for n in range(20)
    )
    survey = "CustomerId,Date,Score,Comment\n" + "".join(
        f"{n % 20},2023-0{1 + n % 9}-01,{n % 11},really quite fine so far\n" for n in range(40)
    )
    text = propose(folder(tmp_path, customers=customers, survey=survey), tmp_path)
    assert "# VERIFY: `Acme Demo` in Company Name may be tests or demos of your own" in text
    assert "# VERIFY: `Internal` in Type may be tests or demos of your own" in text
    assert "without" not in text.replace("by `without`", "").replace("without a zone", "")
