"""How a contact's answer comes from the account's satisfaction: an ordered probit.

    answer = LOADING * s(t) + contact effect + noise,   noise ~ N(0, 1)

and the score 0-10 is the number of CUTS below it. The score does not depend on who answers
beyond the contact effect, which is independent of everything else.
"""

import numpy as np

from npsight.simulate.arrays import Bools, Floats, Ints, normal_cdf

__all__ = ["CONTACT_SD", "account_bands", "draw_scores"]

LOADING = 1.30
CONTACT_SD = 0.20
CUTS = np.array([-4.15, -3.65, -3.25, -2.85, -2.45, -1.8, -1.12, -0.42, 0.47, 1.42])
_PROMOTER_CUT = CUTS[8]
_DETRACTOR_CUT = CUTS[6]


def draw_scores(rng: np.random.Generator, satisfaction: Floats, contact_effect: Floats) -> Ints:
    """Draw scores 0-10, one per element."""
    answer = LOADING * satisfaction + contact_effect + rng.standard_normal(len(satisfaction))
    return np.searchsorted(CUTS, answer).astype(np.int64)


def account_bands(
    satisfaction: Floats, variance: Floats, contact_effect: Floats, present: Bools
) -> tuple[Floats, Floats]:
    """Return P(detractor) and P(promoter), averaged over the contacts that are present.

    Parameters
    ----------
    satisfaction : Floats
        Mean of satisfaction; any shape.
    variance : Floats
        Its variance, broadcastable to `satisfaction`; 0 where it is known. The normal
        expectation of a probit is a probit, so no quadrature is needed here.
    contact_effect, present : Floats, Bools
        Shape of `satisfaction` (or broadcastable) plus a last axis of contacts.
    """
    scale = 1.0 / np.sqrt(1.0 + LOADING**2 * variance)
    detractor, promoter = np.zeros_like(satisfaction), np.zeros_like(satisfaction)
    for contact in range(contact_effect.shape[-1]):
        here = present[..., contact]
        centre = LOADING * satisfaction + contact_effect[..., contact]
        detractor += here * normal_cdf((_DETRACTOR_CUT - centre) * scale)
        promoter += here * normal_cdf((centre - _PROMOTER_CUT) * scale)
    number = np.maximum(present.sum(axis=-1), 1)
    return detractor / number, promoter / number
