"""Out-of-time predictions and the answers they foresaw -> effects of who was asked, and where."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from npsight.jobs.training.fit import Fitted
from npsight.models.mix import mix_effects

KEYS = ["account", "as_of"]


def with_mix(fitted: Fitted, answers: pd.DataFrame | None) -> Fitted:
    """The same with `mix`: effects on the answers in the outcome windows of the origins.

    `answers` is as `FeatureBuilder.answer_rows` gives it, or None where neither touchpoint nor
    role nor seniority is known.
    """
    detractor = fitted.parts.get("detractor")
    if answers is None or detractor is None or not detractor.origins:
        return fitted
    foreseen = pd.concat(
        origin.test.frame[KEYS].assign(predicted=origin.predicted["chosen"])
        for origin in detractor.origins
    )
    joined = answers.merge(foreseen, on=KEYS, how="inner", validate="many_to_one")
    return replace(fitted, mix=mix_effects(joined))
