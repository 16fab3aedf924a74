"""The model card on NPS: its errors, its intervals and how often they held, and who answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from npsight.models.backtest import mean_quality
from npsight.models.coverage import CoverageRow
from npsight.models.intervals import LEVELS, NpsSpread

if TYPE_CHECKING:
    from npsight.jobs.training.fit import Fitted
    from npsight.jobs.training.responding import ResponseResult

RESPONSE_CONTENDERS = ("chosen", "prior", "base rate")


def nps_lines(fitted: Fitted) -> Iterator[str]:
    """Errors by origin and contender, what intervals are made of, and their coverage."""
    yield "Errors in NPS points, on the accounts that answered."
    yield ""
    yield "| origin | model | observed | predicted | company error | account RMSE |"
    yield "|---|---|---:|---:|---:|---:|"
    for origin, errors in zip(fitted.parts["detractor"].origins, fitted.nps, strict=True):
        for contender, error in errors.items():
            yield (
                f"| {origin.label} | {contender} | {error.observed:+.1f} | "
                f"{error.predicted:+.1f} | {error.company:.1f} | {error.account:.1f} |"
            )
    if fitted.model.spread is not None:
        yield ""
        yield spread_line(fitted.model.spread)
    yield ""
    yield from coverage_lines(fitted.coverage)


def spread_line(spread: NpsSpread) -> str:
    """What intervals are made of, in one sentence."""
    return (
        f"Intervals are made of: common error of a period {spread.period:.1f} points (root mean "
        f"square of what is possible), of a segment within it {spread.segment:.1f}, spread of an "
        f"account's true NPS around its prediction up to {spread.account:.0f}, and the chance in "
        "the answers that are expected."
    )


def coverage_lines(rows: Sequence[CoverageRow]) -> Iterator[str]:
    """How often the reported NPS lay in its interval, by size."""
    if not rows:
        yield "Too few origins to check the intervals: they rest on what is usual."
        return
    yield (
        "How often the NPS that a window's survey reported lay within its interval, made with the "
        "errors of the other origins:"
    )
    yield ""
    yield f"| NPS of | size | {' | '.join(f'{level} % interval' for level in LEVELS)} |"
    yield f"|---|---|{'---:|' * len(LEVELS)}"
    by_key = {(row.kind, row.size, row.level): row for row in rows}
    for kind, size in dict.fromkeys((row.kind, row.size) for row in rows):
        held = [by_key[kind, size, level] for level in LEVELS]
        told = (f"{row.covered} of {row.of} ({row.covered / row.of:.0%})" for row in held)
        yield f"| {kind} | {size} | {' | '.join(told)} |"


def response_lines(response: ResponseResult) -> Iterator[str]:
    """Who answers: figures out of time, and how far the expected totals were off."""
    share = float(response.examples.share.mean())
    yield (
        f"Chance that an account answers at all in its outcome window ({share:.0%} of "
        f"{len(response.examples):,} account-days did). It weighs accounts in the NPS *as the "
        "survey will report it*, and is no target of its own."
    )
    yield ""
    yield "| origin | model | accounts | AUC | log loss | ECE | expected answers | given |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for origin, model in zip(response.origins, response.models, strict=True):
        expected = float(model.answers(origin.test.frame).sum())
        given = int(origin.test.frame["answers"].sum())
        for contender in RESPONSE_CONTENDERS:
            figures = origin.quality.get(contender)
            if figures is None:
                continue
            auc = "n/a" if figures.auc is None else f"{figures.auc:.3f}"
            totals = f"{expected:,.0f} | {given:,}" if contender == "chosen" else " | "
            yield (
                f"| {origin.label} | {contender} | {figures.rows} | {auc} | "
                f"{figures.log_loss:.4f} | {figures.calibration_error:.3f} | {totals} |"
            )


def response_metrics(response: ResponseResult) -> dict[str, float]:
    """Figures for MLflow: means over origins of the chosen model."""
    figures = mean_quality(response.origins, "chosen")
    if figures is None:
        return {}
    found = {
        "response_log_loss": figures.log_loss,
        "response_calibration_error": figures.calibration_error,
    }
    return found if figures.auc is None else found | {"response_auc": figures.auc}


def coverage_metrics(rows: Sequence[CoverageRow]) -> dict[str, float]:
    """Share of intervals that held, by kind and level, whatever their size."""
    found = {}
    for level in LEVELS:
        for kind in ("company", "segment", "account"):
            some = [row for row in rows if (row.kind, row.level) == (kind, level)]
            if some:
                held = sum(row.covered for row in some) / sum(row.of for row in some)
                found[f"coverage_{kind}_{level}"] = held
    return found
