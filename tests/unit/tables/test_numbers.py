"""Numbers, missing values and times as people write them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from npsight.errors import DataError
from npsight.tables.numbers import plain_number

from .conftest import Workbench, rows


@pytest.mark.parametrize(
    ("decimal", "written", "plain"),
    [
        (",", "€ 7.384,57", "7384.57"),
        (",", "1.234.567", "1234567"),
        (",", "1 234,50 €", "1234.50"),
        (",", "-3,5", "-3.5"),
        (",", "30,78 \x80", "30.78"),
        (",", "1.299,70-", "-1299.70"),
        (",", "299,70- EUR", "-299.70"),
        (".", "-5-", None),
        (",", "1.23", None),
        (",", "1,5 Mio", None),
        (".", "$1,234.50", "1234.50"),
        (".", "CHF 1'000", "1000"),
        (".", "-$5", "-5"),
        (".", "1,23", None),
        (".", "n/a", None),
        (None, "$5", "$5"),
    ],
)
def test_a_number_by_its_decimal_sign(decimal, written, plain):
    table = ibis.memtable(pa.table({"text": [written]}))
    found = table.select(n=plain_number(table.text, decimal)).to_pyarrow().to_pylist()
    assert found == [{"n": plain}]


def test_a_table_says_how_it_is_written(bench: Workbench):
    csv = 'account,day,n\na,31.12.2024,"1.234,5 €"\nb,01.02.2025 10:00,n/a\n'
    how = "time_format: ['%d.%m.%Y', '%d.%m.%Y %H:%M']\ndecimal: ','\nblanks: N/A\nmeasures: [n]"
    found = bench.usage(csv, how, head="timezone: UTC").facts.sources["usage"]
    assert rows(found, "account", "occurred_at", "n") == [
        ("a", datetime(2024, 12, 31), Decimal("1234.5")),
        ("b", datetime(2025, 2, 1, 10), None),
    ]


def test_unreadable_numbers_and_times_name_the_settings(bench: Workbench):
    csv = 'account,day,n\na,31.12.2024,"1,5"\nb,2025-02-01,"2,5"\n'
    with pytest.raises(DataError, match="`decimal`.*`time_format`"):
        bench.usage(csv, "measures: [n]", head="timezone: UTC")


def test_scores_outside_their_scale_name_the_bands(bench: Workbench):
    csv = "account,at,score\na,2024-05-01,90\nb,2024-05-02,40\n"
    with pytest.raises(DataError, match="give the survey's scale"):
        bench.answers(csv, head="timezone: UTC")


@pytest.mark.parametrize(
    ("numbers", "decimal", "doubted"),
    [
        (["1.234"] * 9 + ["45.000", "7"], "", 10),
        (["1.234"] * 9 + ["45.000", "1.5"], "", 0),
        (["1.234"] * 9 + ["45.000", "0.500"], "", 0),
        (["1.234"] * 9 + ["45.000"], "decimal: ','\n", 0),
    ],
)
def test_points_that_may_part_thousands_are_counted(bench: Workbench, numbers, decimal, doubted):
    lines = "".join(f"a,2024-05-{day + 1:02},{n}\n" for day, n in enumerate(numbers))
    head = "timezone: UTC"
    found = bench.usage("account,day,n\n" + lines, f"{decimal}measures: [n]", head=head)
    notes = dict(found.reports[0].notes)
    assert notes.get("three digits behind each point in column n", 0) == doubted


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (["USD 60,064.69", "GBP 34,130.66", "$5", "7"], "USD 2, GBP 1"),
        (["$1", "2 usd", "USD 3", "4"], None),
        (["€1", "2 £", "-£3", "kr 4"], "GBP 2, EUR 1, KR 1"),
        (["1", "2", "3", "CHF?"], None),
    ],
)
def test_amounts_in_several_currencies_are_counted(bench: Workbench, numbers, said):
    lines = "".join(f'a,2024-05-{day + 1:02},"{n}"\n' for day, n in enumerate(numbers))
    head = "timezone: UTC\nquarantine: {max_share: 1.0}"
    found = bench.usage("account,day,n\n" + lines, "decimal: '.'\nmeasures: [n]", head=head)
    noted = [what for what, _ in found.reports[0].notes if "currencies" in what]
    assert noted == ([f"amounts in several currencies in column n ({said})"] if said else [])
