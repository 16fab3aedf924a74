"""Headers of several lines, keys looked up in other tables, columns of periods made rows."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from npsight.errors import DataError
from npsight.tables.periods import last_day, pattern_of
from npsight.tables.sniff import layout_of

from .conftest import reasons, rows

TITLED = """\
Export of all answers
of 3 July

account,day,How many?,
,,Response,"Other
reason"
"""


def test_a_header_of_two_lines_under_a_title(bench):
    for end in ("\n", "\r\n"):
        text = TITLED + "a,2024-05-01,1,x\nb,2024-05-02,2,y\nbad line\n"
        (bench.folder / "usage.csv").write_bytes(text.replace("\n", end).encode())
        found = bench.prepare(
            "activity:\n  usage: {path: usage.csv, skip_rows: 3, header_rows: 2, "
            "account: account, time: day, measures: {n: 'How many?'}, "
            "categories: {why: 'How many? - Other reason'}}",
            head="timezone: UTC\nquarantine: {max_share: 1.0}",
        )
        assert rows(found.facts.sources["usage"], "account", "n") == [
            ("a", Decimal(1)),
            ("b", Decimal(2)),
        ]
        # Lines are counted in the file itself, the title and the break in a cell included.
        assert "first: line 9" in next(iter(reasons(found)))


def test_a_year_over_its_months_names_all_of_them(bench):
    """As merged cells are exported; a first column would have been called by the year alone."""
    text = "account,2024,,,2025,\n,Okt,Nov,Dec,Jan,Feb\n" + "a,1,2,3,4,5\nb,6,7,8,9,0\n" * 2
    bench.write("usage.csv", text)
    found = bench.prepare(
        "activity:\n  usage: {path: usage.csv, header_rows: 2, account: account, "
        "time: period_end, delay_hours: 24, wide: {columns: '*', value: n}, measures: [n]}",
        head="timezone: UTC",
    )
    usage = rows(found.facts.sources["usage"], "account", "occurred_at", "n")
    assert [(at.date(), n) for account, at, n in usage if account == "a"] == [
        (date(2024, 10, 31), 1),
        (date(2024, 11, 30), 2),
        (date(2024, 12, 31), 3),
        (date(2025, 1, 31), 4),
        (date(2025, 2, 28), 5),
    ]


def test_a_second_header_line_of_months_is_found(tmp_path):
    file = tmp_path / "calls.csv"
    file.write_text("account,2024,,2025\n,Nov,Dez,Jan\n" + "a,1,2,3\n" * 9)
    layout = layout_of(file, "utf-8")
    assert layout is not None
    assert layout.header_rows == 2


def test_a_title_above_the_header_is_named(bench):
    text = "All answers\n\naccount;day\na;2024-05-01\nb;2024-05-01\nc;2024-05-02\n"
    with pytest.raises(
        DataError, match=r"header seems to be line 3\n.*`delimiter: \";\"` and `skip"
    ):
        bench.usage(text)


ORDERS = "order,customer\no1,c1\no2, c2\no2,c2\no3,c1\n"
LOOKUP = "lookup: {path: orders.csv, by: order, take: customer}"


def looked_up(bench, orders: str):
    bench.write("orders.csv", orders)
    bench.write(
        "usage.csv", "order,day\no1,2024-05-01\n o2,2024-05-02\no3,2024-05-03\no9,2024-05-04\n"
    )
    return bench.prepare(
        f"activity:\n  usage: {{path: usage.csv, {LOOKUP}, account: customer, time: day}}",
        head="timezone: UTC\nquarantine: {max_share: 1.0}",
    )


def test_an_account_is_looked_up_by_a_key(bench):
    found = looked_up(bench, ORDERS)
    assert rows(found.facts.sources["usage"], "account", "occurred_at") == [
        ("c1", datetime(2024, 5, 1)),
        ("c1", datetime(2024, 5, 3)),
        ("c2", datetime(2024, 5, 2)),
    ]
    assert reasons(found) == {"account is missing in column customer": 1}
    assert found.reports[0].faults[0].row == 4


def test_the_key_of_a_look_up_may_be_called_otherwise_in_the_other_table(bench):
    """As a foreign key mostly is: `customer` of an invoice is `id` of a customer."""
    bench.write("customers.csv", "id,org\nc1,o1\nc2,o2\n")
    bench.write("usage.csv", "id,customer,day\n7,c2,2024-05-01\n8,c1,2024-05-02\n")
    lookup = "lookup: {path: customers.csv, by: customer, key: id, take: org}"
    found = bench.prepare(
        f"activity:\n  usage: {{path: usage.csv, {lookup}, account: org, time: day}}",
        head="timezone: UTC",
    )
    assert rows(found.facts.sources["usage"], "account", "occurred_at") == [
        ("o1", datetime(2024, 5, 2)),
        ("o2", datetime(2024, 5, 1)),
    ]


def test_what_is_looked_up_may_be_called_otherwise(bench):
    """As the `id` of an account is, where the table has an `id` of its own rows."""
    bench.write("customers.csv", "ref,id\nc1,o1\nc2,o2\n")
    bench.write("usage.csv", "id,customer,day\n7,c2,2024-05-01\n8,c1,2024-05-02\n")
    lookup = "lookup: {path: customers.csv, by: customer, key: ref, take: id, called: org}"
    tables = f"activity:\n  usage: {{path: usage.csv, {lookup}, account: org, id: id, time: day}}"
    found = bench.prepare(tables, head="timezone: UTC")
    assert rows(found.facts.sources["usage"], "account") == [("o1",), ("o2",)]
    with pytest.raises(DataError, match=r"has a column `id` itself\n.*is to be `called`"):
        bench.prepare(tables.replace(", called: org", ""), head="timezone: UTC")


def test_a_key_that_the_other_table_lacks_is_named_by_its_setting(bench):
    bench.write("customers.csv", "id,org\nc1,o1\n")
    bench.write("usage.csv", "customer,day\nc2,2024-05-01\n")
    lookup = "lookup: {path: customers.csv, by: customer, key: ident, take: org}"
    with pytest.raises(DataError, match=r"ident \(key\)"):
        bench.prepare(
            f"activity:\n  usage: {{path: usage.csv, {lookup}, account: org, time: day}}",
            head="timezone: UTC",
        )


@pytest.mark.parametrize(
    ("orders", "wrong"),
    [
        (ORDERS + "o1,c7\n", "1 keys in column `order` have several values of `customer`"),
        ("order,client\no1,c1\n", "customer .take."),
    ],
)
def test_a_look_up_that_cannot_be_made_is_refused(bench, orders, wrong):
    with pytest.raises(DataError, match=wrong):
        looked_up(bench, orders)


def wide(bench, columns: str):
    bench.write("usage.csv", "account,u_2024-01,Feb 2024,u sum\na,1,,3\nb,2,4,6\n")
    return bench.prepare(
        f"activity:\n  usage: {{path: usage.csv, wide: {{columns: {columns}}}, account: account, "
        "time: period_end, measures: [value]}",
        head="timezone: UTC",
    )


def test_each_filled_cell_of_a_wide_table_is_a_row_of_its_periods_last_day(bench):
    found = wide(bench, "['u_*', Feb 2024]")
    assert rows(found.facts.sources["usage"], "account", "occurred_at", "value") == [
        ("a", datetime(2024, 1, 31), Decimal(1)),
        ("b", datetime(2024, 1, 31), Decimal(2)),
        ("b", datetime(2024, 2, 29), Decimal(4)),
    ]


@pytest.mark.parametrize(
    ("now", "seen"),
    [
        (datetime(2024, 2, 29, 22, 59, 59), 2),
        (datetime(2024, 2, 29, 23), 3),
    ],
)
def test_cells_of_a_running_period_are_read_once_it_is_over(bench, now, seen):
    """The column of this month made every twelfth row a bad one."""
    bench.write("usage.csv", "account,2024-01,2024-02\na,1,\nb,2,4\n")
    found = bench.prepare(
        "activity:\n  usage: {path: usage.csv, wide: {columns: '*'}, account: account, "
        "time: period_end, measures: [value]}",
        head="timezone: Europe/Berlin",
        now=now,
    )
    assert len(rows(found.facts.sources["usage"], "account")) == seen
    left = {"of a period that is not over yet, read once it is": 1} if seen == 2 else {}
    assert dict(found.reports[0].notes) == left
    assert found.reports[0].quarantined == 0


def test_a_column_that_is_no_period_is_named(bench):
    with pytest.raises(DataError, match="no period is read in: u sum"):
        wide(bench, "'u *'")
    with pytest.raises(DataError, match="no column fits `v "):
        wide(bench, "'v *'")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2024-02", date(2024, 2, 29)),
        ("202402", date(2024, 2, 29)),
        ("2024_2", date(2024, 2, 29)),
        ("02/2024", date(2024, 2, 29)),
        ("Feb 24", date(2024, 2, 29)),
        ("März 2024", date(2024, 3, 31)),
        ("Q1 2024", date(2024, 3, 31)),
        ("2024-Q4", date(2024, 12, 31)),
        ("2024", date(2024, 12, 31)),
        ("2024-05-17", date(2024, 5, 17)),
        ("juil. 2024", date(2024, 7, 31)),
        ("Junio 2024", date(2024, 6, 30)),
        ("jui 2024", None),
        ("Market 2024", None),
        ("2024-13", None),
        ("2024-02-30", None),
        ("05/06/2024", None),
        ("total", None),
    ],
)
def test_the_last_day_of_a_period(written, day):
    assert last_day(written) == day


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["id", "nps_2022", "nps_2023", "nps_2024"], "nps_*"),
        (["id", "2024-01", "2024-02", "2024-03"], "*"),
        (["id", "2024-01 logins", "2024-02 logins", "2024-03 logins"], "* logins"),
        (["id", "Q1", "Q2", "Q3"], None),
        (["id", "2024-01", "2024-02"], None),
    ],
)
def test_the_pattern_of_columns_of_periods(names, pattern):
    assert pattern_of(names) == pattern


CONTACTS = "email,customer\nann x,C1\nBob Y,C2\nbob y,c2\n"
MAILS = "email,day\nANN x,2024-05-01\nbob y,2024-05-02\nCara Z,2024-05-03\n"


def mailed(bench, case: str, contacts: str = CONTACTS, share: float = 1.0):
    bench.write("contacts.csv", contacts)
    bench.write("usage.csv", MAILS)
    lookup = "lookup: {path: contacts.csv, by: email, take: customer}"
    return bench.prepare(
        f"account_case: {case}\nactivity:\n  usage: {{path: usage.csv, {lookup}, "
        "account: customer, time: day}",
        head=f"timezone: UTC\nquarantine: {{max_share: {share}}}",
    )


def test_a_look_up_ignores_case_where_the_project_does(bench):
    found = mailed(bench, "lower")
    accounts = rows(found.facts.sources["usage"], "account", "occurred_at")
    assert accounts == [("c1", datetime(2024, 5, 1)), ("c2", datetime(2024, 5, 2))]
    kept = mailed(bench, "keep")
    assert rows(kept.facts.sources["usage"], "account") == [("c2",)]


def test_a_key_that_has_several_values_once_case_is_ignored_is_refused(bench):
    assert mailed(bench, "keep", CONTACTS.replace("c2", "c3")).reports[0].good == 1
    with pytest.raises(DataError, match="1 keys in column `email` have several values"):
        mailed(bench, "lower", CONTACTS.replace("c2", "c3"))


def test_what_is_not_found_says_where_and_masks_persons(bench):
    (said, count) = mailed(bench, "keep").reports[0].notes[0]
    assert count == 2
    assert said.startswith("not found in column `email` of ")
    assert said.endswith("contacts.csv: `email` such as `A***`, `C***`")
    with pytest.raises(DataError, match=r"(?s)2 of 3 rows are bad.*not found in column `email`"):
        mailed(bench, "keep", share=0.5)


def test_addresses_are_looked_up_in_any_case(bench):
    bench.write("contacts.csv", "mail,customer\nann@x.com,C1\nAnn@X.com,C1\nBOB@y.com,c1\n")
    bench.write("usage.csv", "email,day\nANN@x.com,2024-05-01\nbob@Y.com,2024-05-02\n")
    lookup = "lookup: {path: contacts.csv, by: email, key: mail, take: customer}"
    found = bench.prepare(
        f"activity:\n  usage: {{path: usage.csv, {lookup}, account: customer, time: day}}",
        head="timezone: UTC",
    )
    assert rows(found.facts.sources["usage"], "account") == [("C1",), ("c1",)]


@pytest.mark.parametrize(("people", "few"), [(19, False), (20, True)])
def test_few_keys_with_several_values_find_nothing(bench, people, few):
    listed = "".join(f"p{n}@x.com,c{n % 3}\n" for n in range(people))
    bench.write("contacts.csv", f"email,customer\n{listed}P0@x.com,c9\np1@x.com,c1\n")
    days = "".join(f"p{p}@x.com,2024-05-0{1 + n}\n" for n, p in enumerate((0, 0, 1, 77)))
    bench.write("usage.csv", f"email,day\n{days}")
    lookup = "lookup: {path: contacts.csv, by: email, take: customer}"
    tables = f"activity:\n  usage: {{path: usage.csv, {lookup}, account: customer, time: day}}"
    head = "timezone: UTC\nquarantine: {max_share: 1.0}"
    if not few:
        with pytest.raises(DataError, match="1 keys in column `email` have several values"):
            bench.prepare(tables, head=head)
        return
    found = bench.prepare(tables, head=head)
    assert rows(found.facts.sources["usage"], "account") == [("c1",)]
    told = [(said.partition(": ")[2], count) for said, count in found.reports[0].notes]
    assert told == [
        ("`email` such as `p***@x.com`", 1),
        ("`email` with several `customer`, such as `p***@x.com`", 2),
    ]


def test_of_many_keys_that_are_not_found_three_are_shown(bench):
    bench.write("orders.csv", ORDERS)
    lines = "".join(f"k{n},2024-05-01\n" for n in range(5)) + "Jo Doe,2024-05-01\n"
    bench.write("usage.csv", "order,day\no1,2024-05-01\n" + lines)
    found = bench.prepare(
        f"activity:\n  usage: {{path: usage.csv, {LOOKUP}, account: customer, time: day}}",
        head="timezone: UTC\nquarantine: {max_share: 1.0}",
    )
    (said, count) = found.reports[0].notes[0]
    assert (said.split("such as ")[1], count) == ("`J***`, `k0`, `k1`", 6)
