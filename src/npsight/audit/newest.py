"""Attributes that say which version of an account is its newest, as only later days can know."""

from __future__ import annotations

import pandas as pd

from npsight.audit.findings import Check, Finding

CHECK = "marks the newest"
MARKED = 0.95
LEAST_ROWS = 20


def marks_the_newest(versions: pd.DataFrame) -> Check:
    """`leak` for an attribute with one value in newest versions and another one in all before.

    Such as `is_current` of a history that was written as snapshots: the value in an old version
    was changed when the next one came. A state that accounts move on from, such as a trial, has
    its own value in the first version only; so those between the first and the newest decide.

    Parameters
    ----------
    versions
        One row a version: `account`, `occurred_at`, and a column for each attribute, called as in
        findings.
    """
    columns = [c for c in versions.columns if c not in ("account", "occurred_at")]
    rows = versions.sort_values(["account", "occurred_at"], kind="stable")
    newest = ~rows["account"].duplicated(keep="last")
    between = ~newest & rows["account"].duplicated(keep="first")
    if not columns:
        return Check(CHECK, 0, "columns", (), "no feature reads an attribute with `valid_from`")
    if min(int(newest.sum()), int(between.sum())) < LEAST_ROWS:
        few = f"fewer than {LEAST_ROWS} versions lie between an account's first and its newest"
        return Check(CHECK, 0, "columns", (), few)
    found = (_judged(str(c), rows.loc[newest, c], rows.loc[between, c]) for c in columns)
    return Check(CHECK, len(columns), "columns", tuple(f for f in found if f is not None), "")


def _judged(name: str, newest: pd.Series, between: pd.Series) -> Finding | None:
    (now, share), (before, share_before) = _most_frequent(newest), _most_frequent(between)
    figure = min(share, share_before)
    if now == before or figure < MARKED:
        return None
    return Finding(
        level="leak",
        check=CHECK,
        name=name,
        figure=figure,
        threshold=MARKED,
        what=f"`{name}` is `{now}` in {share:.0%} of the accounts' newest versions and `{before}` "
        f"in {share_before:.0%} of those between the first and the newest: it says whether another "
        "version follows, which nobody knew then",
        remedy="drop the features that read it: `valid_to` tells what it marks; if all accounts "
        "changed so on one day, say that under `audit.accepted`",
        columns=(name,),
    )


def _most_frequent(values: pd.Series) -> tuple[str, float]:
    """The value that most rows have, as text, and the share of rows that have it."""
    texts = values.astype("string").fillna("no value")
    counts = texts.value_counts()
    return str(counts.index[0]), float(counts.iloc[0] / len(texts))
