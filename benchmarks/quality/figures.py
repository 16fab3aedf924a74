"""What is measured of a trained company, as plain rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.quality.companies import Judged
from npsight.jobs.training.fit import PartResult, probabilities
from npsight.models.backtest import Origin
from npsight.models.encoding import learn_schema
from npsight.models.examples import Examples
from npsight.models.logits import Vector, log_loss_rows
from npsight.models.metrics import auc, calibration_error

HGB = "sklearn HGB"
OURS = ("chosen", "prior", "logistic", "lightgbm")
COMPARED = (*OURS, HGB)
DRAWS = 1_000
SILENT_DAYS = 180
LEAST_ACCOUNTS = 200


@dataclass(frozen=True)
class Row:
    """One contender on one target of one company, over all tested days.

    `behind` is how much its Brier score lies above the best's, `behind_error` the bootstrap
    standard error of that difference, by account.
    """

    company: str
    target: str
    contender: str
    rows: int
    brier: float
    brier_error: float
    behind: float
    behind_error: float
    log_loss: float
    auc: float | None
    calibration_error: float


@dataclass(frozen=True)
class Level:
    """How far predicted risk is from the true one, for a group of accounts of one day."""

    company: str
    target: str
    group: str
    accounts: int
    calibration_error: float


def rows_of(found: Judged) -> Iterator[Row]:
    """Every contender of every target; base rate and truth stand outside the contest."""
    for name, part in found.fitted.parts.items():
        predicted, test, truth = _pooled(found, part)
        losses = {c: _brier(p, test) for c, p in predicted.items()}
        best = min(COMPARED, key=lambda c: float(np.average(losses[c], weights=test.weight)))
        if truth is not None:
            predicted["truth"] = truth
            losses["truth"] = _brier(truth, test)
        for contender, values in predicted.items():
            mean, error = _bootstrapped(losses[contender], test)
            behind, behind_error = _bootstrapped(losses[contender] - losses[best], test)
            yield Row(
                found.name,
                name,
                contender,
                len(test),
                mean,
                error,
                behind,
                behind_error,
                float(np.average(log_loss_rows(test.share, values), weights=test.weight)),
                auc(values, test.share, test.weight),
                calibration_error(values, test.share, test.weight),
            )


def levels_of(found: Judged) -> Iterator[Level]:
    """Calibration against the truth of everyone alive on the newest tested day, by group."""
    if found.truth is None or found.segments is None:
        return
    parts = {name: part.origins[-1].fitted for name, part in found.fitted.parts.items()}
    day = pd.Timestamp(found.fitted.parts["detractor"].origins[-1].label)
    alive = found.data.frame[found.data.frame["as_of"] == day].reset_index(drop=True)
    predicted = probabilities(parts, alive)
    known = _truth_of(found.truth, alive["account"].to_numpy(), np.full(len(alive), day.to_numpy()))
    groups = _groups(alive, found.segments)
    for name in parts:
        column = {"detractor": "p_detractor_next", "promoter": "p_promoter_next"}.get(
            name, "p_churn"
        )
        true = known[column].to_numpy(np.float64)
        ours = predicted[name].to_numpy(np.float64)
        for group, mask in groups.items():
            some = mask & np.isfinite(true)
            if some.sum() >= (1 if group in ("all", "silent") else LEAST_ACCOUNTS):
                error = calibration_error(ours[some], true[some], np.ones(int(some.sum())))
                yield Level(found.name, name, group, int(some.sum()), error)


def share_to_truth(rows: Sequence[Row], company: str, target: str) -> float | None:
    """Share of the distance in log loss from the base rate to the truth; None without truth."""
    by = {r.contender: r.log_loss for r in rows if (r.company, r.target) == (company, target)}
    if "truth" not in by:
        return None
    return (by["base rate"] - by["chosen"]) / (by["base rate"] - by["truth"])


def _pooled(found: Judged, part: PartResult) -> tuple[dict[str, Vector], Examples, Vector | None]:
    """Predictions of all origins' test rows one after the other, those rows, and their truth."""
    names = (*OURS, "base rate")
    predicted = {c: np.concatenate([o.predicted[c] for o in part.origins]) for c in names}
    predicted[HGB] = np.concatenate([_hgb(found, part, o) for o in part.origins])
    tests = [o.test for o in part.origins]
    test = replace(
        tests[0],
        frame=pd.concat([t.frame[["account", "as_of"]] for t in tests], ignore_index=True),
        share=np.concatenate([t.share for t in tests]),
        weight=np.concatenate([t.weight for t in tests]),
        known_at=np.concatenate([t.known_at for t in tests]),
    )
    if found.truth is None:
        return predicted, test, None
    truth = _truth_of(found.truth, test.account, test.as_of)
    known = {
        "detractor": truth["p_detractor_next"],
        "promoter": truth["p_promoter_next"] / (1 - truth["p_detractor_next"]),
        "churn": truth["p_churn"],
    }[part.name].to_numpy(np.float64)
    kept = np.isfinite(known)
    return {c: p[kept] for c, p in predicted.items()}, test.where(kept), known[kept]


def _hgb(found: Judged, part: PartResult, origin: Origin) -> Vector:
    """scikit-learn's gradient boosting as it comes, on the same features and the same rows.

    A row with a share of events is given twice, once for each class, weighing its part.
    """
    past = part.examples.known_before(np.datetime64(origin.label, "us")) if _dated(origin) else None
    if past is None:
        tested = set(origin.test.frame["account"])
        past = part.examples.where(~part.examples.frame["account"].isin(tested).to_numpy())
    schema = learn_schema(past.frame, found.project.features)
    matrix = schema.encode(past.frame)
    weight = np.concatenate([past.weight * past.share, past.weight * (1 - past.share)])
    label = np.concatenate([np.ones(len(past)), np.zeros(len(past))])
    used = weight > 0
    model = HistGradientBoostingClassifier(random_state=0)
    model.fit(np.concatenate([matrix, matrix])[used], label[used], sample_weight=weight[used])
    return np.asarray(model.predict_proba(schema.encode(origin.test.frame))[:, 1], dtype=np.float64)


def _dated(origin: Origin) -> bool:
    return not origin.label.startswith("fold")


def _truth_of(
    truth: pd.DataFrame, account: NDArray[np.object_], as_of: NDArray[np.datetime64]
) -> pd.DataFrame:
    """The truth of the newest written day at or before each row's; NaN where it has none."""
    days = np.unique(truth["day"].to_numpy())
    day = days[np.searchsorted(days, as_of, side="right") - 1]
    keys = pd.DataFrame({"account_id": account, "day": day})
    return keys.merge(truth, on=["account_id", "day"], how="left")


def _groups(alive: pd.DataFrame, segments: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    found = {"all": np.ones(len(alive), dtype=bool)}
    if "responses__days_since_last" in alive:
        since = alive["responses__days_since_last"].to_numpy(np.float64)
        found["silent"] = ~(since <= SILENT_DAYS)
    else:
        own = [c for c in alive if c.startswith("own__") and c.endswith("__hl60")]
        found["silent"] = alive[own].sum(axis=1).to_numpy() < 0.5 ** (SILENT_DAYS / 60)
    known = alive[["account"]].merge(segments, on="account", how="left")
    for column in segments.columns.drop(["account", "as_of"]):
        for value in sorted(known[column].dropna().unique()):
            found[f"{column} {value}"] = (known[column] == value).to_numpy()
    return found


def _brier(predicted: Vector, test: Examples) -> Vector:
    return test.share * (1 - predicted) ** 2 + (1 - test.share) * predicted**2


def _bootstrapped(values: Vector, test: Examples) -> tuple[float, float]:
    """Weighted mean and its bootstrap standard error, accounts drawn whole."""
    _, code = np.unique(test.account.astype(str), return_inverse=True)
    sums = np.bincount(code, weights=test.weight * values)
    weights = np.bincount(code, weights=test.weight)
    rng = np.random.default_rng(0)
    means = []
    for _ in range(DRAWS):
        times = np.bincount(rng.integers(0, len(sums), len(sums)), minlength=len(sums))
        total = float(times @ weights)
        if total > 0:
            means.append(float(times @ sums) / total)
    return float(sums.sum() / weights.sum()), float(np.std(means, ddof=1))
