"""What an evaluation found, as frozen objects of plain values: all that a report may show.

Shares and probabilities are 0 to 1, NPS is −100 to 100, NPS errors and points are in NPS points,
log loss is in nats a row. None means not defined or not measured.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from npsight.models.bootstrap import Interval
from npsight.models.contest import Standing

Judgement = Literal["better", "no difference", "worse", "not judged"]
Worth = Literal["worth using", "not shown to be worth using", "untested"]


@dataclass(frozen=True)
class Against:
    """The chosen model's log loss beside that of a baseline, over all origins' rows.

    `saved` is the part of the baseline's log loss that the chosen model saves (0.10 is a tenth);
    `gap` is baseline minus chosen, `interval` its bootstrap interval by account.
    """

    baseline: str
    feature: str
    loss: float
    baseline_loss: float
    saved: float
    gap: float
    interval: Interval | None
    judgement: Judgement


@dataclass(frozen=True)
class Verdict:
    """Whether a target's model is worth using, in words, with the figures it rests on."""

    target: str
    title: str
    worth: Worth
    headline: str
    sentences: tuple[str, ...]
    rows: int
    accounts: int
    against: tuple[Against, ...]


@dataclass(frozen=True)
class ListFacts:
    """The list a team can call on one origin, in accounts."""

    origin: str
    calls: int
    accounts: int
    part: float


@dataclass(frozen=True)
class CurvePoint:
    """One group of rows of like risk: predicted and observed share, with a 95 % interval of the
    observed one (Wilson 1927, an account-window taken as one trial).
    """

    contender: str
    predicted: float
    observed: float
    low: float
    high: float
    weight: float


@dataclass(frozen=True)
class GroupRow:
    """Figures of the chosen model on one group of accounts, over all origins' rows.

    `gap` is observed minus predicted, with a 95 % interval clustered by account. The NPS columns
    are None where no NPS is foreseen; `answers` are those the NPS rests on.
    """

    grouping: str
    group: str
    rows: int
    accounts: int
    events: float
    predicted: float
    observed: float
    gap: float
    interval: Interval | None
    auc: float | None
    brier: float
    answers: float | None = None
    nps_observed: float | None = None
    nps_predicted: float | None = None
    nps_error: float | None = None


@dataclass(frozen=True)
class LearningPoint:
    """The newest origin, learned from a part of the history before it (its most recent part)."""

    part: float
    since: str
    rows: int
    events: float
    tested: int
    auc: float | None
    brier: float
    log_loss: float
    interval: Interval | None


@dataclass(frozen=True)
class LearningCurve:
    """`accounts_part` is the part of the accounts learned from, less than 1 where data are many.

    `gap` is the log loss of the second longest history minus that of the longest, with its 95 %
    interval by account; above 0 more history helped.
    """

    origin: str
    by_time: bool
    accounts_part: float
    points: tuple[LearningPoint, ...]
    gap: float
    interval: Interval | None


@dataclass(frozen=True)
class DriverRow:
    """How much a driver moves the displayed number, over the accounts of the newest day.

    `size` is the mean of |points|, `mean` the mean of the points, both in the displayed number's
    unit; `raises` is the share of accounts whose number it raises.
    """

    driver: str
    label: str
    actionable: bool
    size: float
    mean: float
    raises: float
    by_origin: tuple[float, ...]


@dataclass(frozen=True)
class FeatureRow:
    """`size` is the mean |contribution| in log-odds; `direction` the rank correlation between the
    feature's value and its contribution, None for categories.
    """

    feature: str
    label: str
    size: float
    direction: float | None


@dataclass(frozen=True)
class Drivers:
    """Of one displayed number. `stability` is the rank correlation of the drivers' sizes between
    each origin and the next, None where there is one origin or driver.
    """

    target: str
    rows: int
    drivers: tuple[DriverRow, ...]
    origins: tuple[str, ...]
    origin_rows: tuple[int, ...]
    stability: tuple[float, ...]
    features: tuple[FeatureRow, ...]


@dataclass(frozen=True)
class ScoreBin:
    """Accounts of the newest day whose risk lies in `[low, high)`; the last bin has its end."""

    low: float
    high: float
    accounts: int


@dataclass(frozen=True)
class Scores:
    """Risk of every account alive on the newest training day, whether it has an outcome or not."""

    day: str
    accounts: int
    quantiles: dict[str, float]
    levels: dict[str, int]
    bins: tuple[ScoreBin, ...]


@dataclass(frozen=True)
class TargetFound:
    """Everything about one target."""

    name: str
    title: str
    chosen: str
    reason: str
    gain: float
    gain_error: float
    folds: int
    rows: int
    events: float
    others: float
    rule: str | None
    event: str
    lists: tuple[ListFacts, ...]
    standings: tuple[Standing, ...]
    curve: tuple[CurvePoint, ...]
    groups: tuple[GroupRow, ...]
    learning: LearningCurve | None
    drivers: Drivers | None
    scores: Scores


@dataclass(frozen=True)
class NpsRow:
    """Errors of one contender on one origin, or their means over origins ("all").

    `company_error` is |predicted − observed| over everyone who answered, answers weighing alike;
    `segment_error` the root mean square over segments weighing by their answers; `account_error`
    over accounts. All in NPS points.
    """

    origin: str
    contender: str
    accounts: int
    answers: float
    segments: int
    observed: float
    predicted: float
    company_error: float
    segment_error: float | None
    account_error: float


@dataclass(frozen=True)
class CoverageFigure:
    """How often an interval held what was answered later, for sets of one size."""

    level: int
    kind: str
    size: str
    covered: int
    of: int


@dataclass(frozen=True)
class AuditLine:
    """One check of the leakage audit."""

    check: str
    compared: int
    unit: str
    verdict: str
    note: str


@dataclass(frozen=True)
class Facts:
    """What the evaluation was made from. `draws` are the bootstrap's."""

    snapshot: bool
    rows: int
    days: int
    first_day: str
    last_day: str
    accounts: int
    features: int
    seed: int
    draws: int
    level: float
    data_digest: str
    audit_passed: bool
    audit_compared: int


@dataclass(frozen=True)
class Evaluation:
    """The whole. `nps_drivers` is there where NPS is foreseen; `coverage` empty where no interval
    was tested.
    """

    project: str
    verdicts: tuple[Verdict, ...]
    targets: dict[str, TargetFound]
    nps: tuple[NpsRow, ...]
    nps_drivers: Drivers | None
    coverage: tuple[CoverageFigure, ...]
    audit: tuple[AuditLine, ...]
    findings: tuple[str, ...]
    facts: Facts

    def to_json(self) -> dict[str, Any]:
        """Plain values; what is not a number is null."""
        found = _plain(asdict(self))
        assert isinstance(found, dict)
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
