"""Errors of foreseen NPS for accounts, segments and the company, by contender and origin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from npsight.jobs.evaluations.found import NpsRow
from npsight.jobs.training.outcomes import predicted_nps
from npsight.models.backtest import Origin
from npsight.models.contest import ALL
from npsight.models.logits import Vector

CONTENDERS = ("chosen", "prior", "logistic", "lightgbm", "base rate")


def nps_rows(detractor: Sequence[Origin], promoter: Sequence[Origin]) -> Iterator[NpsRow]:
    """Each contender on each origin; then its means over origins, errors as root mean squares."""
    pairs = [(d, p) for d, p in zip(detractor, promoter, strict=True) if len(d.test)]
    found = [nps_row(d, p, name) for d, p in pairs for name in CONTENDERS]
    yield from found
    if len(pairs) > 1:
        for name in CONTENDERS:
            yield _mean([row for row in found if row.contender == name])


def nps_row(detractor: Origin, promoter: Origin, contender: str) -> NpsRow:
    """One contender on the rows of the detractor origin."""
    frame = detractor.test.frame
    answers = frame["answers"].to_numpy(np.float64)
    seen = 100 * (frame["promoters"] - frame["detractors"]).to_numpy(np.float64) / answers
    nps = predicted_nps(detractor, promoter, contender)
    observed, predicted = (float(np.average(v, weights=answers)) for v in (seen, nps))
    error, segments = _by_segment(frame["segment_"].fillna("").to_numpy(str), nps - seen, answers)
    return NpsRow(
        origin=detractor.label,
        contender=contender,
        accounts=len(frame),
        answers=float(answers.sum()),
        segments=segments,
        observed=observed,
        predicted=predicted,
        company_error=abs(predicted - observed),
        segment_error=error,
        account_error=float(np.sqrt(np.mean((nps - seen) ** 2))),
    )


def _by_segment(segment: Vector, gap: Vector, answers: Vector) -> tuple[float | None, int]:
    """Root mean square, answers weighing alike, of the segments' mean gaps; None for one."""
    names, codes = np.unique(segment, return_inverse=True)
    if len(names) < 2:
        return None, len(names)
    size = np.bincount(codes, weights=answers)
    mean = np.bincount(codes, weights=answers * gap) / size
    return float(np.sqrt(np.average(mean**2, weights=size))), len(names)


def _mean(rows: list[NpsRow]) -> NpsRow:
    segment = [row.segment_error for row in rows if row.segment_error is not None]
    return replace(
        rows[0],
        origin=ALL,
        accounts=sum(row.accounts for row in rows),
        answers=sum(row.answers for row in rows),
        segments=max(row.segments for row in rows),
        observed=float(np.mean([row.observed for row in rows])),
        predicted=float(np.mean([row.predicted for row in rows])),
        company_error=_root([row.company_error for row in rows]),
        segment_error=_root(segment) if segment else None,
        account_error=_root([row.account_error for row in rows]),
    )


def _root(errors: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))
