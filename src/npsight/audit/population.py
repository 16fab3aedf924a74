"""Whether the accounts to be scored look like those that were learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from npsight.audit.early import SURE, Losses
from npsight.audit.findings import Check, Finding, Level
from npsight.audit.written import wilson_lower
from npsight.config.specs import FeatureSpec
from npsight.models.reference import AGEING, LEAST_ROWS, grouping, limit_of
from npsight.models.reference import stability_index as index_of

CHECK = "train and score alike"
FILLED = 0.5
YEAR_DAYS = 365
LEAST_DAYS = 6
BOOKED = ("days_until_end", "days_until_next")
EXPECTED = 8.0
"""Rows that should have a rare feature on the day of scoring; chance leaves none in 1 of 3,000."""


def population(
    train: pd.DataFrame,
    score: pd.DataFrame,
    specs: Sequence[FeatureSpec],
    losses: Losses | None = None,
) -> Check:
    """Features that stopped arriving (`leak`, or `look`) and those that have shifted (`look`).

    `train` holds the training rows of all days, `score` those of the day of scoring. A feature
    arrives on a day when at least half of its rows have it (a count or sum: have it above 0). It
    stopped when it arrived on the newest training day and not one row to score has it. That is a
    `leak` where it arrived on every training day, since the model would take silence for an
    answer, and a `look` where it had come and gone before, as yearly surveys do.

    A rare count stopped when some row had it on each training day of the last year (6 days at
    least), 8 rows should have it on the day of scoring, and none has. That is a `look`, and a
    `leak` where those who had it were lost later as a rule (of `losses`; the lower 95 % Wilson
    bound is 0.9): such rows are written in hindsight. A sign given in time stands at some who have
    yet to leave. Days until something booked ahead are asked the same, of all accounts: where
    nothing is booked today, `leak`, as ends that are written when they come were booked on no day.

    A feature shifted when its population stability index from the newest training day on is at
    least 0.25 and three times what chance alone makes of so few rows; age in days is spared, which
    time itself shifts.
    """
    newest = train[train["as_of"] == train["as_of"].max()]
    if min(len(newest), len(score)) < LEAST_ROWS:
        few = f"{len(newest)} and {len(score)} rows, fewer than {LEAST_ROWS}"
        return Check(CHECK, 0, "features", not_judged=few)
    findings = []
    for spec in specs:
        before, now = newest[spec.name], score[spec.name]
        shares = _arrives(train[spec.name], spec).groupby(train["as_of"]).mean()
        if shares.iloc[-1] >= FILLED and not _arrives(now, spec).any():
            findings.append(_stopped(spec, float(shares.iloc[-1]), bool((shares >= FILLED).all())))
            continue
        if (rare := _only_in_hindsight(train, score, spec, losses)) is not None:
            findings.append(rare)
            continue
        if spec.aggregation in AGEING:
            continue
        index = stability_index(before, now, category=spec.dtype == "category")
        limit = limit_of(len(newest), len(score))
        if index >= limit:
            findings.append(_moved(spec, index, limit))
    return Check(CHECK, len(specs), "features", tuple(findings))


def _arrives(values: pd.Series, spec: FeatureSpec) -> pd.Series:
    return (values.fillna(0) != 0) if spec.missing == "zero" else values.notna()


def _only_in_hindsight(
    train: pd.DataFrame, score: pd.DataFrame, spec: FeatureSpec, losses: Losses | None
) -> Finding | None:
    """A rare count that every day of the last year knew, and the day of scoring does not.

    It is asked of accounts whose loss was not known yet: rows written once it is stay with those
    that have given notice.
    """
    booked = spec.aggregation in BOOKED
    if spec.missing != "zero" and not booked:
        return None
    if losses is not None and not booked:
        train, score = _unknown(train, losses), _unknown(score, losses)
    if _arrives(score[spec.name], spec).any():
        return None
    since = train["as_of"].max() - pd.Timedelta(days=YEAR_DAYS)
    year = train[train["as_of"] > since]
    arrives = _arrives(year[spec.name], spec)
    shares = arrives.groupby(year["as_of"]).mean()
    expected = float(shares.mean()) * len(score)
    if len(shares) < LEAST_DAYS or shares.min() == 0 or expected < EXPECTED:
        return None
    was = "known" if booked else "above 0"
    had = f"`{spec.name}` was {was} for {shares.mean():.1%} of the accounts on each training day "
    had += f"of the last year, and is for none of {len(score):,} on the day of scoring"
    if booked:
        return _hindsight(spec, "leak", expected, f"{had}, where {expected:.0f} should be: it")
    told = _lost_later(year.loc[arrives, "account"], losses)
    if told is None:
        return _hindsight(spec, "look", expected, f"{had}, where {expected:.0f} should be: it")
    flagged, lost = told
    who = f", and {lost} of the {flagged} accounts that had it were lost later: it"
    return _hindsight(spec, "leak", expected, had + who)


def _unknown(rows: pd.DataFrame, losses: Losses) -> pd.DataFrame:
    """The rows of accounts whose loss was not known on the day."""
    known_at = losses.known_at.reindex(rows["account"]).to_numpy()
    return rows[~(known_at <= rows["as_of"].to_numpy())]


def _lost_later(accounts: pd.Series, losses: Losses | None) -> tuple[int, int] | None:
    """(accounts, those of them that were lost), where nearly all were."""
    if losses is None:
        return None
    names = accounts[accounts.isin(losses.known_at.index)].unique()
    lost = int(losses.known_at.reindex(names).notna().sum())
    return (len(names), lost) if wilson_lower(lost, len(names)) >= SURE else None


def _hindsight(spec: FeatureSpec, level: Level, expected: float, had: str) -> Finding:
    return Finding(
        level=level,
        check=CHECK,
        name=spec.name,
        figure=expected,
        threshold=EXPECTED,
        what=f"{had} stopped arriving, or is written in hindsight and dated back",
        remedy=f"ask who writes `{spec.source}`, and when: rows that are added once the outcome is "
        "known need the day they were added as `known_at`; if its source has ended, drop the "
        "feature, or train after it with a later `training.first_as_of`",
        columns=spec.columns,
    )


def stability_index(before: pd.Series, now: pd.Series, *, category: bool) -> float:
    """The stability index of `npsight.models.reference` from some values to others."""
    then = grouping(before, category=category)
    return index_of(np.asarray(then.counts, dtype=np.float64), then.of(now))


def _stopped(spec: FeatureSpec, share: float, always: bool) -> Finding:
    had = "was above 0" if spec.missing == "zero" else "was known"
    return Finding(
        level="leak" if always else "look",
        check=CHECK,
        name=spec.name,
        figure=share,
        threshold=FILLED,
        what=f"`{spec.name}` {had} for {share:.0%} of the accounts on the newest training day, and "
        "is for none on the day of scoring: it stopped arriving",
        remedy=f"see whether `{spec.source}` is still loaded; if it ended for good, drop the "
        "feature, or train after it with a later `training.first_as_of`",
        columns=spec.columns,
    )


def _moved(spec: FeatureSpec, index: float, limit: float) -> Finding:
    return Finding(
        level="look",
        check=CHECK,
        name=spec.name,
        figure=index,
        threshold=limit,
        what=f"`{spec.name}` is not what it was in training: its stability index from the newest "
        f"training day to the day of scoring is {index:.2f}",
        remedy="see whether its unit, its source or the customers have changed; if the change is "
        "real, train on newer days",
        columns=spec.columns,
    )
