"""NPS and loss: the newest answer known on each training day beside what the window then held."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from npsight.config.specs import OutcomeWindow
from npsight.errors import NothingToLearnError
from npsight.jobs.building.frames import FeatureBuilder
from npsight.jobs.training.fit import windows
from npsight.jobs.training.trainingdata import training_days
from npsight.models.association import SILENT, Association, BandLoss, Ratio, associate, thirds

KEYS = ["account", "as_of"]
RECENT_DAYS = 365
"""An answer counts for a day in `[as_of − 365, as_of)`; an account without one is silent."""

CAVEAT = (
    "An association, not a cause: what makes a customer unhappy may also make it leave by itself."
)


@dataclass(frozen=True)
class LossByBand:
    """The association of a project, with what it was made of.

    `within` are the attributes that strata hold fixed; `days` the training days, `first` to
    `last`; `window` the outcome window of the losses.
    """

    found: Association
    window: OutcomeWindow
    days: int
    first: datetime
    last: datetime
    within: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, in plain words; the last one says what it is not."""
        return (*_sentences(self), CAVEAT)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and strings; an infinite bound is null."""
        found = self.found
        return {
            "verdict": found.verdict,
            "reason": found.reason,
            "bands": [asdict(band) for band in found.bands],
            "risk_ratio": _ratio_json(found.raw),
            "risk_ratio_adjusted": _ratio_json(found.adjusted),
            "within": list(self.within),
            "strata": found.strata,
            "window": asdict(self.window),
            "days": self.days,
            "first": f"{self.first.isoformat()}Z",
            "last": f"{self.last.isoformat()}Z",
            "sentences": list(self.sentences),
        }


def association(builder: FeatureBuilder, as_of: datetime | None = None) -> LossByBand | None:
    """Losses by the band of the newest answer, over the training days.

    Each day is seen as it was: the answer with `occurred_at < day` and `known_at < day`, not older
    than a year, segment and age of the account on the day. The loss is looked for in
    `[day + gap, day + gap + horizon)`. With `as_of`, only windows that had ended by then
    (`day + gap + horizon <= as_of`), and losses known before it.

    None where the project has no dated loss, no answers, or no window has ended.
    """
    project, facts = builder.project, builder.facts
    target = project.churn
    if target is None or project.is_snapshot or "responses" not in facts.sources:
        return None
    try:
        days = training_days(builder)
    except NothingToLearnError:
        return None
    window = windows(project)["churn"]
    spine = builder.spine(days)
    rows = builder.churn(spine, target, window).merge(builder.standing(spine), on=KEYS)
    if as_of is not None:
        rows = rows[_known(rows, window, as_of)]
    found = associate(
        np.asarray(rows["account"], dtype=object),
        band_of(rows),
        rows["churned"].to_numpy(np.float64),
        np.asarray(_stratum(rows)),
        seed=project.training.seed,
    )
    if found is None:
        return None
    seen = rows["as_of"]
    within = (*([project.segment] if project.segment else []), "time as customer")
    first, last = seen.min().to_pydatetime(), seen.max().to_pydatetime()
    return LossByBand(found, window, int(seen.nunique()), first, last, within)


def band_of(rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    """`last_band` where the answer is recent enough: `as_of − 365 days <= last_answer_at`."""
    recent = rows["last_answer_at"] >= rows["as_of"] - timedelta(days=RECENT_DAYS)
    return np.where(recent, rows["last_band"].astype(object), SILENT).astype(object)


def _known(rows: pd.DataFrame, window: OutcomeWindow, as_of: datetime) -> pd.Series:
    ended = rows["as_of"] + window.end <= as_of
    return ended & ~(rows["label_known_at"] >= as_of)


def _stratum(rows: pd.DataFrame) -> list[str]:
    third = thirds(rows["age_days"].to_numpy(np.float64))
    return [f"{part} {segment}" for part, segment in zip(third, rows["segment"], strict=True)]


def _sentences(told: LossByBand) -> list[str]:
    found = told.found
    bad, good = found.band("detractor"), found.band("promoter")
    lines = [f"{_share(bad)}, {_share(good)}."]
    if found.reason or found.raw is None or found.adjusted is None:
        lines.append(f"Whether detractors leave more often cannot be told: {found.reason}.")
        return lines
    like = " and ".join(told.within)
    ratio = f"{_times(found.raw)} as often; among accounts of like {like} {_times(found.adjusted)}"
    if found.verdict == "cannot tell":
        lines.append(
            f"Detractors were lost {ratio}: that range holds 1, so whether they leave more often "
            "cannot be told."
        )
    else:
        lines.append(f"Detractors were lost {ratio}.")
    return lines


def _share(band: BandLoss) -> str:
    return (
        f"{band.share:.1%} of {band.band}s ({band.accounts:,} accounts, 95 %: {band.low_95:.1%} to "
        f"{band.high_95:.1%}) were lost"
    )


def _times(ratio: Ratio) -> str:
    high = f"{ratio.high_95:.1f}" if isfinite(ratio.high_95) else "any number"
    return f"{ratio.value:.1f} times (95 %: {ratio.low_95:.1f} to {high})"


def _ratio_json(ratio: Ratio | None) -> dict[str, float | None] | None:
    if ratio is None:
        return None
    return {k: v if isfinite(v) else None for k, v in asdict(ratio).items()}
