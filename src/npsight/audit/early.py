"""Features that tell a loss months before anybody knew of it: their rows were rewritten later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.audit.findings import Check, Finding, Level
from npsight.audit.names import only_of_lost
from npsight.audit.written import wilson_lower, wilson_lowers
from npsight.config.specs import FeatureSpec
from npsight.models.logits import Vector

CHECK = "told long before"
LEAST_LOST, LEAST_OTHERS = 10, 20
SURE, PURE, COVERED = 0.9, 0.95, 0.8
MOST_DAYS = 6

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Losses:
    """Which accounts were lost, and since when that was known.

    Attributes
    ----------
    known_at
        One row an account that could be lost, indexed by account: when its loss was first known,
        NaT where it was not lost by the end of the data.
    end
        The end of the data.
    leak_days, look_days
        How long before `known_at` nobody can honestly be sure, and can hardly be.
    """

    known_at: pd.Series
    end: pd.Timestamp
    leak_days: int
    look_days: int

    def leads(self) -> tuple[tuple[int, Level], ...]:
        """The longer first."""
        return (self.leak_days, "leak"), (self.look_days, "look")


@dataclass(frozen=True)
class _Rows:
    """The rows that lie long enough before; `account` numbers the accounts, `lost` is one each."""

    frame: pd.DataFrame
    account: NDArray[np.intp]
    lost: Flags

    @property
    def enough(self) -> bool:
        """Enough accounts on both sides, and most of them stayed."""
        count = int(self.lost.sum())
        others = len(self.lost) - count
        return count >= LEAST_LOST and others >= max(LEAST_OTHERS, count)

    def views(self) -> list[_Rows]:
        """All together, and those of some days, evenly between; as far as they are enough."""
        lost = self.lost[self.account]
        by_day = [_rows(self.frame.iloc[rows], lost[rows])
                  for rows in self.frame.groupby("as_of", sort=True).indices.values()]  # fmt: skip
        days = [day for day in by_day if day.enough]
        places = np.rint(np.linspace(0, len(days) - 1, min(MOST_DAYS, len(days)))).astype(int)
        return [*([self] if self.enough else []), *(days[place] for place in places)]

    def flagged(self, rows: Flags) -> Flags:
        """The accounts that have one of these rows at least."""
        found = np.zeros(len(self.lost), dtype=bool)
        found[self.account[rows]] = True
        return found

    def least(self, values: Vector) -> Vector:
        """The smallest value of each account; inf where it has none."""
        found = np.full(len(self.lost), np.inf)
        known = ~np.isnan(values)
        np.minimum.at(found, self.account[known], values[known])
        return found


@dataclass(frozen=True)
class _Told:
    """`flagged` accounts had a value that `said` names, and `lost` of them were lost later."""

    said: str
    flagged: int
    lost: int
    others: float

    @property
    def figure(self) -> float:
        return wilson_lower(self.lost, self.flagged)


def told_long_before(frame: pd.DataFrame, losses: Losses, specs: Sequence[FeatureSpec]) -> Check:
    """`leak` for features that are sure of a loss `leak_days` before it was known, else `look`.

    `frame` holds the features of every account on some days. Rows that lie less than so many days
    before the loss of their account, or before the data's end, are left out. What is left can be
    told by honest features, but not surely: months ahead some of those who stay look the same. A
    value (a category, several rare ones, missing, filled, a number up to or from any bound) is sure
    when accounts that had it were lost later as a rule: the lower 95 % Wilson bound is 0.9, or it
    is 95 % of them and they are 80 % of all that were lost. Where many were lost both limits rise,
    so that at most a sixth (a twelfth) as many stayed as did of all.

    It is asked of the accounts that had the value on any of the days, where those that stay have
    more days to have it, and of 6 days one by one. Where more than half of the accounts were lost
    later nothing is judged, nor with fewer than 10 lost and 20 others.
    """
    findings: dict[str, Finding] = {}
    judged = False
    for days, level in losses.leads():
        views = _before(frame, losses, days).views()
        judged = judged or bool(views)
        for spec in specs:
            if spec.name not in findings and (told := _surest(views, spec)) is not None:
                findings[spec.name] = _finding(spec, told, days, level)
    if not judged:
        few = f"no day with {LEAST_LOST} accounts lost later, and as many and {LEAST_OTHERS} others"
        return Check(CHECK, 0, "features", not_judged=few)
    return Check(CHECK, len(specs), "features", tuple(findings.values()))


def _before(frame: pd.DataFrame, losses: Losses, days: int) -> _Rows:
    """The rows whose account was lost, or not yet at the data's end, `days` later at least."""
    rows = frame[frame["account"].isin(losses.known_at.index)]
    known_at = losses.known_at.reindex(rows["account"]).set_axis(rows.index)
    until = known_at.fillna(losses.end)
    early = (rows["as_of"] + pd.Timedelta(days=days) <= until).to_numpy()
    return _rows(rows[early], known_at.notna().to_numpy()[early])


def _rows(frame: pd.DataFrame, lost: Flags) -> _Rows:
    codes, names = pd.factorize(frame["account"])
    by_account = np.zeros(len(names), dtype=bool)
    by_account[codes] = lost
    return _Rows(frame, codes, by_account)


def _surest(views: Sequence[_Rows], spec: FeatureSpec) -> _Told | None:
    """What tells most of the losses, of all that is sure."""
    found = [told for view in views for told in _sure(view, spec)]
    return max(found, key=lambda told: (told.lost, -told.flagged), default=None)


def _sure(view: _Rows, spec: FeatureSpec) -> Iterator[_Told]:
    values = view.frame[spec.name]
    missing = values.isna().to_numpy()
    yield from _group(view, "missing", missing)
    if spec.dtype != "category":
        numbers = values.to_numpy(np.float64)
        yield from _tail(view, "at most", view.least(numbers), 1.0)
        yield from _tail(view, "at least", view.least(-numbers), -1.0)
        yield from _group(view, "known", ~missing)
        return
    yield from _group(view, "filled", ~missing)
    yield from _names(view, values)


def _group(view: _Rows, said: str, rows: Flags) -> Iterator[_Told]:
    yield from _accounts(view, said, view.flagged(rows))


def _accounts(view: _Rows, said: str, has: Flags) -> Iterator[_Told]:
    flagged, lost = int(has.sum()), int((has & view.lost).sum())
    if flagged < len(has) and _is_sure(np.array([flagged]), np.array([lost]), view.lost)[0]:
        yield _told(view, said, flagged, lost)


def _names(view: _Rows, values: pd.Series) -> Iterator[_Told]:
    """Each name of a category, by the accounts that have had it; and rare names together."""
    codes, names = pd.factorize(values, sort=True)
    named = codes >= 0
    pairs = np.unique(codes[named].astype(np.int64) * len(view.lost) + view.account[named])
    name, account = np.divmod(pairs, max(len(view.lost), 1))
    flagged = np.bincount(name, minlength=len(names))
    lost = np.bincount(name[view.lost[account]], minlength=len(names)).astype(np.int64)
    for place in np.flatnonzero((flagged < len(view.lost)) & _is_sure(flagged, lost, view.lost)):
        yield _told(view, f"`{names[place]}`", int(flagged[place]), int(lost[place]))
    rare, chosen = only_of_lost(name, account, view.lost)
    if len(chosen) > 1:
        said = f"`{names[chosen[0]]}`, or one of {len(chosen) - 1} other values like it,"
        yield from _accounts(view, said, rare)


def _tail(view: _Rows, said: str, least: Vector, sign: float) -> Iterator[_Told]:
    """The accounts whose value lies beyond a bound, for the bound that tells most losses."""
    known = np.flatnonzero(np.isfinite(least))
    order = known[np.argsort(least[known], kind="stable")]
    values, lost = least[order], np.cumsum(view.lost[order].astype(np.int64))
    count = np.arange(1, len(order) + 1, dtype=np.int64)
    ends = np.append(values, np.inf)[1:] != values
    sure = ends & (count < len(view.lost)) & _is_sure(count, lost, view.lost)
    if sure.any():
        places = np.flatnonzero(sure)
        place = places[np.searchsorted(lost[places], lost[places[-1]])]
        bound = f"{said} {sign * values[place]:,.10g}"
        yield _told(view, bound, int(count[place]), int(lost[place]))


def _is_sure(count: NDArray[np.int64], lost: NDArray[np.int64], every: Flags) -> Flags:
    stayed = 1 - float(every.mean())
    share = lost / np.maximum(count, 1)
    surely = wilson_lowers(lost, count) >= max(SURE, 1 - stayed / 6)
    nearly_all = (share >= max(PURE, 1 - stayed / 12)) & (lost >= COVERED * every.sum())
    return np.asarray((lost >= LEAST_LOST) & (surely | nearly_all), dtype=bool)


def _told(view: _Rows, said: str, flagged: int, lost: int) -> _Told:
    others = (int(view.lost.sum()) - lost) / (len(view.lost) - flagged)
    return _Told(said, flagged, lost, others)


def _finding(spec: FeatureSpec, told: _Told, days: int, level: Level) -> Finding:
    return Finding(
        level=level,
        check=CHECK,
        name=spec.name,
        figure=told.figure,
        threshold=SURE,
        what=f"`{spec.name}` is {told.said} for {told.flagged} accounts on days more than {days} "
        f"days before any loss of theirs was known, and {told.lost} of them were lost later, of "
        f"all others {told.others:.0%}: nobody is so sure so early, unless rows of earlier days "
        "are rewritten, or deleted, when an account is lost",
        remedy="ask who changes or deletes old rows of a lost account (a status, a tag, a score "
        "filled back); drop the feature, or map each row as it was first known; if it was known "
        "honestly, such as a plan that always ends, say so under `audit.accepted`",
        columns=spec.columns,
    )
