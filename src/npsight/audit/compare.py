"""Two computations of the same rows, compared; every feature that differs is a finding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from npsight.audit.findings import Finding

KEYS = ["account", "as_of"]
TOLERANCE = 1e-9


def differences(check: str, found: pd.DataFrame, expected: pd.DataFrame) -> list[Finding]:
    """One finding for each column of `found` that is not bit for bit that of `expected`.

    Both hold the same columns and one row for each (account, as_of). A row that only one of them
    has is a difference of the column `account`: the spine itself knew more than it could.
    """
    columns = list(dict.fromkeys([*found.columns, *expected.columns]))
    left, right = found.set_index(KEYS), expected.set_index(KEYS)
    findings = []
    alone = left.index.symmetric_difference(right.index)
    if len(alone):
        findings.append(_differs(check, "account", len(alone), len(left), alone[0], "", ""))
    keys = left.index.intersection(right.index)
    for name in (c for c in columns if c not in KEYS):
        a, b = left[name].reindex(keys).to_numpy(), right[name].reindex(keys).to_numpy()
        wrong = np.flatnonzero(~_same(a, b))
        if len(wrong):
            first = wrong[0]
            findings.append(
                _differs(check, name, len(wrong), len(keys), keys[first], a[first], b[first])
            )
    return findings


def _same(left: Any, right: Any) -> Any:
    """Row by row, two missing values being the same."""
    return (left == right) | (pd.isna(left) & pd.isna(right))


def _differs(
    check: str, name: str, count: int, rows: int, key: Any, found: Any, expected: Any
) -> Finding:
    account, as_of = key
    example = f"{account} on {as_of:%Y-%m-%d}: {_shown(found)} with the later facts, "
    example += f"{_shown(expected)} without"
    if name == "account":
        example = f"{account} on {as_of:%Y-%m-%d} is scored only with, or only without, later facts"
    return Finding(
        level="leak",
        check=check,
        name=name,
        figure=float(count),
        threshold=0.0,
        what=f"`{name}` changes when what was not known yet is taken away: {count} of {rows} rows "
        f"({example})",
        remedy="a feature or the spine reads the future: this is a fault of the code, not of the "
        "data; undo the change to `features` or `temporal`, or report it",
        can_be_accepted=False,
    )


def _shown(value: Any) -> str:
    if pd.isna(value):
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def against_oracle(
    check: str,
    rows: Sequence[Mapping[str, Any]],
    expected: Sequence[Mapping[str, Any]],
    rounding: Mapping[str, float] | None = None,
) -> tuple[int, list[Finding]]:
    """Values compared, and one finding for each feature that differs by more than 1e-9.

    `expected[i]` holds what the oracle says of `rows[i]`; a feature it leaves out is not compared.
    The tolerance is absolute below 1 and relative above. `rounding` raises it for features that
    are differences of large numbers, such as the spread of an amount around a high level.
    """
    compared = 0
    wrong: dict[str, list[tuple[Mapping[str, Any], Any]]] = {}
    for row, truth in zip(rows, expected, strict=True):
        compared += len(truth)
        for name, value in truth.items():
            if not agrees(row[name], value, (rounding or {}).get(name, 0.0)):
                wrong.setdefault(name, []).append((row, value))
    return compared, [_contradicted(check, name, cases, len(rows)) for name, cases in wrong.items()]


def agrees(found: Any, expected: Any, rounding: float = 0.0) -> bool:
    """Both missing, or the same; numbers to 1e-9, or to `rounding` where that is more."""
    if pd.isna(found) or expected is None:
        return bool(pd.isna(found)) and expected is None
    if isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=TOLERANCE, abs_tol=max(TOLERANCE, rounding))
    return bool(found == expected)


def _contradicted(
    check: str, name: str, cases: list[tuple[Mapping[str, Any], Any]], rows: int
) -> Finding:
    row, value = cases[0]
    expected = "missing" if value is None else _shown(value)
    return Finding(
        level="leak",
        check=check,
        name=name,
        figure=float(len(cases)),
        threshold=0.0,
        what=f"`{name}` is not what its written meaning gives: {len(cases)} of {rows} rows "
        f"({row['account']} on {row['as_of']:%Y-%m-%d}: {_shown(row[name])}, but a plain loop over "
        f"the known rows gives {expected})",
        remedy="a fault of the code, not of the data: undo the change to `features` or `temporal`, "
        "or report it",
        can_be_accepted=False,
    )
