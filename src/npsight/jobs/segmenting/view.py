"""Predicted accounts and their answers -> NPS now and next by attribute, and the goals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from npsight.config.schema import Benchmark
from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.drivers.explain import Explanation
from npsight.jobs.segmenting.goals import goal_outlook
from npsight.jobs.segmenting.inputs import SegmentInputs
from npsight.jobs.segmenting.report import (
    COMPANY,
    TELL_POINTS,
    Against,
    DriverShare,
    GoalOutlook,
    PeriodNps,
    Segment,
    SegmentsReport,
)
from npsight.models.forecast import Forecast, Version, level_forecast, segment_forecast
from npsight.models.logits import Vector
from npsight.models.model import Model, Predictions
from npsight.models.reported import (
    Difference,
    Reported,
    answers_needed,
    beyond_chance,
    difference,
    reported,
    smallest_telling_difference,
)

Mask = NDArray[np.bool_]
COUNTS = ("answers", "detractors", "promoters")


def names_needed(project: ProjectSpec, names: Sequence[str]) -> list[str]:
    """These attributes, and those that goals speak of."""
    return list(dict.fromkeys([*names, *(g.attribute for g in project.goals if g.attribute)]))


def report_of(
    project: ProjectSpec,
    version: int,
    model: Model,
    inputs: SegmentInputs,
    predicted: Predictions,
    explanation: Explanation,
    names: Sequence[str],
) -> SegmentsReport:
    """The company and the values of these attributes; `inputs` are grouped by `names_needed`."""
    view = SegmentView(project, model, inputs, predicted, explanation)
    window = model.windows.get("detractor")
    return SegmentsReport(
        project=project.name,
        as_of=inputs.as_of,
        model_version=version,
        period_days=project.training.period_days,
        window=window,
        company=view.company(),
        groups={name: view.group(name) for name in names},
        warnings=tuple(_unknown_values(project, inputs)),
        churn_by_horizon=view.churn_by_horizon(),
        goals=_goals(project, view, inputs, window),
    )


def _goals(
    project: ProjectSpec, view: SegmentView, inputs: SegmentInputs, window: OutcomeWindow | None
) -> tuple[GoalOutlook, ...]:
    found = []
    for goal in project.goals:
        rows, answers = view.where(goal.attribute, goal.value)
        history = view.history(answers)
        forecast = view.forecast(rows, goal.version)
        found.append(
            goal_outlook(
                goal, forecast, history, inputs.as_of, window, project.training.period_days
            )
        )
    return tuple(found)


def _unknown_values(project: ProjectSpec, inputs: SegmentInputs) -> list[str]:
    """Goals and benchmarks of a value that no account has: probably misspelt."""
    found = []
    written = [("goals", i, g.attribute, g.value) for i, g in enumerate(project.goals)]
    written += [("benchmarks", i, b.attribute, b.value) for i, b in enumerate(project.benchmarks)]
    for section, index, attribute, value in written:
        if attribute in inputs.groups and not (inputs.groups[attribute] == value).any():
            known = ", ".join(sorted(inputs.groups[attribute].unique())[:8])
            found.append(
                f"{section}[{index}]: no account has {attribute} = {value}; there are: {known}"
            )
    return found


def expected_answers(model: Model, inputs: SegmentInputs, version: Version) -> Vector:
    """Answers expected of every account in the next window; one of each if everyone answered."""
    if version == "everyone" or model.response is None:
        return np.ones(len(inputs.now))
    return model.response.answers(inputs.now)


class SegmentView:
    """The accounts as the model sees them, and their answers, by any selection."""

    def __init__(
        self,
        project: ProjectSpec,
        model: Model,
        inputs: SegmentInputs,
        predicted: Predictions,
        explanation: Explanation,
    ) -> None:
        self._project, self._model, self._inputs = project, model, inputs
        self._predicted = predicted
        answers = inputs.answers
        self._inside = {end: np.flatnonzero(answers["as_of"] == end) for end in inputs.ends}
        self._counts = [answers[name].to_numpy(np.float64) for name in COUNTS]
        self._points = explanation.risk or explanation.churn
        self._labels = {driver.key: driver.label for driver in model.drivers}

    def company(self) -> Segment:
        """All accounts."""
        return self._segment("", COMPANY, *self.where(None, None))

    def group(self, name: str) -> tuple[Segment, ...]:
        """A segment for each value of an attribute, the lowest coming NPS first (the highest
        churn risk where no NPS is foreseen).
        """
        inputs = self._inputs
        values = sorted({*inputs.groups[name], *inputs.answer_groups[name]})
        found = [self._segment(name, value, *self.where(name, value)) for value in values]
        compared = self._compared(name, found)
        return tuple(sorted(compared, key=_worst_first))

    def where(self, name: str | None, value: str | None) -> tuple[Mask, Mask]:
        """The accounts, and the rows of answers, with this value; of everyone without a name."""
        if name is None:
            return np.ones(len(self._inputs.now), bool), np.ones(len(self._inputs.answers), bool)
        return (
            np.asarray(self._inputs.groups[name] == value, dtype=bool),
            np.asarray(self._inputs.answer_groups[name] == value, dtype=bool),
        )

    def history(self, answers: Mask) -> tuple[PeriodNps, ...]:
        """NPS of every whole period, oldest first."""
        length = timedelta(days=self._project.training.period_days)
        return tuple(
            PeriodNps(end - length, end, self._reported(answers, end)) for end in self._inputs.ends
        )

    def forecast(self, rows: Mask, version: Version) -> Forecast | None:
        """NPS of the next window; None where the model foresees none."""
        spread, predicted = self._model.spread, self._predicted
        if spread is None or predicted.detractor is None or predicted.promoter is None:
            return None
        if version == "everyone":
            return level_forecast(spread, predicted.detractor, predicted.promoter, rows)
        expected = expected_answers(self._model, self._inputs, version)
        return segment_forecast(spread, predicted.detractor, predicted.promoter, expected, rows)

    def churn_by_horizon(self) -> tuple[tuple[int, float], ...]:
        """(days, mean risk) at each end of the model's churn curve; nothing without one."""
        curve, risk = self._model.churn_curve, self._predicted.churn
        if curve is None or risk is None:
            return ()
        return tuple((d, float(curve.probability(risk, d).mean())) for d in curve.horizon_days)

    def _segment(self, name: str, value: str, rows: Mask, answers: Mask) -> Segment:
        history = self.history(answers)
        now = history[-1].reported if history else None
        next_reported = self.forecast(rows, "reported")
        return Segment(
            attribute=name,
            value=value,
            accounts=int(rows.sum()),
            now=now,
            next_reported=next_reported,
            next_everyone=self.forecast(rows, "everyone"),
            change=_change(next_reported, now),
            detractor_risk=_mean(self._predicted.detractor, rows),
            churn_risk=_mean(self._predicted.churn, rows),
            revenue=_sum(self._inputs.revenue, rows),
            base_risk=None if self._points is None else self._points.base,
            drivers=self._drivers(rows),
            history=history,
            benchmarks=self._benchmarks(name, value),
        )

    def _compared(self, name: str, found: list[Segment]) -> list[Segment]:
        """Each with its difference from all other accounts in the last period."""
        if not self._inputs.ends:
            return found
        rests = [
            self._reported(~self.where(name, segment.value)[1], self._inputs.ends[-1])
            for segment in found
        ]
        pairs = [(s.now, rest) for s, rest in zip(found, rests, strict=True) if s.now is not None]
        differences = [difference(now, rest) for now, rest in pairs]
        sure = beyond_chance([None if d is None else d.chance for d in differences])
        return [
            replace(segment, against=_against(pair, apart, certain))
            for segment, pair, apart, certain in zip(found, pairs, differences, sure, strict=True)
        ]

    def _reported(self, rows: Mask, end: datetime) -> Reported:
        inside = self._inside[end]
        mine = inside[rows[inside]]
        return reported(*(counts[mine] for counts in self._counts))

    def _drivers(self, rows: Mask) -> tuple[DriverShare, ...]:
        if self._points is None or not rows.any():
            return ()
        means = self._points.values[rows].mean(axis=0)
        shares = [
            DriverShare(group, self._labels.get(group, group), float(mean))
            for group, mean in zip(self._points.groups, means, strict=True)
        ]
        return tuple(sorted(shares, key=lambda share: (-abs(share.points), share.driver)))

    def _benchmarks(self, name: str, value: str) -> tuple[Benchmark, ...]:
        mine = (name, value)
        return tuple(b for b in self._project.benchmarks if (b.attribute, b.value) == mine)


def _against(
    pair: tuple[Reported, Reported], apart: Difference | None, certain: bool | None
) -> Against | None:
    smallest = smallest_telling_difference(*pair)
    needed = answers_needed(*pair, TELL_POINTS)
    if apart is None or smallest is None or needed is None:
        return None
    return Against(apart, bool(certain), smallest, needed)


def _change(forecast: Forecast | None, now: Reported | None) -> Difference | None:
    if forecast is None or now is None or now.answers == 0:
        return None
    return Difference(forecast.nps - now.level, sqrt(forecast.error**2 + now.variance))


def _worst_first(segment: Segment) -> tuple[float, float, str]:
    coming = segment.next_reported.nps if segment.next_reported else 1000.0
    return coming, -(segment.churn_risk or 0.0), segment.value


def _mean(values: Vector | None, rows: Mask) -> float | None:
    return None if values is None or not rows.any() else float(values[rows].mean())


def _sum(values: Vector, rows: Mask) -> float | None:
    known = values[rows & ~np.isnan(values)]
    return float(known.sum()) if len(known) else None
