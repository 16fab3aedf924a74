"""Columns that are written, or rewritten, once the outcome has happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.audit.findings import Check, Finding
from npsight.audit.names import only_of_lost
from npsight.models.logits import Vector
from npsight.models.metrics import auc

UNDATED = "undated columns"
CHANGES = "changes after the outcome"
AT_THE_END = "written at the end"

LEAST_ACCOUNTS = 10
LEAST_EACH = 20
ONE_SIDED = 0.9
PURE, COVERED = 0.95, 0.8
MOST_LOST = 0.7
TELLS = 0.95
Z = 1.96

SOON_DAYS = 30
LEAST_CHANGES = 20
TIMES_AS_MANY = 10.0

FILLED, EMPTY = 0.9, 0.1


@dataclass(frozen=True)
class Happened:
    """Whether an outcome has happened to an account by the end of the data.

    `label` such as `was lost`; `by_account` true or false.
    """

    label: str
    by_account: Mapping[str, bool]


def one_sided(
    attributes: pd.DataFrame,
    categories: Sequence[str],
    happened: Sequence[Happened],
    dated: Sequence[str] = (),
) -> Check:
    """`leak` for undated attributes that know what became of the account.

    `attributes` is indexed by account, one column an attribute, with the value of its first
    version; those in `dated` have a `valid_from` and are a `look` only. A value that at least 10
    accounts have (missing and filled are values too, and so are a number that many share, such as
    0, and several rare names together) is one-sided when the lower 95 % Wilson bound of the share
    it happened to is 0.9, or when it happened to 95 % of those with the value and 80 % of those to
    whom it happened have it; both where it happened to at most 70 % of all: a plan or a region may
    be risky, but no honest one is left by everybody. A number also leaks when it alone tells those
    accounts apart with an AUC of at least 0.95, with 20 on either side. Outcomes with fewer than 10
    accounts on either side are not judged.
    """
    findings: dict[str, Finding] = {}
    judged = False
    for outcome in happened:
        came = pd.Series(outcome.by_account, dtype="boolean").reindex(attributes.index)
        rows = came.notna().to_numpy()
        gone = came[rows].to_numpy(bool)
        if min(gone.sum(), (~gone).sum()) < LEAST_ACCOUNTS or gone.mean() > MOST_LOST:
            continue
        judged = True
        for name in attributes:
            found = _worst(str(name), attributes.loc[rows, name], name in categories, gone, outcome)
            if found is not None:
                findings.setdefault(str(name), _as_dated(found) if name in dated else found)
    count = attributes.shape[1] if judged else 0
    few = "" if judged else f"fewer than {LEAST_ACCOUNTS} accounts on one side of every outcome"
    if attributes.shape[1] == 0:
        few = "no feature reads an attribute"
    return Check(UNDATED, count, "columns", tuple(findings.values()), few)


def _as_dated(found: Finding) -> Finding:
    """The finding of an attribute that has a `valid_from`, so that mapping one is no remedy."""
    remedy = (
        "ask whether the outcome rewrites rows of earlier days: each row must hold what was true "
        "from its `valid_from` on; drop the features that read it if it does"
    )
    return replace(found, level="look", remedy=remedy)


def _worst(
    name: str, values: pd.Series, category: bool, gone: np.ndarray, outcome: Happened
) -> Finding | None:
    filled = values.notna().to_numpy()
    groups = {"a value": filled, "no value": ~filled}
    shared = values.value_counts()
    for value in sorted(shared.index[shared >= LEAST_ACCOUNTS]):
        label = f"`{value}`" if category else f"`{value:,.10g}`"
        groups[label] = (values == value).to_numpy(bool, na_value=False)
    if category:
        groups |= _rare_names(values, gone)
    worth = {
        label: rows
        for label, rows in groups.items()
        if rows.sum() >= LEAST_ACCOUNTS and not rows.all()
    }
    for label, rows in worth.items():
        bound = wilson_lower(int(gone[rows].sum()), int(rows.sum()))
        if bound >= ONE_SIDED:
            return _told(name, label, rows, gone, outcome, bound, ONE_SIDED)
        if gone[rows].mean() >= PURE and rows[gone].mean() >= COVERED:
            return _told(name, label, rows, gone, outcome, float(gone[rows].mean()), PURE)
    if category or filled.sum() < LEAST_EACH:
        return None
    figure = auc(
        values.to_numpy(np.float64)[filled],
        gone[filled].astype(np.float64),
        np.ones(int(filled.sum())),
    )
    if figure is None or min(gone[filled].sum(), (~gone[filled]).sum()) < LEAST_EACH:
        return None
    figure = max(figure, 1 - figure)
    if figure < TELLS:
        return None
    what = f"`{name}` tells the accounts that {outcome.label} from all others with an AUC of "
    return _undated(name, figure, TELLS, what + f"{figure:.3f}")


def _rare_names(values: pd.Series, gone: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """The accounts with one of the names that only accounts have to which it happened."""
    codes, names = pd.factorize(values, sort=True)
    rows = np.flatnonzero(codes >= 0)
    has, chosen = only_of_lost(codes[rows].astype(np.int64), rows, gone)
    if len(chosen) < 2:
        return {}
    return {f"`{names[chosen[0]]}`, or one of {len(chosen) - 1} other values like it,": has}


def _told(
    name: str,
    label: str,
    rows: np.ndarray,
    gone: np.ndarray,
    outcome: Happened,
    figure: float,
    threshold: float,
) -> Finding:
    return _undated(
        name,
        figure,
        threshold,
        f"`{name}` has {label} for {rows.sum()} accounts, and {gone[rows].sum()} of them "
        f"{outcome.label} by the end of the data, of all others {gone[~rows].mean():.0%}: it is "
        "written when the outcome is known",
    )


def _undated(name: str, figure: float, threshold: float, what: str) -> Finding:
    return Finding(
        level="leak",
        check=UNDATED,
        name=name,
        figure=figure,
        threshold=threshold,
        what=what,
        remedy="drop the features that read it, or map `valid_from`, so that it counts only from "
        "when it was written",
        columns=(name,),
    )


def wilson_lower(events: int, count: int) -> float:
    """Lower end of the 95 % Wilson interval of a share; 0 for no rows."""
    return float(wilson_lowers(np.array([events]), np.array([count]))[0])


def wilson_lowers(events: NDArray[np.int64], counts: NDArray[np.int64]) -> Vector:
    """`wilson_lower` of each."""
    some = np.maximum(counts, 1)
    p, z2 = events / some, Z * Z
    middle = p + z2 / (2 * some)
    half = Z * np.sqrt(p * (1 - p) / some + z2 / (4 * some * some))
    return np.where(counts > 0, (middle - half) / (1 + z2 / some), 0.0)


def changes_pile_up(
    changes: Mapping[str, pd.DataFrame], events: pd.DataFrame, span_days: float, accounts: int
) -> Check:
    """`look` at dated attributes that change as a rule just after the outcome.

    `changes` holds for each column the (`account`, `at`) of its changes, `events` those of the
    outcomes; `span_days` is the length of the data. A column is named when at least 20 changes lie
    in `[event, event + 30 days)` and a day there holds at least ten times as many as other days.
    """
    if not changes:
        return Check(CHANGES, 0, "columns", not_judged="no feature reads a dated attribute")
    if len(events) < LEAST_EACH:
        return Check(CHANGES, 0, "columns", not_judged=f"fewer than {LEAST_EACH} outcomes")
    found = [
        finding
        for name, rows in changes.items()
        if (finding := _piled(name, rows, events, span_days * accounts)) is not None
    ]
    return Check(CHANGES, len(changes), "columns", tuple(found))


def _piled(
    name: str, rows: pd.DataFrame, events: pd.DataFrame, account_days: float
) -> Finding | None:
    pairs = rows.merge(events, on="account", suffixes=("", "_event"))
    since = pairs["at"] - pairs["at_event"]
    soon = (since >= pd.Timedelta(0)) & (since < pd.Timedelta(days=SOON_DAYS))
    after = len(pairs.loc[soon, ["account", "at"]].drop_duplicates())
    soon_days = SOON_DAYS * len(events)
    usual = max(len(rows) - after, 1) / max(account_days - soon_days, 1.0)
    times = after / soon_days / usual
    if after < LEAST_CHANGES or times < TIMES_AS_MANY:
        return None
    return Finding(
        level="look",
        check=CHANGES,
        name=name,
        figure=times,
        threshold=TIMES_AS_MANY,
        what=f"`{name}` changes {times:.0f} times as often in the {SOON_DAYS} days after an "
        f"outcome as on other days ({after} changes): the outcome writes it",
        remedy="make sure that `valid_from` is the day it was entered, never a day it was made "
        "valid for afterwards",
        columns=(name,),
    )


@dataclass(frozen=True)
class Ending:
    """A measure of things that last: whether it is filled while they do, and once they are over."""

    name: str
    filled_open: Vector
    filled_over: Vector


def written_at_the_end(measures: Sequence[Ending]) -> Check:
    """`leak` for measures that are filled once a thing is over but counted from its beginning.

    Such as the hours that a ticket took, read with the day it was opened. Named when at least 90 %
    of what is over has it, and at most 10 % of what is not; with 20 rows of each.
    """
    if not measures:
        none = "no feature reads a measure of things that end"
        return Check(AT_THE_END, 0, "columns", not_judged=none)
    findings, judged = [], 0
    for measure in measures:
        if min(len(measure.filled_open), len(measure.filled_over)) < LEAST_EACH:
            continue
        judged += 1
        while_open, once_over = float(measure.filled_open.mean()), float(measure.filled_over.mean())
        if once_over >= FILLED and while_open <= EMPTY:
            findings.append(_late(measure.name, once_over, while_open))
    few = "" if judged else f"fewer than {LEAST_EACH} things open or over"
    return Check(AT_THE_END, judged, "columns", tuple(findings), few)


def _late(name: str, once_over: float, while_open: float) -> Finding:
    return Finding(
        level="leak",
        check=AT_THE_END,
        name=name,
        figure=once_over,
        threshold=FILLED,
        what=f"`{name}` is filled for {once_over:.0%} of what is over and {while_open:.0%} of what "
        "is open, but read from the day it began: it is written at the end",
        remedy="read the same table a second time with the day of the end as its `time`",
        columns=(name,),
    )
