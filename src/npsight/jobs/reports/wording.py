"""The sentences of a report, with their figures, units and n."""

from __future__ import annotations

from collections.abc import Iterator

from npsight.jobs.evaluations.found import Drivers, Evaluation, LearningCurve, TargetFound
from npsight.jobs.evaluations.groups import PAST_ANSWERS
from npsight.models.bootstrap import Interval

Words = tuple[str, ...]
SNAPSHOT = (
    "Time cannot be checked on these data: they are a snapshot, one row an account, no dates. "
    "Accounts were held out at random instead of by time, and a column that was written after an "
    "account left would not be noticed. Expect less in use."
)


def chosen_words(target: TargetFound) -> Words:
    """What was chosen, and what that rests on."""
    return (
        f"Chosen: {target.chosen}, because {target.reason}. On {target.folds} held-out folds of "
        f"the training rows the best blend of learners gained {target.gain:+.4f} ± "
        f"{target.gain_error:.4f} nats a row (one standard error, by account) over the prior.",
        f"Learned from n = {target.rows:,} rows (an account on a day) with an outcome: "
        f"{target.events:,.0f} {target.event}, {target.others:,.0f} others.",
    )


def silent_words(found: Evaluation, target: TargetFound) -> Words:
    """What can be said of accounts that never answered, and what cannot."""
    never = [g for g in target.groups if g.grouping == PAST_ANSWERS and g.group == "0"]
    if target.name != "detractor":
        return ()
    limits = (
        "Silent accounts can only be checked once they speak. The row “never” holds accounts "
        "without a known answer before the day that answered within the window: the first answer "
        "of the once silent. Accounts that stayed silent are in no row of this report, and they "
        "may differ from those that began to answer; only what they do, not what they would say, "
        "is known."
    )
    if not never:
        return (
            "No account without a known answer gave one in a tested window: for silent accounts "
            "the level is unchecked.",
            limits,
        )
    row = never[0]
    return (
        f"For accounts without any known answer the model foresaw {100 * row.predicted:.1f} % "
        f"detractors; {100 * row.observed:.1f} % of those that then answered were "
        f"(n = {row.rows:,} rows of {row.accounts:,} accounts): {_gap(row.gap, row.interval)}.",
        limits,
    )


def _gap(gap: float, bounds: Interval | None) -> str:
    if bounds is None:
        return "too few to judge"
    told = f"{100 * bounds.low:+.1f} to {100 * bounds.high:+.1f} percentage points, 95 % interval"
    if bounds.low <= 0 <= bounds.high:
        return f"no difference beyond chance ({told})"
    return f"the risk of silent accounts is {'under' if gap > 0 else 'over'}stated ({told})"


def learning_words(curve: LearningCurve) -> Words:
    """Whether more history would help."""
    longest, before = curve.points[-1], curve.points[-2]
    what = "history" if curve.by_time else "accounts"
    bounds = curve.interval
    told = f"{curve.gap:+.4f} nats a row"
    if bounds is not None:
        told += f", 95 % interval {bounds.low:+.4f} to {bounds.high:+.4f}"
    if bounds is not None and bounds.low > 0:
        answer = f"Probably yes: the last {what} added still lowered the log loss"
    elif bounds is not None and bounds.high < 0:
        answer = f"No: the oldest {what} made it worse; a shorter history may do better"
    else:
        answer = f"Not visibly: the last {what} added changed nothing beyond chance"
    first = (
        f"{answer} ({100 * before.part:.0f} to 100 %: {told}; n = {longest.tested:,} rows tested)."
    )
    how = (
        "Each point was fitted anew by one fold and without a calibration, so it may differ a "
        "little from the figures above."
    )
    if curve.accounts_part < 1:
        how += f" To bound its cost, {100 * curve.accounts_part:.0f} % of the accounts were used."
    return (first, how)


def drivers_words(found: Drivers) -> Words:
    """What moves the number most, and whether the origins agree."""
    if not found.drivers:
        return ()
    top = " and ".join(d.label for d in found.drivers[:2])
    first = f"What moves it most: {top} (n = {found.rows:,} accounts)."
    if not found.stability:
        return (first,)
    low = min(found.stability)
    agree = "agree" if low >= 0.7 else "agree in part" if low >= 0.3 else "do not agree"
    return (
        first,
        f"The origins {agree} on the order of the {len(found.drivers)} drivers: the lowest rank "
        f"correlation between an origin and the next is {low:.2f} "
        f"(n = {len(found.stability)} pairs of origins).",
    )


def fact_words(found: Evaluation) -> Words:
    """Data and time."""
    return tuple(_facts(found))


def _facts(found: Evaluation) -> Iterator[str]:
    facts = found.facts
    if facts.snapshot:
        yield SNAPSHOT
        yield f"{facts.accounts:,} accounts, {facts.features} features."
    else:
        yield (
            f"{facts.rows:,} rows: {facts.accounts:,} accounts on {facts.days} days from "
            f"{facts.first_day} to {facts.last_day}, {facts.features} features. A feature reads "
            "only facts that had happened and were known before its day; an origin's model learned "
            "only from outcomes known before the origin."
        )
    yield (
        f"Intervals come from {facts.draws} bootstrap draws of whole accounts (seed {facts.seed}); "
        "they do not cover that all accounts of a period may share a good or a bad one."
    )
    audit = "clean" if facts.audit_passed else "not clean"
    yield (
        f"Leakage audit: {audit}, {facts.audit_compared:,} values computed a second way. "
        f"Data digest {facts.data_digest[:16]}."
    )
