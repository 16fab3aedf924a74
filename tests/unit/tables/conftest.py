"""A project made of a few lines of YAML and CSV, and the facts prepared from it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from npsight.config.load import load_project
from npsight.tables.engine import connect
from npsight.tables.prepare import Prepared, prepare

NOW = datetime(2026, 1, 1)


@dataclass
class Workbench:
    """Writes files and project into a folder and prepares them; engines end with the test."""

    folder: Path
    stack: ExitStack

    @property
    def quarantine(self) -> Path:
        return self.folder / "quarantine"

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return file

    def prepare(
        self, tables: str, *, head: str = "", targets: str = "", **options: Any
    ) -> Prepared:
        targets = targets or "{churn: {event: no_activity, activity: usage}}"
        text = f"project: test\n{head}\ntargets: {targets}\ntables:\n"
        text += textwrap.indent(textwrap.dedent(tables).strip("\n"), "  ")
        project = load_project(self.write("project.yaml", text))
        backend = self.stack.enter_context(connect(project))
        return prepare(project, backend, self.quarantine, now=options.pop("now", NOW), **options)

    def usage(self, csv: str, extra: str = "", *, head: str = "", **options: Any) -> Prepared:
        """One activity table `usage` of usage.csv, keyed by `account`, timed by `day`."""
        self.write("usage.csv", csv)
        lines = textwrap.indent(textwrap.dedent(extra).strip("\n"), "    ")
        tables = "activity:\n  usage:\n    path: usage.csv\n    account: account\n    time: day\n"
        head = head or "quarantine: {max_share: 1.0}"
        return self.prepare(tables + lines, head=head, **options)

    def answers(self, csv: str, extra: str = "", *, head: str = "", **options: Any) -> Prepared:
        """One response table of answers.csv: `account`, `at`, `score`."""
        self.write("answers.csv", csv)
        lines = textwrap.indent(textwrap.dedent(extra).strip("\n"), "  ")
        tables = "responses:\n  path: answers.csv\n  account: account\n  time: at\n  score: score\n"
        head = head or "quarantine: {max_share: 1.0}"
        return self.prepare(tables + lines, head=head, targets="{detractor: {}}", **options)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    with ExitStack() as stack:
        yield Workbench(tmp_path, stack)


def rows(table: Any, *columns: str) -> list[tuple[Any, ...]]:
    """The rows of some columns, sorted."""
    found = table.select(*columns).to_pyarrow().to_pylist()
    return sorted((tuple(row[c] for c in columns) for row in found), key=str)


def reasons(prepared: Prepared, index: int = 0) -> dict[str, int]:
    """Counts by reason of a table."""
    return {fault.reason: fault.rows for fault in prepared.reports[index].faults}


@pytest.fixture
def quarantined() -> Callable[[Path], list[dict[str, Any]]]:
    def read(file: Path) -> list[dict[str, Any]]:
        import pyarrow.parquet as pq

        found: list[dict[str, Any]] = pq.read_table(file).to_pylist()
        return found

    return read
