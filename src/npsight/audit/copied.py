"""Numbers that are the same in every version of an account, as if today's had been copied over."""

from __future__ import annotations

import pandas as pd

from npsight.audit.findings import Check, Finding

CHECK = "changes with its versions"
LEAST_ACCOUNTS, LEAST_VALUES = 50, 3
SAME = 0.99
OTHERS_CHANGE = 0.2


def copied_over_the_past(versions: pd.DataFrame) -> Check:
    """`look` for numbers with `valid_from` that never change, though the account's versions do.

    Such as a yearly revenue that was joined to old versions as it is today. Asked where 50 accounts
    have several versions, and another attribute changes in a fifth of them. A number is named when
    it is the same in all versions of 99 % of those that have it, and differs between accounts.

    Parameters
    ----------
    versions
        One row a version: `account`, `occurred_at`, and a column for each attribute, called as in
        findings.
    """
    columns = [c for c in versions.columns if c not in ("account", "occurred_at")]
    numbers = [c for c in columns if pd.api.types.is_numeric_dtype(versions[c])]
    if not numbers:
        none = "no feature reads a number with `valid_from`"
        return Check(CHECK, 0, "columns", not_judged=none)
    several = versions[versions["account"].duplicated(keep=False)]
    by_account = several.groupby("account")[columns]
    different, known = by_account.nunique(), by_account.count()
    changes = {c: float((different[c] > 1).mean()) for c in columns} if len(different) else {}
    judged = [
        c
        for c in numbers
        if (known[c] > 1).sum() >= LEAST_ACCOUNTS
        and max((changes[o] for o in columns if o != c), default=0.0) >= OTHERS_CHANGE
        and versions[c].nunique() >= LEAST_VALUES
    ]
    found = []
    for name in judged:
        rows = known[name] > 1
        share = float((different.loc[rows, name] == 1).mean())
        if share >= SAME:
            found.append(_finding(str(name), share, int(rows.sum())))
    few = f"no number has several versions in {LEAST_ACCOUNTS} accounts while others change there"
    return Check(CHECK, len(judged), "columns", tuple(found), "" if judged else few)


def _finding(name: str, share: float, accounts: int) -> Finding:
    return Finding(
        level="look",
        check=CHECK,
        name=name,
        figure=share,
        threshold=SAME,
        what=f"`{name}` is the same in all versions of {share:.0%} of {accounts:,} accounts, while "
        "other attributes change: today's value may have been copied over the past",
        remedy="ask whether each version holds the value of its time; if not, drop the features "
        "that read it; if it never changes, such as a founding year, list it under `static`",
        columns=(name,),
    )
