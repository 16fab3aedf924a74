"""Which record of a CRM an account is, read from a column of the accounts table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import ibis.expr.datatypes as dt

from npsight.config.checks import suggest
from npsight.config.specs import ProjectSpec
from npsight.errors import DataError, Problem
from npsight.tables.engine import connect
from npsight.tables.raw import RawTable, UnusableTableError
from npsight.tables.reading import Reader


@dataclass(frozen=True)
class CrmIds:
    """Account to record id, one to one; what is not, is counted and left out.

    Attributes
    ----------
    several
        Accounts with more than one id.
    shared
        Accounts whose id another account has, too.
    """

    ids: Mapping[str, str]
    several: int = 0
    shared: int = 0


def read_crm_ids(project: ProjectSpec, column: str) -> CrmIds:
    """The ids in `column`; accounts without one are absent.

    Raises
    ------
    DataError
        There is no accounts table, no such column, or the source cannot be read.
    """
    key = "tables.accounts"
    accounts = project.tables.accounts
    if accounts is None:
        raise _unusable(Problem("there is no accounts table", "map one", key=key))
    with connect(project) as backend:
        reader = Reader(backend, project.tables)
        try:
            raw = reader.read(accounts, key)
        except UnusableTableError as error:
            raise DataError("the accounts table cannot be read", error.problems) from None
        lower = project.tables.account_case == "lower"
        return paired(_pairs(raw, accounts.key, column, lower))


def _pairs(raw: RawTable, key: str, column: str, lower: bool) -> list[tuple[str, str]]:
    missing = [name for name in (key, column) if name not in raw.columns]
    if missing:
        raise _unusable(
            *(
                Problem(f"there is no column `{name}`", suggest(name, raw.columns), key="id_column")
                for name in missing
            )
        )
    selected = raw.table.select(
        account=raw.table[key].cast(dt.string), record=raw.table[column].cast(dt.string)
    )
    found = selected.distinct().to_pyarrow().to_pylist()
    pairs = ((str(row["account"] or "").strip(), str(row["record"] or "").strip()) for row in found)
    if lower:
        pairs = ((account.lower(), record) for account, record in pairs)
    return [(account, record) for account, record in pairs if account and record]


def paired(pairs: list[tuple[str, str]]) -> CrmIds:
    """Pairs of account and record id, without those that are not one to one."""
    records: dict[str, set[str]] = defaultdict(set)
    for account, record in pairs:
        records[account].add(record)
    single = {account: next(iter(ids)) for account, ids in records.items() if len(ids) == 1}
    uses = Counter(single.values())
    kept = {account: record for account, record in single.items() if uses[record] == 1}
    return CrmIds(kept, len(records) - len(single), len(single) - len(kept))


def _unusable(*problems: Problem) -> DataError:
    return DataError("the ids of the CRM cannot be read", problems)
