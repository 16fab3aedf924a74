"""What is wrong with a value of a fact is told by its place, in words that show no value."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from npsight.config.load import load_project
from npsight.service.incoming import RowError, read_fact

PROJECT = load_project(Path(__file__).parents[3] / "configs" / "demo.yaml")
NOW = datetime(2026, 6, 30, tzinfo=UTC)


def faults_of(table: str, *values: dict[str, Any]) -> tuple[str, ...]:
    row = {
        "id": "f1", "account": "A000001", "occurred_at": "2026-06-01T00:00:00Z",
        "values": list(values),
    }  # fmt: skip
    activity = PROJECT.tables.activity[table]
    with pytest.raises(RowError, match="values") as caught:
        read_fact(row, table, activity, PROJECT, NOW)
    return tuple(map(str, caught.value.faults))


def test_a_name_that_the_table_does_not_have_is_told_by_its_place() -> None:
    known = "active_users, adoption, logins, reports, api_calls, integrations, errors"
    found = faults_of("usage", {"name": "logins", "number": 1}, {"name": "Canary", "number": 2})
    assert found == (f"values.1.name is not known; the table has {known}",)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"name": "logins", "text": "canary"}, "is a measure: give `number`, not `text`"),
        ({"name": "logins", "number": 1e12}, "is not below 10^12"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_by_its_name(value: dict[str, Any], fault: str) -> None:
    assert faults_of("usage", value) == (f"values.logins {fault}",)


def test_a_category_takes_a_text_and_a_name_stands_once() -> None:
    severity = {"name": "severity", "number": 3}
    assert faults_of("tickets", severity, {"name": "severity", "text": "high"}) == (
        "values.severity is a category: give `text`, not `number`",
        "values.severity is given twice",
    )
