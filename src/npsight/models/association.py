"""Are detractors lost more often than promoters, and how much more? An association, no cause.

A row is an account on a day: the band of its newest answer, and whether it was lost in the outcome
window. The risk ratio is the share lost among detractors over that among promoters. *Adjusted*, it
is the Mantel-Haenszel ratio (Mantel & Haenszel 1959; for risks Rothman, Greenland & Lash 2008,
ch. 15) over strata s of a like segment and time as customer,

    RR = Σ a_s·m_s / N_s  ÷  Σ c_s·n_s / N_s,

with a of n detractors and c of m promoters lost, N = n + m. One account stands in many rows and
windows overlap, so intervals come from a bootstrap that draws whole accounts (percentiles).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, isinf, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from npsight.models.intervals import Z
from npsight.models.logits import Vector
from npsight.models.reported import design_effect

SILENT = "silent"
BANDS = ("detractor", "passive", "promoter", SILENT)
DRAWS = 1000
AT_ONCE = 100
LEAST_ACCOUNTS = 20
LEAST_LOST = 10
Verdict = Literal["more", "less", "cannot tell"]


@dataclass(frozen=True)
class BandLoss:
    """Losses among rows of one band: `accounts` of them, on `rows` account-days.

    The bounds are 95 % of Agresti & Coull 1998, with rows divided by the design effect.
    """

    band: str
    accounts: int
    rows: int
    lost: int
    lost_accounts: int
    share: float
    low_95: float
    high_95: float


@dataclass(frozen=True)
class Ratio:
    """A risk ratio with its 95 % interval; bounds may be infinite."""

    value: float
    low_95: float
    high_95: float

    @property
    def verdict(self) -> Verdict:
        """`cannot tell` where the interval holds 1."""
        if self.low_95 > 1:
            return "more"
        return "less" if self.high_95 < 1 else "cannot tell"


@dataclass(frozen=True)
class Association:
    """What was found. `raw` and `adjusted` are None where the groups are too small or a ratio is
    not defined; `reason` then says why. The verdict is that of the adjusted ratio.
    """

    bands: tuple[BandLoss, ...]
    raw: Ratio | None
    adjusted: Ratio | None
    strata: int
    reason: str = ""

    @property
    def verdict(self) -> Verdict:
        """Whether detractors are lost more often, less often, or it cannot be told."""
        return self.adjusted.verdict if self.adjusted is not None else "cannot tell"

    def band(self, name: str) -> BandLoss:
        """The losses of one band."""
        return next(b for b in self.bands if b.band == name)


def associate(
    account: NDArray[Any],
    band: NDArray[Any],
    lost: Vector,
    stratum: NDArray[Any],
    seed: int = 0,
    draws: int = DRAWS,
) -> Association | None:
    """Of rows, each array of shape (rows,); None without any row.

    Parameters
    ----------
    account
        Whose row it is.
    band
        `detractor`, `passive`, `promoter`, or `silent` where no answer is recent enough.
    lost
        1 where the account was lost in the window, else 0.
    stratum
        Rows that are compared with each other for the adjusted ratio.
    """
    if len(account) == 0:
        return None
    counts = _counts(account, band, lost, stratum)
    bands = tuple(_band_loss(name, counts[:, :, place]) for place, name in enumerate(BANDS))
    reason = _too_few(bands)
    strata = counts.shape[1]
    if reason:
        return Association(bands, None, None, strata, reason)
    # Detractors and promoters only: the other two bands take no part in the ratio.
    pair = counts[:, :, [0, 2]]
    found = _ratios(pair.sum(axis=0)[None])
    drawn = _bootstrap(pair, seed, draws)
    raw, adjusted = (_ratio(float(f[0]), d) for f, d in zip(found, drawn, strict=True))
    if adjusted is None:
        reason = _undefined(float(found[1][0]))
    return Association(bands, raw, adjusted, strata, reason)


def thirds(values: Vector) -> NDArray[np.int64]:
    """0, 1 or 2 by where a value lies among all; missing ones are in a part of their own, 3."""
    known = ~np.isnan(values)
    parts = np.full(len(values), 3, dtype=np.int64)
    if known.any():
        edges = np.quantile(values[known], [1 / 3, 2 / 3], method="inverted_cdf")
        parts[known] = np.searchsorted(edges, values[known], side="left")
    return parts


def _counts(
    account: NDArray[Any], band: NDArray[Any], lost: Vector, stratum: NDArray[Any]
) -> Vector:
    """Shape (accounts, strata, bands, 2): rows, and rows lost."""
    accounts, which = np.unique(account, return_inverse=True)
    strata, layer = np.unique(stratum, return_inverse=True)
    place = np.select([band == name for name in BANDS], range(len(BANDS)))
    flat = (which * len(strata) + layer) * len(BANDS) + place
    size = len(accounts) * len(strata) * len(BANDS)
    rows = np.bincount(flat, minlength=size).astype(np.float64)
    gone = np.bincount(flat, weights=lost, minlength=size)
    return np.stack([rows, gone], axis=-1).reshape(len(accounts), len(strata), len(BANDS), 2)


def _band_loss(name: str, counts: Vector) -> BandLoss:
    """`counts` has shape (accounts, strata, 2)."""
    rows, lost = counts.sum(axis=1).T
    some = rows > 0
    rows, lost = rows[some], lost[some]
    total, gone = float(rows.sum()), float(lost.sum())
    low, high = _agresti_coull(gone, total, design_effect(rows, rows - lost, lost))
    return BandLoss(
        band=name,
        accounts=int(some.sum()),
        rows=int(total),
        lost=int(gone),
        lost_accounts=int((lost > 0).sum()),
        share=gone / total if total else 0.0,
        low_95=low,
        high_95=high,
    )


def _agresti_coull(events: float, total: float, design: float) -> tuple[float, float]:
    z = Z[95]
    size = total / design + z**2
    middle = (events / design + z**2 / 2) / size
    half = z * sqrt(middle * (1 - middle) / size)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _too_few(bands: Sequence[BandLoss]) -> str:
    compared = [b for b in bands if b.band in ("detractor", "promoter")]
    few = [b for b in compared if b.accounts < LEAST_ACCOUNTS]
    if few:
        said = " and ".join(f"{b.accounts} accounts were {b.band}s" for b in few)
        return f"only {said}; at least {LEAST_ACCOUNTS} of each are asked for"
    lost = sum(b.lost_accounts for b in compared)
    if lost < LEAST_LOST:
        return f"only {lost} of them were lost; at least {LEAST_LOST} are asked for"
    return ""


def _undefined(ratio: float) -> str:
    if isinf(ratio):
        return "no promoter was lost, so there is no ratio"
    return "no detractor and promoter of a like segment and time as customer can be compared"


def _ratios(counts: Vector) -> tuple[Vector, Vector]:
    """Raw and Mantel-Haenszel ratios of counts of shape (draws, strata, 2 bands, 2); NaN where
    nothing can be compared.
    """
    raw = _divided(*_parts(counts.sum(axis=1, keepdims=True)))
    return raw, _divided(*_parts(counts))


def _parts(counts: Vector) -> tuple[Vector, Vector]:
    """The sums above and below the ratio, by draw."""
    n, a = counts[:, :, 0, 0], counts[:, :, 0, 1]
    m, c = counts[:, :, 1, 0], counts[:, :, 1, 1]
    both = n + m
    share = np.divide(1.0, both, out=np.zeros_like(both), where=both > 0)
    return (a * m * share).sum(axis=1), (c * n * share).sum(axis=1)


def _divided(above: Vector, below: Vector) -> Vector:
    result = np.full(len(above), np.nan)
    result[(below == 0) & (above > 0)] = np.inf
    np.divide(above, below, out=result, where=below > 0)
    return result


def _bootstrap(pair: Vector, seed: int, draws: int) -> tuple[Vector, Vector]:
    """Ratios of `draws` samples of as many accounts, drawn with replacement."""
    rng = np.random.default_rng(seed)
    accounts = len(pair)
    flat = pair.reshape(accounts, -1)
    chances = np.full(accounts, 1.0 / accounts)
    raw, adjusted = [], []
    for start in range(0, draws, AT_ONCE):
        some = min(AT_ONCE, draws - start)
        weights = rng.multinomial(accounts, chances, size=some).astype(np.float64)
        found = _ratios((weights @ flat).reshape(some, *pair.shape[1:]))
        raw.append(found[0])
        adjusted.append(found[1])
    return np.concatenate(raw), np.concatenate(adjusted)


def _ratio(value: float, drawn: Vector) -> Ratio | None:
    """Samples in which nothing can be compared are left out; None where that is the data's case."""
    known = drawn[~np.isnan(drawn)]
    if not isfinite(value) or len(known) == 0:
        return None
    low, high = np.quantile(known, [0.025, 0.975], method="inverted_cdf")
    return Ratio(value, float(low), float(high))
