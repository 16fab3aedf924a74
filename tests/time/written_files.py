"""A drawn company as its users would export it: CSV and Parquet files, and the project file."""

from __future__ import annotations

import csv
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from drawn_files import Company
from plain_reading import Mapped, Row
from worlds import SEGMENT, every_feature

from npsight.config.specs import FeatureSpec

PATTERN = "%d.%m.%Y %H:%M:%S.%f"
MEASURED = {"usage": ["logins", "errors"], "purchases": ["amount"], "tickets": ["hours"]}
CATEGORIES = {"usage": ["kind", "channel"], "tickets": ["severity"]}
OWN = "def twice(facts):\n    return facts.count() * 2\n"


def write(drawn: Company, folder: Path) -> Path:
    """The company's files and its project file, whose path is returned."""
    for name, rows in drawn.rows.items():
        if name in ("purchases", "subscriptions"):
            _write_parquet(folder / f"{name}.parquet", rows, drawn.tables[name])
        else:
            _write_csv(folder / f"{name}.csv", rows, PATTERN if name == "tickets" else None)
    (folder / "own.py").write_text(OWN)
    project = folder / "project.yaml"
    project.write_text(yaml.safe_dump(_project(drawn), sort_keys=False))
    return project


def _write_csv(file: Path, rows: list[Row], pattern: str | None) -> None:
    def text(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.strftime(pattern) if pattern else value.isoformat(" ")
        return value

    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]))
        writer.writeheader()
        writer.writerows({column: text(value) for column, value in row.items()} for row in rows)


def _write_parquet(file: Path, rows: list[Row], table: Mapped) -> None:
    aware = any(row[table.time].tzinfo for row in rows)
    instants = pa.timestamp("us", tz="UTC" if aware else None)
    measures = set(table.values.values())
    columns = {}
    for column in rows[0]:
        kind = pa.decimal128(18, 6) if column in measures else instants
        kind = pa.string() if column == table.account else kind
        exact = [
            Decimal(row[column]) if column in measures and row[column] is not None else row[column]
            for row in rows
        ]
        columns[column] = pa.array(exact, kind)
    pq.write_table(pa.table(columns), file)


def _project(drawn: Company) -> Row:
    return {
        "project": f"company{drawn.number}",
        "tables": {
            "accounts": _accounts_lines(drawn),
            "responses": _lines(drawn, "responses"),
            "activity": {name: _lines(drawn, name) for name in ACTIVITIES},
            "subscriptions": _lines(drawn, "subscriptions"),
            "merges": _lines(drawn, "merges"),
        },
        "targets": {"detractor": {"touchpoints": list(drawn.touchpoints)}},
        "engine": {"threads": 2},
        "features": [_feature_line(spec) for spec in features()],
    }


ACTIVITIES = ("usage", "purchases", "tickets", "meetings")


def _accounts_lines(drawn: Company) -> Row:
    known = drawn.accounts.known_at
    when = {"known_at": known} if known else {"delay_hours": drawn.accounts.delay_hours}
    return {
        "path": "accounts.csv",
        "timezone": drawn.zones["accounts"].name,
        "key": "account_id",
        "valid_from": "valid_from",
        "valid_to": "valid_to",
        "created_at": "created_at",
        "renewal_at": "renewal_at",
        "owner": "owner",
        "attributes": {"plan": "category", "seats": "number"},
        "segments": [SEGMENT],
        **when,
    }


def _lines(drawn: Company, name: str) -> Row:
    """The table's lines of the project file."""
    table = drawn.tables[name]
    parquet = name in ("purchases", "subscriptions")
    lines: Row = {
        "path": f"{name}.{'parquet' if parquet else 'csv'}",
        "timezone": drawn.zones[name].name,
        "account": table.account,
        "started_at" if name == "subscriptions" else "time": table.time,
        "known_at": table.known_at,
        "delay_hours": table.delay_hours,
        "id": table.id,
        "retracted": table.retracted,
        "scheduled": table.scheduled or None,
        "ended_at": table.ended_at,
        "ended_known_at": table.ended_known_at,
        "duplicates": table.duplicates,
        "measures": MEASURED.get(name),
        "categories": CATEGORIES.get(name),
        "time_format": PATTERN if name == "tickets" else None,
        "score": table.values.get("score"),
        "respondent": table.values.get("respondent"),
        "touchpoint": table.values.get("touchpoint"),
        "into": table.values.get("into"),
    }
    return {key: value for key, value in lines.items() if value is not None}


def features() -> list[FeatureSpec]:
    """Every aggregation, and some of the table without ids."""
    plain = ("count", "days_since_last", "distinct_days", "longest_gap")
    own = [
        FeatureSpec(source="purchases", aggregation=name, window_days=window)
        for name in plain
        for window in (None, 7)
    ]
    own.append(FeatureSpec(source="purchases", aggregation="sum", measure="amount", window_days=30))
    return [*every_feature(), *own]


def _feature_line(spec: FeatureSpec) -> Row:
    lines: Row = {
        "source": spec.source,
        "aggregate": spec.aggregation,
        "measure": spec.measure,
        "per": spec.per,
        "category": spec.category,
        "expression": spec.expression,
        "windows": spec.window_days,
        "where": dict(spec.where),
        "against": spec.against,
        "missing": spec.missing,
    }
    return {key: value for key, value in lines.items() if value}
