"""What a candidate must show before it becomes the champion: one frozen verdict a gate.

Every gate has a figure, a limit and a sentence, so that a refusal says what failed and by how much.
A gate that cannot be judged says why and stops nothing. Nothing here reads a file or a registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.models.backtest import Origin
from npsight.models.examples import Examples
from npsight.models.logits import Vector
from npsight.models.metrics import calibration_error
from npsight.models.skill import Skill

Verdict = Literal["passed", "failed", "not judged"]

DRAWS = 1000
"""Bootstrap samples of accounts behind an interval."""

PERFECT_DRAWS = 200
CHANCE = 0.99
"""Of models that are right, this many have a smaller calibration error than the limit by chance."""


@dataclass(frozen=True)
class Gate:
    """One verdict.

    Attributes
    ----------
    name
        What is judged, with the part where it is judged by part: `better than the prior: churn`.
    figure, limit
        What was measured and what was asked for, in the unit that `sentence` names; None where
        nothing was measured.
    sentence
        The verdict in plain words, its figures included.
    """

    name: str
    verdict: Verdict
    figure: float | None
    limit: float | None
    sentence: str


@dataclass(frozen=True)
class GateReport:
    """All gates of one version. `champion` is the version it was held against, None for none."""

    gates: tuple[Gate, ...]
    champion: int | None = None

    @property
    def failed(self) -> tuple[Gate, ...]:
        """What speaks against it."""
        return self.having("failed")

    @property
    def passed(self) -> bool:
        """Nothing speaks against it."""
        return not self.failed

    def having(self, verdict: Verdict) -> tuple[Gate, ...]:
        """The gates of one verdict, in their order."""
        return tuple(gate for gate in self.gates if gate.verdict == verdict)

    def figures(self) -> dict[str, float]:
        """For MLflow: how many of each verdict, and every figure by its gate's name."""
        found = {
            "gates_passed": float(len(self.having("passed"))),
            "gates_failed": float(len(self.failed)),
            "gates_not_judged": float(len(self.having("not judged"))),
        }
        for gate in self.gates:
            if gate.figure is not None:
                found[f"gate {gate.name}".replace(":", "").replace(" ", "_")] = gate.figure
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain values, read by `from_json`."""
        return {"champion": self.champion, "gates": [asdict(gate) for gate in self.gates]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> GateReport:
        """Inverse of `to_json`."""
        return cls(tuple(Gate(**gate) for gate in content["gates"]), content["champion"])


def judged(name: str, holds: bool, figure: float, limit: float, sentence: str) -> Gate:
    """A gate that was judged."""
    return Gate(name, "passed" if holds else "failed", figure, limit, sentence)


def not_judged(name: str, why: str) -> Gate:
    """A gate that cannot be judged; `why` is a sentence."""
    return Gate(name, "not judged", None, None, why)


def skill_gate(skills: Mapping[str, Skill]) -> Gate:
    """At least one part tells accounts apart. Figure: how many do."""
    shown = sum(skill.shown for skill in skills.values())
    sentence = "; ".join(f"{name} {skill.sentence()}" for name, skill in skills.items())
    return judged("skill", shown >= 1, shown, 1, sentence)


def events_gate(part: str, rows: Examples, least: int) -> Gate:
    """Enough to learn from. Figure: the rarer of events and others among the training rows."""
    events, others = rows.events()
    fewest = min(events, others)
    said = f"learned from {events:,.0f} events and {others:,.0f} others; {least} of each are needed"
    return judged(f"enough events: {part}", fewest >= least, fewest, least, said)


def prior_gate(part: str, origins: Sequence[Origin], confidence: float, seed: int) -> Gate:
    """Not worse than its own prior on the newest backtest day, beyond chance.

    Figure: gain in Brier score over the prior. The limit is what chance allows below zero: the
    distance from the mean to the upper end of its interval, negative.
    """
    name = f"better than the prior: {part}"
    used = [origin for origin in origins if len(origin.test)]
    if not used:
        return not_judged(name, "history is too short for a backtest day")
    newest = used[-1]
    rows = newest.test
    gains = brier_rows(newest.predicted["prior"], rows.share) - brier_rows(
        newest.predicted["chosen"], rows.share
    )
    return _no_worse(
        name, gains, rows.weight, rows.account, confidence, seed, f"its prior on {newest.label}"
    )


def champion_gate(
    part: str,
    rows: Examples,
    ours: Vector,
    champions: Vector,
    version: int,
    confidence: float,
    seed: int,
) -> Gate:
    """Not worse than the champion, beyond chance, on rows that neither has seen.

    `ours` and `champions` are predictions of `rows`. Figure and limit as in `prior_gate`.
    """
    gains = brier_rows(champions, rows.share) - brier_rows(ours, rows.share)
    return _no_worse(
        f"not worse than the champion: {part}",
        gains,
        rows.weight,
        rows.account,
        confidence,
        seed,
        f"the champion, version {version}",
    )


def _no_worse(
    name: str,
    gains: Vector,
    weight: Vector,
    account: NDArray[Any],
    confidence: float,
    seed: int,
    whom: str,
) -> Gate:
    mean, low, high = interval(gains, weight, account, confidence, seed)
    allowed = min(mean - high, 0.0)
    verb = "gained" if mean >= 0 else "lost"
    said = (
        f"{verb} {abs(mean):.5f} in Brier score against {whom} "
        f"({confidence:.0%} of chance: {low:+.5f} to {high:+.5f}; {len(gains):,} rows)"
    )
    return judged(name, high >= 0, mean, allowed, said)


def calibration_gate(part: str, origins: Sequence[Origin], allowed: float, seed: int) -> Gate:
    """Probabilities mean what they say. Figure: calibration error over all backtest rows.

    The limit is `allowed` beyond the error that only one in a hundred right models would show on
    these rows by chance (see `perfect_error`).
    """
    name = f"calibration: {part}"
    used = [origin for origin in origins if len(origin.test)]
    if not used:
        return not_judged(name, "history is too short for a backtest day")
    predicted = np.concatenate([origin.predicted["chosen"] for origin in used])
    share = np.concatenate([origin.test.share for origin in used])
    weight = np.concatenate([origin.test.weight for origin in used])
    error = calibration_error(predicted, share, weight)
    chance = perfect_error(predicted, weight, seed)
    said = (
        f"predicted and observed shares differ by {error:.3f} on average; a model that is right "
        f"would show up to {chance:.3f} on {len(share):,} rows by chance, {allowed:.3f} more is "
        "allowed"
    )
    return judged(name, error <= chance + allowed, error, chance + allowed, said)


def same_gate(trained: pd.DataFrame, again: pd.DataFrame, difference: float) -> Gate:
    """Rows computed by themselves equal the training frame's. Figure: how many values differ.

    `trained` and `again` are the same rows and columns; `difference` is the largest between the
    predictions of the two, which must be none, too.
    """
    name = "train and score alike"
    if len(trained) != len(again):
        said = f"{len(trained)} training rows computed once more gave {len(again)}"
        return judged(name, False, abs(len(trained) - len(again)), 0, said)
    columns = [c for c in trained.columns if not trained[c].equals(again[c])]
    unequal = sum(int((~_equal(trained[c], again[c])).sum()) for c in columns)
    said = f"{len(trained):,} rows of {len(trained.columns)} values were computed by themselves: "
    if columns:
        said += f"{unequal:,} values differ, of {', '.join(map(str, columns[:4]))}"
    elif difference > 0:
        said += f"all values equal, but predictions differ by up to {difference:.2g}"
    else:
        said += "all values and predictions equal"
    return judged(name, not columns and difference == 0, unequal, 0, said)


def audit_gate(leaks: int, compared: int, accepted: int) -> Gate:
    """The leakage audit is clean. Figure: leaks that no reason in the project file accepts."""
    said = f"{leaks} leaks among {compared:,} values compared, {accepted} findings accepted"
    return judged("leakage audit", leaks == 0, leaks, 0, said)


def card_gate(card: str, headings: Sequence[str]) -> Gate:
    """The model card says what it must. Figure: sections that are missing."""
    written = card.splitlines()
    missing = [heading for heading in headings if heading not in written]
    said = f"{len(headings) - len(missing)} of {len(headings)} sections are written"
    if missing:
        said += f"; missing: {', '.join(missing)}"
    return judged("model card", not missing, len(missing), 0, said)


def brier_rows(predicted: Vector, share: Vector) -> Vector:
    """Brier score of each row; `share` in [0, 1]."""
    rows = share * (1 - predicted) ** 2 + (1 - share) * predicted**2
    return np.asarray(rows, dtype=np.float64)


def interval(
    values: Vector, weight: Vector, account: NDArray[Any], confidence: float, seed: int
) -> tuple[float, float, float]:
    """Weighted mean with a percentile bootstrap interval over accounts (Efron 1979)."""
    _, codes = np.unique(account.astype(str), return_inverse=True)
    sums = np.bincount(codes, weights=weight * values)
    weights = np.bincount(codes, weights=weight)
    rng = np.random.default_rng(seed)
    chosen = (rng.integers(0, len(sums), len(sums)) for _ in range(DRAWS))
    means = [float(sums[draw].sum() / max(weights[draw].sum(), 1e-300)) for draw in chosen]
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(sums.sum() / weights.sum()), float(low), float(high)


def perfect_error(predicted: Vector, weight: Vector, seed: int) -> float:
    """Calibration error that `CHANCE` of models stay below whose every probability is right.

    A row counts as one answer here. Where it holds several, that is generous, and makes up for the
    likeness of an account's answers.
    """
    order = np.argsort(predicted, kind="stable")
    p, w = predicted[order], weight[order]
    rng = np.random.default_rng(seed)
    errors = [
        calibration_error(p, (rng.random(len(p)) < p).astype(np.float64), w)
        for _ in range(PERFECT_DRAWS)
    ]
    return float(np.quantile(errors, CHANCE))


def _equal(left: pd.Series, right: pd.Series) -> NDArray[np.bool_]:
    """Equal values, missing equal to missing."""
    both = left.isna().to_numpy() & right.isna().to_numpy()
    return np.asarray(both | (left.to_numpy() == right.to_numpy()), dtype=np.bool_)
