"""Which features are looked at when there are more of them than the accounts can judge.

Each feature is asked alone whether it explains what the prior left over: with r = observed share
− prior probability and x the feature's rank, centred, account a scores U_a = Σ w·r·x, and
z = Σ U_a / √(Σ U_a²) is compared with Student's t of as many degrees of freedom as accounts,
less one (a score test, robust for rows of one account). The rank, its square (a feature may be
bad at both ends), being missing and each category count as tries of one feature, and are paid for
(Šidák). Of the p-values those pass that Benjamini and Hochberg (1995) let pass at `FALSE_SHARE`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, t

from npsight.models.clustered import account_codes
from npsight.models.encoding import FeatureSchema, Matrix
from npsight.models.examples import Examples
from npsight.models.logits import Vector, probability

ACCOUNTS_A_FEATURE = 20
ALWAYS_LOOKED_AT = 25
FALSE_SHARE = 0.1
LEAST_KEPT = 10


def screened(schema: FeatureSchema, rows: Examples, prior: Vector) -> FeatureSchema:
    """The schema without features that say nothing, where there are too many to look at all.

    With at most `ALWAYS_LOOKED_AT` features, or at least `ACCOUNTS_A_FEATURE` accounts for each,
    nothing is left out: the learners' own regularisation judges better than one-by-one tests.
    Otherwise those pass that the module's head describes, at least `LEAST_KEPT` and at most one
    for every `ACCOUNTS_A_FEATURE` accounts, the strongest first.

    Parameters
    ----------
    prior
        Log-odds of the prior for `rows`, shape (rows,). Only these rows are looked at: call with
        the rows of training, never with those a model is tested on.
    """
    if len(schema.names) <= ALWAYS_LOOKED_AT:
        return schema
    account = account_codes(rows.account)
    accounts = int(account.max()) + 1
    most = max(ALWAYS_LOOKED_AT, accounts // ACCOUNTS_A_FEATURE)
    if len(schema.names) <= most:
        return schema
    residual = rows.weight * (rows.share - probability(prior))
    chance = chances(schema.encode(rows.frame), schema, residual, account)
    order = np.argsort(chance, kind="stable")
    kept = np.sort(order[: min(max(_passing(chance[order]), LEAST_KEPT), most)])
    return restricted(schema, kept)


def restricted(schema: FeatureSchema, kept: NDArray[np.intp]) -> FeatureSchema:
    """The schema of some of its columns, given by position."""
    return replace(
        schema,
        names=tuple(schema.names[i] for i in kept),
        categories=tuple(schema.categories[i] for i in kept),
        monotone=tuple(schema.monotone[i] for i in kept),
        fills=tuple(schema.fills[i] for i in kept),
    )


def chances(
    matrix: Matrix, schema: FeatureSchema, residual: Vector, account: NDArray[np.intp]
) -> Vector:
    """For each feature the p-value of "it explains nothing of the residual", shape (features,).

    `residual` is weighted, `account` a code 0 … n − 1 for each row.
    """
    found = np.ones(matrix.shape[1])
    freedom = max(int(account.max()), 1)
    for feature, values in enumerate(schema.categories):
        tries = [_chance(x, residual, account, freedom) for x in _views(matrix[:, feature], values)]
        if tries:
            found[feature] = 1.0 - (1.0 - min(tries)) ** len(tries)
    return found


def _views(data: Vector, values: tuple[str, ...] | None) -> Iterator[Vector]:
    known = ~np.isnan(data)
    if values is not None:
        yield from ((data == code) * 1.0 for code in range(len(values)))
        return
    rank = np.zeros(len(data))
    if known.any():
        rank[known] = rankdata(data[known]) / known.sum() - 0.5
        yield rank
        square = np.zeros(len(data))
        square[known] = rank[known] ** 2 - np.mean(rank[known] ** 2)
        yield square
    if not known.all():
        yield (~known) * 1.0


def _chance(x: Vector, residual: Vector, account: NDArray[np.intp], freedom: int) -> float:
    scores = np.bincount(account, weights=residual * (x - x.mean()))
    spread = float(np.sqrt(scores @ scores))
    if not spread > 0:
        return 1.0
    return float(2 * t.sf(abs(float(scores.sum())) / spread, freedom))


def _passing(rising: Vector) -> int:
    """How many of the rising p-values pass Benjamini and Hochberg's step-up rule."""
    allowed = FALSE_SHARE * np.arange(1, len(rising) + 1) / len(rising)
    below = np.flatnonzero(rising <= allowed)
    return int(below[-1]) + 1 if len(below) else 0
