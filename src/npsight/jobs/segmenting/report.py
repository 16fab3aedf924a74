"""What `npsight segments` found, as frozen objects, as JSON, and as flat rows for a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from npsight.config.schema import Benchmark, Goal
from npsight.config.specs import OutcomeWindow
from npsight.jobs.training.association import LossByBand
from npsight.models.forecast import Forecast
from npsight.models.goals import Outlook
from npsight.models.reported import Difference, Reported

COMPANY = "company"
NONE = "(none)"
"""The value of accounts of which none is known."""

TELL_POINTS = 10.0
"""The difference, in NPS points, that `answers_needed` is given for."""


@dataclass(frozen=True)
class PeriodNps:
    """Answers of one period `[start, end)`, as known at as_of."""

    start: datetime
    end: datetime
    reported: Reported


@dataclass(frozen=True)
class DriverShare:
    """A driver's mean points over a segment's accounts, in probability."""

    driver: str
    label: str
    points: float


@dataclass(frozen=True)
class Against:
    """A segment's answers of the last period against those of all other accounts.

    `beyond_chance` holds for all values of the attribute together (Holm); `smallest_telling` is
    the true difference that the present answers would find four times in five, `needed` the
    answers that would find one of 10 points, if those of the others grew likewise.
    """

    difference: Difference
    beyond_chance: bool
    smallest_telling: float
    needed: int


@dataclass(frozen=True)
class Segment:
    """One value of an attribute, or the company.

    Attributes
    ----------
    accounts
        Accounts that exist at as_of.
    now
        Answers in `[as_of − period, as_of)`, of accounts that have left since too.
    next_reported, next_everyone
        Forecasts of the next outcome window, of those expected to answer and of all.
    change
        `next_reported` less `now`. Its error takes the two for independent; where they are not,
        it is rather too large than too small.
    detractor_risk, churn_risk
        Means over accounts.
    revenue
        Sum over accounts whose revenue is known.
    drivers
        Of detractor risk (of churn risk where there is none), the largest first; with
        `base_risk` they add up to the mean risk.
    history
        Whole periods before as_of, oldest first.
    """

    attribute: str
    value: str
    accounts: int
    now: Reported | None = None
    next_reported: Forecast | None = None
    next_everyone: Forecast | None = None
    change: Difference | None = None
    against: Against | None = None
    detractor_risk: float | None = None
    churn_risk: float | None = None
    revenue: float | None = None
    base_risk: float | None = None
    drivers: tuple[DriverShare, ...] = ()
    history: tuple[PeriodNps, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()


@dataclass(frozen=True)
class GoalOutlook:
    """A goal, the window or period it falls into, and how likely it is to be reached.

    `chance` is None where nothing can be said; for a period that is over it is None too, and
    `course` says `reached` or `missed`.
    """

    goal: Goal
    course: str
    chance: float | None
    outlook: Outlook | None
    sentence: str


@dataclass(frozen=True)
class SegmentsReport:
    """All of it. `groups` has one entry for each attribute asked for, in that order; `losses` is
    None where losses or answers are not dated. `churn_by_horizon` is the mean churn risk of all
    accounts within so many days from `as_of + gap` on, where the model has a churn curve.
    """

    project: str
    as_of: datetime
    model_version: int
    period_days: int
    window: OutcomeWindow | None
    company: Segment
    groups: dict[str, tuple[Segment, ...]]
    goals: tuple[GoalOutlook, ...] = ()
    warnings: tuple[str, ...] = ()
    losses: LossByBand | None = None
    churn_by_horizon: tuple[tuple[int, float], ...] = ()

    def segments(self) -> Iterator[Segment]:
        """The company, then every value of every attribute."""
        yield self.company
        for group in self.groups.values():
            yield from group

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and strings; instants are ISO 8601 in UTC."""
        return {
            "project": self.project,
            "as_of": _instant(self.as_of),
            "model_version": self.model_version,
            "period_days": self.period_days,
            "window": None if self.window is None else asdict(self.window),
            "company": segment_json(self.company),
            "groups": {
                name: [segment_json(segment) for segment in group]
                for name, group in self.groups.items()
            },
            "goals": [goal_json(goal) for goal in self.goals],
            "losses_by_band": None if self.losses is None else self.losses.to_json(),
            "churn_by_horizon": [
                {"horizon_days": days, "churn_risk": risk} for days, risk in self.churn_by_horizon
            ],
            "warnings": list(self.warnings),
        }


def segment_json(segment: Segment) -> dict[str, Any]:
    """A segment with everything computed from it written out."""
    return {
        "attribute": segment.attribute,
        "value": segment.value,
        "accounts": segment.accounts,
        "now": None if segment.now is None else reported_json(segment.now),
        "next_reported": _forecast_json(segment.next_reported),
        "next_everyone": _forecast_json(segment.next_everyone),
        "change": _difference_json(segment.change),
        "against_the_rest": _against_json(segment.against),
        "detractor_risk": segment.detractor_risk,
        "churn_risk": segment.churn_risk,
        "revenue": segment.revenue,
        "base_risk": segment.base_risk,
        "drivers": [asdict(driver) for driver in segment.drivers],
        "history": [
            {"start": _instant(p.start), "end": _instant(p.end), **reported_json(p.reported)}
            for p in segment.history
        ],
        "benchmarks": [benchmark.model_dump(mode="json") for benchmark in segment.benchmarks],
    }


def reported_json(found: Reported) -> dict[str, Any]:
    """Counts, NPS, bounds and design effect of some answers."""
    counts = asdict(found)
    bounds = {
        f"{side}_{level}": bound
        for level in (80, 95)
        for side, bound in zip(("low", "high"), found.interval(level), strict=True)
    }
    return {**counts, "nps": found.nps, **bounds}


def goal_json(found: GoalOutlook) -> dict[str, Any]:
    """A goal with its window, its chance and its sentence."""
    ahead = found.outlook
    window = None
    if ahead is not None:
        low, high = ahead.interval(80)
        window = {
            "start": _instant(ahead.start),
            "end": _instant(ahead.end),
            "windows_ahead": ahead.windows_ahead,
            "nps": ahead.nps,
            "low_80": low,
            "high_80": high,
        }
    return {
        **found.goal.model_dump(mode="json"),
        "course": found.course,
        "chance": found.chance,
        "window": window,
        "sentence": found.sentence,
    }


def _forecast_json(forecast: Forecast | None) -> dict[str, Any] | None:
    return None if forecast is None else asdict(forecast)


def _difference_json(found: Difference | None) -> dict[str, Any] | None:
    if found is None:
        return None
    low, high = found.interval(95)
    return {"points": found.points, "low_95": low, "high_95": high, "chance": found.chance}


def _against_json(found: Against | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        **(_difference_json(found.difference) or {}),
        "beyond_chance": found.beyond_chance,
        "smallest_telling_difference": found.smallest_telling,
        "answers_needed_for_10_points": found.needed,
    }


def _instant(value: datetime) -> str:
    return f"{value.isoformat()}Z"


def flat_rows(report: SegmentsReport) -> Iterator[dict[str, Any]]:
    """One row a segment, for a table file; drivers and benchmarks in words."""
    for segment in report.segments():
        content = segment_json(segment)
        row: dict[str, Any] = {
            "as_of": _instant(report.as_of),
            "model_version": report.model_version,
        }
        for key in ("attribute", "value", "accounts"):
            row[key] = content[key]
        for part in ("now", "next_reported", "next_everyone", "change", "against_the_rest"):
            row |= {f"{part}_{k}": v for k, v in (content[part] or {}).items()}
        for key in ("detractor_risk", "churn_risk", "revenue"):
            row[key] = content[key]
        row["drivers"] = "; ".join(f"{d.label} {100 * d.points:+.1f}" for d in segment.drivers)
        row["benchmarks"] = "; ".join(benchmark_words(b) for b in segment.benchmarks)
        yield row


def benchmark_words(benchmark: Benchmark) -> str:
    """Such as `+41 (Some Institute, 2024)`."""
    return f"{benchmark.nps:+g} ({benchmark.source}, {benchmark.year})"
