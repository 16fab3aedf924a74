"""The columns that a table of the project file maps, and the diff to what the table has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from npsight.config.checks import suggest
from npsight.config.schema import Accounts, Activity, Source
from npsight.config.specs import ProjectSpec
from npsight.errors import Problem
from npsight.tables.raw import UnusableTableError

_COLUMN_SETTINGS = (
    "key",
    "account",
    "into",
    "id",
    "retracted",
    "time",
    "known_at",
    "started_at",
    "ended_at",
    "ended_known_at",
    "score",
    "respondent",
    "role",
    "seniority",
    "comment",
    "touchpoint",
    "invited_at",
    "valid_from",
    "valid_to",
    "name",
    "owner",
    "revenue",
    "renewal_at",
    "created_at",
)

_IN_EVERY_ROW = ("key", "account", "into", "time", "started_at", "score")


def mapped_columns(source: Source, project: ProjectSpec) -> dict[str, str]:
    """Setting, such as `time` or `measures.logins`, to the column it names."""
    found = {
        setting: column
        for setting in _COLUMN_SETTINGS
        if isinstance(column := getattr(source, setting, None), str)
    }
    found |= {f"only.{column}": column for column in source.only}
    found |= {f"without.{column}": column for column in source.without}
    if isinstance(source, Activity):
        found |= {f"measures.{name}": column for name, column in source.measures.items()}
        found |= {f"categories.{name}": column for name, column in source.categories.items()}
    if isinstance(source, Accounts):
        found |= {f"attributes.{n}": source.columns.get(n, n) for n in source.attributes}
        if project.is_snapshot and project.churn and project.churn.column:
            found["targets.churn.column"] = project.churn.column
    return found


def check_columns(
    mapped: Mapping[str, str], available: Sequence[str], where: str, key: str
) -> None:
    """Raise one problem with all missing columns, what is there, and what may have been meant."""
    missing = {setting: column for setting, column in mapped.items() if column not in available}
    if not missing:
        return
    lines = "".join(
        f"\n        - {column} ({setting}) {_meant(column, available)}".rstrip()
        for setting, column in missing.items()
    )
    noun = "a column is" if len(missing) == 1 else f"{len(missing)} columns are"
    what = f"{noun} not in the table:{lines}\n        available: {', '.join(available)}"
    remedy = "correct the names in the project file; they are case-sensitive"
    raise UnusableTableError([Problem(what, remedy, where, key)])


def check_parts(
    mapped: Mapping[str, str], lacking: Mapping[str, str], where: str, key: str
) -> None:
    """Raise where a part of the table, such as one of its files, has not got what each row needs.

    Its rows would be read as if they said nothing.
    """
    problems = [
        Problem(
            f"column `{mapped[setting]}` ({setting}) is in some of the files or sheets, but not in "
            f"{lacking[mapped[setting]]}",
            "call it the same in all of them, or narrow `path` or `table` to those that are alike",
            where,
            f"{key}.{setting}",
        )
        for setting in _IN_EVERY_ROW
        if mapped.get(setting) in lacking
    ]
    if problems:
        raise UnusableTableError(problems)


def _meant(column: str, available: Sequence[str]) -> str:
    numbered = re.compile(rf"{re.escape(column)} \(\d+\)", re.IGNORECASE)
    alike = [f"`{name}`" for name in available if numbered.fullmatch(name)]
    if alike:
        return f"(the header names it more than once: write {' or '.join(alike)})"
    hint = suggest(column, available)
    return hint if hint.startswith("did you mean") else ""
