"""Accounts found by the domain of an e-mail address: no guess, and a reason for every row."""

from __future__ import annotations

from datetime import datetime

import ibis
import pytest

from npsight.errors import DataError
from npsight.tables.domains import domain_of, domains_of_text, is_public

from .conftest import reasons, rows

ACCOUNTS = """\
account_id;website
A1;https://www.Acme.com/en?x=1
A2;beta.io
A3;shared.org
A4;www.SHARED.org
A5;http://gamma.de:8080, gamma.at
A6;gmail.com
A7;
"""
MAILS = (
    "ann@acme.com",
    "BOB@ACME.COM",
    "cy@beta.io",
    "di@gamma.at",
    "eve@shared.org",
    "fay@gmail.com",
    "gus@unknown.net",
    "hal@mail.acme.com",
    "no address",
    "",
)


def by_domain(bench, accounts: str = ACCOUNTS, share: float = 1.0, setting: str = ""):
    bench.write("accounts.csv", accounts)
    days = (f"{mail},2024-05-{n:02}\n" for n, mail in enumerate(MAILS, 1))
    bench.write("usage.csv", "email,day\n" + "".join(days))
    lookup = "{path: accounts.csv, delimiter: ';', by: email, key: website, take: account_id, "
    return bench.prepare(
        f"activity:\n  usage: {{path: usage.csv, lookup: {lookup} match: domain}}, "
        f"account: account_id, time: day{setting}}}",
        head=f"timezone: UTC\nquarantine: {{max_share: {share}}}",
    )


def test_accounts_are_found_by_the_domain_of_an_address(bench):
    found = by_domain(bench)
    assert rows(found.facts.sources["usage"], "account", "occurred_at") == [
        ("A1", datetime(2024, 5, 1)),
        ("A1", datetime(2024, 5, 2)),
        ("A2", datetime(2024, 5, 3)),
        ("A5", datetime(2024, 5, 4)),
    ]


def test_every_row_without_an_account_has_its_reason(bench, quarantined):
    found = by_domain(bench)
    assert reasons(found) == {
        "the domain in column `email` is that of several `account_id`": 1,
        "the address in column `email` is at a public mail provider, which tells no "
        "`account_id`": 1,
        "no `account_id` has the domain in column `email`": 2,
        "column `email` holds no e-mail or web address": 1,
        "account is missing in column account_id": 1,
    }
    kept = quarantined(bench.quarantine / "activity_usage.parquet")
    assert {row["email"]: row["_reason"] for row in kept}["eve@shared.org"].startswith("the domain")
    assert set(kept[0]) == {"email", "day", "account_id", "_row", "_reason"}


def test_domains_that_are_not_found_are_named(bench):
    notes = dict(by_domain(bench).reports[0].notes)
    said = {what.split("accounts.csv: ")[1]: rows for what, rows in notes.items()}
    assert said == {
        "domains in `email` such as `mail.acme.com`, `unknown.net`": 2,
        "domains in `email` with several `account_id`, such as `shared.org`": 1,
    }
    with pytest.raises(DataError, match=r"(?s)6 of 10 rows are bad.*such as `mail.acme.com`"):
        by_domain(bench, share=0.5)


def test_a_column_without_domains_is_refused(bench):
    with pytest.raises(DataError, match=r"`website` holds no domain of an account\n.*`key`"):
        by_domain(bench, "account_id;website\nA1;Acme\nA2;gmail.com\n")


def test_an_account_with_rows_of_several_versions_is_one(bench):
    found = by_domain(bench, ACCOUNTS + "A1;acme.com\nA1;acme.org\n")
    assert rows(found.facts.sources["usage"], "account")[:2] == [("A1",), ("A1",)]


def test_keys_that_differ_in_case_are_one_where_the_project_says_so(bench):
    accounts = ACCOUNTS + "a1;acme.com\n"
    assert rows(by_domain(bench, accounts).facts.sources["usage"], "account")[0] == ("A2",)
    bench.write("accounts.csv", accounts)
    lookup = "{path: accounts.csv, delimiter: ';', by: email, key: website, take: account_id, "
    found = bench.prepare(
        f"account_case: lower\nactivity:\n  usage: {{path: usage.csv, lookup: {lookup} "
        "match: domain}, account: account_id, time: day}",
        head="timezone: UTC\nquarantine: {max_share: 1.0}",
    )
    assert rows(found.facts.sources["usage"], "account")[0] == ("a1",)


def test_what_was_found_by_domain_may_lead_further(bench):
    """The reason is that of the look-up that found nothing, also where another one follows."""
    bench.write("accounts.csv", ACCOUNTS)
    bench.write("parents.csv", "account_id,parent\nA1,P1\nA2,P2\n")
    bench.write("usage.csv", "email,day\nann@acme.com,2024-05-01\nfay@gmail.com,2024-05-02\n")
    first = "{path: accounts.csv, delimiter: ';', by: email, key: website, take: account_id, "
    found = bench.prepare(
        f"activity:\n  usage: {{path: usage.csv, lookup: [{first} match: domain}}, "
        "{path: parents.csv, by: account_id, take: parent}], account: parent, time: day}",
        head="timezone: UTC\nquarantine: {max_share: 1.0}",
    )
    assert rows(found.facts.sources["usage"], "account") == [("P1",)]
    assert list(reasons(found)) == [
        "the address in column `email` is at a public mail provider, which tells no `account_id`"
    ]


def test_columns_of_periods_keep_the_reason(bench):
    bench.write("accounts.csv", ACCOUNTS)
    bench.write("usage.csv", "email,2024-01,2024-02\nann@acme.com,1,2\nfay@gmail.com,3,4\n")
    lookup = "{path: accounts.csv, delimiter: ';', by: email, key: website, take: account_id, "
    found = bench.prepare(
        f"activity:\n  usage: {{path: usage.csv, lookup: {lookup} match: domain}}, "
        "wide: {columns: '*'}, account: account_id, time: period_end, measures: [value]}",
        head="timezone: UTC\nquarantine: {max_share: 1.0}",
    )
    assert [(n, "public" in said) for said, n in reasons(found).items()] == [(2, True)]


def test_columns_of_the_tables_may_be_called_as_those_of_a_look_up(bench):
    bench.write("orders.csv", "by,take\no1,c1\n")
    bench.write("usage.csv", "by,day,key\no1,2024-05-01,x\n")
    lookup = "lookup: {path: orders.csv, by: by, take: take}"
    found = bench.prepare(
        f"activity:\n  usage: {{path: usage.csv, {lookup}, account: take, time: day}}",
        head="timezone: UTC",
    )
    assert rows(found.facts.sources["usage"], "account") == [("c1",)]


def read(value):
    return ibis.duckdb.connect().to_pyarrow(value).as_py()


DOMAINS = [
    ("ada@Acme.com", "acme.com"),
    ("Ada L. <ada@acme.com>", "acme.com"),
    ("mailto:ada@acme.com", "acme.com"),
    ("acme.com.", "acme.com"),
    ("HTTPS://www.acme.co.uk:443/path/@me?x=a@b.com#top", "acme.co.uk"),
    ("www.com", "www.com"),
    ("müller.de", "müller.de"),
    ("ada@acme.com, bob@beta.com", None),
    ("ada@localhost", None),
    ("Acme Inc.", None),
    ("n/a", None),
    ("@", None),
]


@pytest.mark.parametrize(("text", "domain"), DOMAINS)
def test_the_domain_of_an_address(text, domain):
    assert read(domain_of(ibis.literal(text))) == domain
    found = domains_of_text(text)
    assert found == ({domain} if domain else found)


@pytest.mark.parametrize(
    ("domain", "public"),
    [
        ("gmail.com", True),
        ("yahoo.co.uk", True),
        ("outlook.fr", True),
        ("hotmail.com.br", True),
        ("web.de", True),
        ("yahoo-inc.com", False),
        ("notgmail.com", False),
        ("live.acme.com", False),
    ],
)
def test_public_mail_providers(domain, public):
    assert read(is_public(ibis.literal(domain))) is public
    assert bool(domains_of_text(domain)) is not public
