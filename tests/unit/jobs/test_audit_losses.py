"""Since when each loss was known, for each of the three ways in which accounts are lost."""

from __future__ import annotations

from datetime import datetime

import ibis
import pandas as pd

from npsight.jobs.audits.losses import _first_event, _last_end, _last_sign

END = ibis.literal(datetime(2025, 1, 1), type="timestamp(6)")


def table(columns: list[str], *rows: tuple[object, ...]):
    kinds = {c: "string" if c == "account" else "timestamp(6)" for c in columns}
    data = pd.DataFrame([list(row) for row in rows], columns=columns)
    for name in columns[1:]:
        data[name] = pd.to_datetime(data[name]).astype("datetime64[us]")
    return ibis.memtable(data, schema=ibis.schema(kinds))


def known(found) -> dict[str, str | None]:
    rows = ibis.duckdb.connect().to_pyarrow(found).to_pylist()
    return {row["account"]: row["at"] and f"{row['at']:%Y-%m-%d}" for row in rows}


def test_a_contract_is_lost_when_the_end_of_the_last_one_was_known():
    subscriptions = table(
        ["account", "ended_at", "ended_known_at"],
        ("gave notice", "2024-09-01", "2024-06-01"),
        ("ended, heard late", "2024-06-01", "2024-08-01"),
        ("two contracts", "2024-03-01", "2024-02-01"),
        ("two contracts", "2024-09-01", "2024-07-01"),
        ("one runs on", "2024-03-01", "2024-02-01"),
        ("one runs on", None, None),
        ("not known yet", "2024-12-01", "2025-02-01"),
    )
    assert known(_last_end(subscriptions, END)) == {
        "gave notice": "2024-06-01",
        "ended, heard late": "2024-06-01",
        "two contracts": "2024-07-01",
        "one runs on": None,
        "not known yet": None,
    }


def test_an_event_is_known_when_it_was_written_or_had_come():
    accounts = table(["account"], ("a",), ("b",))
    events = table(["account", "occurred_at", "known_at"],
                   ("a", "2024-05-01", "2024-05-03"), ("a", "2024-06-01", "2024-06-01"))  # fmt: skip
    assert known(_first_event(accounts, events)) == {"a": "2024-05-01", "b": None}


def test_silence_begins_with_the_last_fact():
    orders = table(["account", "occurred_at"],
                   ("a", "2024-01-01"), ("a", "2024-02-01"), ("b", "2024-12-01"))  # fmt: skip
    silent_from = END - ibis.interval(days=90)
    assert known(_last_sign(orders, silent_from)) == {"a": "2024-02-01", "b": None}
