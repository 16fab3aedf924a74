"""What a change of the model would change today: risks, risk levels, the list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import pandas as pd

from npsight.config.schema import Worklist
from npsight.drivers.explain import explain
from npsight.drivers.points import Points
from npsight.jobs.files import cell
from npsight.jobs.scoring.scored import ScoreInputs, score_frame
from npsight.models.logits import Vector
from npsight.models.model import Model
from npsight.worklist.bands import RiskLevel, risk_level
from npsight.worklist.rank import rank

MOVERS = 8
LEVELS: tuple[RiskLevel, ...] = ("high", "medium", "low")
TARGETS = {"detractor": "detractor_risk", "churn": "churn_risk"}
SHOWN = ("account", "name", "owner")


@dataclass(frozen=True)
class Mover:
    """An account whose risk moves much. `driver` is the label of what moves it most, and `points`
    by how many percentage points that driver's contribution moves.
    """

    account: str
    name: str | None
    other: float
    candidate: float
    driver: str
    points: float


@dataclass(frozen=True)
class Moves:
    """One target's risk of every account alive today, by both versions.

    `correlation` is Spearman's, None where one of them gives everybody the same risk. `levels`
    counts accounts by (level by the other, level by the candidate).
    """

    target: str
    mean_other: float
    mean_candidate: float
    correlation: float | None
    levels: dict[tuple[RiskLevel, RiskLevel], int]
    movers: tuple[Mover, ...]

    @property
    def changed(self) -> int:
        """How many accounts change their risk level."""
        return sum(count for (was, now), count in self.levels.items() if was != now)


@dataclass(frozen=True)
class Listed:
    """Calls of the week by both versions, before follow-ups and contacts step back."""

    other: int
    candidate: int
    both: int


@dataclass(frozen=True)
class Today:
    """Both versions on the accounts of `as_of`.

    `accounts` has one row an account: `account`, `name`, `owner`, and for each target
    `<target>_risk_v<version>` of the other, then of the candidate, rising by account.
    """

    as_of: datetime
    moves: tuple[Moves, ...]
    listed: Listed
    accounts: pd.DataFrame

    def table(self, spreadsheet: bool) -> pd.DataFrame:
        """`accounts` as a file holds them; see `export.cell`."""
        return self.accounts.map(partial(cell, spreadsheet=spreadsheet))


@dataclass(frozen=True)
class Scored:
    """A version's risks of the accounts of a day, in the order of `frame`."""

    version: int
    model: Model
    frame: pd.DataFrame
    scores: pd.DataFrame
    calls: frozenset[str]


def scored_by(
    version: int,
    model: Model,
    worklist: Worklist,
    as_of: datetime,
    frame: pd.DataFrame,
    display: pd.DataFrame,
) -> Scored:
    """What a version says of the accounts of a day. `frame` holds the features it reads."""
    inputs = ScoreInputs(frame, frame, display)
    scores = score_frame(worklist, model, inputs, model.predict(frame))
    listed = rank(scores, worklist, as_of)
    calls = frozenset(listed.loc[listed["within_capacity"], "account"])
    return Scored(version, model, frame, scores, calls)


def today(as_of: datetime, worklist: Worklist, other: Scored, candidate: Scored) -> Today:
    """Hold both against each other; they have the same accounts in the same order."""
    accounts = candidate.scores[list(SHOWN)].copy()
    moves = []
    for target, column in TARGETS.items():
        was, now = other.scores[column].to_numpy(float), candidate.scores[column].to_numpy(float)
        if np.isnan(was).all() or np.isnan(now).all():
            continue
        accounts[f"{column}_v{other.version}"] = was
        accounts[f"{column}_v{candidate.version}"] = now
        moves.append(_moves(target, worklist, other, candidate, was, now))
    calls = other.calls, candidate.calls
    listed = Listed(len(calls[0]), len(calls[1]), len(calls[0] & calls[1]))
    return Today(as_of, tuple(moves), listed, accounts.sort_values("account", ignore_index=True))


def _moves(
    target: str, worklist: Worklist, other: Scored, candidate: Scored, was: Vector, now: Vector
) -> Moves:
    levels = Counter(
        (risk_level(a, worklist) or "low", risk_level(b, worklist) or "low")
        for a, b in zip(was, now, strict=True)
    )
    return Moves(
        target=target,
        mean_other=float(np.mean(was)),
        mean_candidate=float(np.mean(now)),
        correlation=_rank_correlation(was, now),
        levels=dict(levels),
        movers=_movers(target, other, candidate, was, now),
    )


def _rank_correlation(one: Vector, other: Vector) -> float | None:
    """Spearman's: of mean ranks, equals sharing theirs."""
    ranks = [pd.Series(values).rank().to_numpy() for values in (one, other)]
    if any(np.ptp(r) == 0 for r in ranks):
        return None
    return float(np.corrcoef(*ranks)[0, 1])


def _movers(
    target: str, other: Scored, candidate: Scored, was: Vector, now: Vector
) -> tuple[Mover, ...]:
    """Those whose risk moves most, of equal moves by account."""
    accounts = candidate.scores["account"].to_numpy(str)
    order = np.lexsort((accounts, -np.abs(now - was)))
    rows = [int(row) for row in order[:MOVERS] if was[row] != now[row]]
    if not rows:
        return ()
    before, after = (_points(target, side, rows) for side in (other, candidate))
    labels = {d.key: d.label for side in (other, candidate) for d in side.model.drivers}
    found = []
    for place, row in enumerate(rows):
        driver, points = _most(before[place], after[place], now[row] - was[row])
        name = candidate.scores["name"].iloc[row]
        found.append(
            Mover(
                account=str(accounts[row]),
                name=None if pd.isna(name) else str(name),
                other=float(was[row]),
                candidate=float(now[row]),
                driver=labels.get(driver, driver),
                points=100 * points,
            )
        )
    return tuple(found)


def _points(target: str, side: Scored, rows: Sequence[int]) -> list[dict[str, float]]:
    """Points of each driver (in probability) of each of these rows."""
    explanation = explain(side.model, side.frame.iloc[list(rows)].reset_index(drop=True))
    points: Points | None = explanation.risk if target == "detractor" else explanation.churn
    assert points is not None
    return [dict(zip(points.groups, values, strict=True)) for values in points.values]


def _most(
    before: Mapping[str, float], after: Mapping[str, float], move: float
) -> tuple[str, float]:
    """The driver whose points moved most in the direction of the risk."""
    moved = {key: after.get(key, 0.0) - before.get(key, 0.0) for key in {**before, **after}}
    driver = max(moved, key=lambda key: (moved[key] * np.sign(move), key))
    return driver, float(moved[driver])
