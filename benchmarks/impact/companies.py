"""One simulated company: its true effects, and what would have been estimated of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from npsight.models.doubly_robust import Observed, doubly_robust
from npsight.models.impact import Effect, Trial, call_effect, intention_effect
from npsight.simulate.calls import CallSettings, CallStudy, simulate_calls

EFFECT, NOTHING, ANSWERING = "calls help", "calls change nothing", "called people answer more"
WORLDS = {
    EFFECT: CallSettings(),
    NOTHING: CallSettings(lift=0.0),
    ANSWERING: CallSettings(answering=0.7),
}


@dataclass(frozen=True)
class Found:
    """A true effect on P(detractor) and its estimate; None where none was given."""

    seed: int
    what: str
    truth: float
    effect: Effect | None

    @property
    def held(self) -> bool:
        """Whether the truth lies in the interval; an interval without bounds holds all."""
        return self.effect is None or self.effect.low <= self.truth <= self.effect.high


def measure(world: str, accounts: int, seed: int) -> list[Found]:
    """One company of a world."""
    settings = replace(WORLDS[world], accounts=accounts, seed=seed)
    return company(settings, observational=world != ANSWERING)


def company(settings: CallSettings, observational: bool) -> list[Found]:
    """Estimates from its hold-out; then, of the same company without one, from who was called."""
    study = simulate_calls(settings)
    trial, seed = trial_of(study), settings.seed
    found = [
        Found(seed, "being on the list", study.true_intention_effect(), intention_effect(trial)),
        Found(seed, "a call", study.true_call_effect(), call_effect(trial)),
    ]
    if observational:
        without = simulate_calls(replace(settings, hold_out=0.0))
        estimate = doubly_robust(observed(without))
        effect = None if estimate is None else estimate.effect
        found.append(Found(seed, "a call, no hold-out", without.true_mean_effect(), effect))
    return found


def trial_of(study: CallStudy) -> Trial:
    """Its answered enrolments."""
    rows = study.answered
    return Trial(
        study.called[rows],
        study.hold_out_prob[rows],
        study.contacted[rows],
        study.detractor[rows],
        study.risk[rows],
        study.account[rows],
    )


def observed(study: CallStudy) -> Observed:
    """The same with all that the store knows of them, and no word of the coin."""
    rows = study.answered
    risk = np.clip(study.risk, 1e-6, 1 - 1e-6)
    covariates = np.column_stack([np.log(risk / (1 - risk)), np.log(study.revenue), study.number])
    return Observed(
        covariates[rows], study.contacted[rows], study.detractor[rows], study.account[rows]
    )
