"""Who will answer: its backtest and final fit, and what all parts together forecast for NPS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from npsight.jobs.training.outcomes import PartResult
from npsight.models.backtest import Origin, backtest
from npsight.models.examples import Examples
from npsight.models.fitting import FitSettings, fit_part
from npsight.models.npsday import NpsDay
from npsight.models.response import ResponseModel, response_model, sampled
from npsight.models.skill import skill_of

ORIGIN_ROWS = 6_000
"""Rows that the response model of an origin is fitted on; the final one gets more."""


@dataclass(frozen=True)
class ResponseResult(PartResult):
    """As of any part, and the counts: `models` has one model for each origin, `model` is final."""

    models: tuple[ResponseModel, ...]
    model: ResponseModel


def fit_response(
    rows: Examples, days: Sequence[str], settings: FitSettings
) -> ResponseResult | None:
    """Backtest at `days` (ISO dates) and final fit, on some of the accounts where there are many.

    None where there are too few answers or too few silences to learn from.
    """
    some = sampled(rows, ORIGIN_ROWS)
    origins: list[Origin] = []
    models: list[ResponseModel] = []
    for label in days:
        day = np.datetime64(label, "us")
        past = some.known_before(day)
        if not past.can_be_learned(1):
            return None
        found = backtest("response", [(label, (past, rows.between(day, day)))], settings, None)
        origins += found
        models.append(response_model(found[0].fitted.chosen, past))
    final = sampled(rows)
    if not final.can_be_learned(settings.min_events):
        return None
    fitted = fit_part("response", final, settings)
    model = response_model(fitted.chosen, final)
    return ResponseResult(
        name="response",
        examples=rows,
        origins=tuple(origins),
        fitted=fitted,
        rule=None,
        skill=skill_of(origins),
        models=tuple(models),
        model=model,
    )


def forecast_days(
    parts: Mapping[str, PartResult], response: ResponseResult | None
) -> Iterator[NpsDay]:
    """What each origin's models forecast from their day on to the next origin's.

    Days of one origin share its weight of 1, since their windows overlap. Without a response
    model the accounts that answered are taken as those that were expected to.
    """
    detractor, promoter = parts["detractor"].origins, parts["promoter"].origins
    rows = parts["detractor"].examples if response is None else response.examples
    labels = [np.datetime64(origin.label, "us") for origin in detractor]
    for k, (d, p) in enumerate(zip(detractor, promoter, strict=True)):
        until = labels[k + 1] if k + 1 < len(labels) else rows.as_of.max() + np.timedelta64(1, "us")
        within = (rows.as_of >= labels[k]) & (rows.as_of < until)
        as_ofs = np.unique(rows.as_of[within])
        for as_of in as_ofs:
            day = rows.between(as_of, as_of)
            yield _day(d, p, response.models[k] if response else None, day, 1.0 / len(as_ofs))


def _day(
    detractor: Origin,
    promoter: Origin,
    response: ResponseModel | None,
    day: Examples,
    weight: float,
) -> NpsDay:
    frame = day.frame
    risk = detractor.fitted.chosen.probability(frame)
    answers = frame["answers"].to_numpy(np.float64)
    return NpsDay(
        origin=detractor.label,
        as_of=day.as_of[0],
        weight=weight,
        detractor=risk,
        promoter=(1 - risk) * promoter.fitted.chosen.probability(frame),
        expected=answers if response is None else response.answers(frame),
        answers=answers,
        detractors=frame["detractors"].to_numpy(np.float64),
        promoters=frame["promoters"].to_numpy(np.float64),
        segment=frame["segment_"].fillna("").to_numpy(str),
        account=frame["account"].to_numpy(str),
    )
