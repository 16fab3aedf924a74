"""The digest: of the content, not of the order or the threads."""

from __future__ import annotations

import random

import pytest

HEADER = "account,day,n\n"
LINES = [f"a{n % 7},2024-05-{n % 28 + 1:02}T00:00:00Z,{n * 0.1:.1f}\n" for n in range(5_000)]


def digest(bench, lines, head=""):
    head += "\nquarantine: {max_share: 1.0}"
    return bench.usage(HEADER + "".join(lines), "measures: [n]", head=head).digest


def test_the_order_of_rows_and_the_number_of_threads_do_not_matter(bench):
    shuffled = random.Random(1).sample(LINES, len(LINES))
    first = digest(bench, LINES, "engine: {threads: 1}")
    assert digest(bench, shuffled, "engine: {threads: 4}") == first
    assert len(first) == 64


def test_the_format_does_not_matter(bench):
    import pyarrow.csv
    import pyarrow.parquet

    first = digest(bench, LINES)
    table = pyarrow.csv.read_csv(bench.folder / "usage.csv")
    pyarrow.parquet.write_table(table, bench.folder / "usage.parquet")
    text = "activity:\n  usage: {path: usage.parquet, account: account, time: day, measures: [n]}"
    assert bench.prepare(text, head="timezone: UTC").digest == first


@pytest.mark.parametrize(
    "changed",
    [
        LINES[1:],
        [*LINES[1:], "a0,2024-05-01T00:00:00Z,0.2\n"],
    ],
    ids=["a row less", "another value"],
)
def test_any_other_content_has_another_digest(bench, changed):
    assert digest(bench, changed) != digest(bench, LINES)


def test_where_equal_rows_are_kept_their_number_counts(bench):
    twice, thrice = [*LINES, LINES[0]], [*LINES, LINES[0], LINES[0]]
    keep = "measures: [n]\nduplicates: keep"
    found = {bench.usage(HEADER + "".join(rows), keep).digest for rows in (LINES, twice, thrice)}
    assert len(found) == 3


def test_which_duplicate_is_kept_does_not_depend_on_the_order(bench):
    lines = [
        "a,2024-05-01T00:00:00Z,1\n",
        "a,2024-05-01T00:00:00Z,2\n",
        "a,2024-05-02T00:00:00Z,3\n",
    ]
    found = {
        bench.usage(
            "id,account,day,n\n" + "".join(f"7,{line}" for line in order), "id: id\nmeasures: [n]"
        ).digest
        for order in (lines, lines[::-1], [lines[1], lines[2], lines[0]])
    }
    assert len(found) == 1
