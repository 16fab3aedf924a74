"""What calling achieved, in sentences for people who know no statistics."""

from __future__ import annotations

from npsight.jobs.impact import ImpactReport, Measured, Play
from npsight.models.impact import LEAST, LEVEL, Effect


def headline(report: ImpactReport) -> str:
    """The one sentence that the page opens with."""
    found = report.measured
    if not report.has_answers:
        return "This project has no survey answers, so only losses can be compared."
    if not found.enrolled:
        return "Nothing was measured yet: no account has come within reach of a call."
    if not found.arms:
        return _without_hold_out(found)
    if found.waiting is not None:
        return _too_early(found)
    if found.call is not None:
        return _told(found.call, "A call")
    if found.listed is not None:
        return _told(found.listed, "Being on the list")
    return "The two groups cannot be compared yet."


def change(effect: Effect, unit: str = "points", times: float = 100) -> str:
    """An effect with its interval: "8 points lower (95 %: 2 to 14 lower)"."""
    size, way = _number(effect.estimate, times), _way(effect.estimate)
    return f"{size} {unit} {way} ({_level(effect)}{_span(effect, times)})"


def effects_words(found: Measured) -> list[tuple[str, str, str]]:
    """What was compared, its effect in words, and what that means; without those unknown."""
    rows = [
        (
            "A call",
            found.call,
            "Change in the share of detractors of accounts that were called because they were on "
            "the list.",
            "points",
            100.0,
        ),
        (
            "Being on the list",
            found.listed,
            "The same, over all accounts on the list, called or not.",
            "points",
            100.0,
        ),
        ("NPS", found.nps, "Change in NPS by being on the list.", "NPS points", 1.0),
        (
            "Accounts lost",
            found.losses,
            "Change in the share of accounts lost by being on the list; nobody needs to answer.",
            "points",
            100.0,
        ),
    ]
    return [
        (name, change(effect, unit, times), meaning)
        for name, effect, meaning, unit, times in rows
        if effect is not None
    ]


def answering_words(found: Measured) -> str | None:
    """A warning where the two groups did not answer alike; None where they did, or who knows."""
    gap = found.answering
    if gap is None or not gap.certain:
        return None
    more = "more" if gap.estimate > 0 else "less"
    return (
        f"Accounts on the list answered {more} often than those held out: {change(gap)}. "
        "Who answers then differs between the groups, and the effect above may be partly that."
    )


def power_words(found: Measured) -> str | None:
    """How many answers make a difference of 10 points visible, and how many there are."""
    if found.needed is None:
        return None
    return (
        f"A difference of 10 points is found in four of five times with about "
        f"{found.needed:,} accounts that answered; so far there are {found.answered:,}."
    )


def play_words(play: Play) -> str:
    """The effect of one play."""
    if play.effect is None:
        return f"Too early: {LEAST} answers are needed in each group."
    return change(play.effect)


def observational_words(found: Measured) -> str:
    """The estimate without an experiment."""
    seen = found.observational
    if seen is None:
        return (
            f"Too early: {LEAST} accounts that answered are needed among those called in time "
            f"({found.seen_called} so far) and among those not called "
            f"({found.seen_not_called} so far), of a kind that can be compared."
        )
    return (
        "Among comparable accounts, the share of detractors of those that were called in time is "
        f"{change(seen.effect)}."
    )


def _without_hold_out(found: Measured) -> str:
    if found.observational is None:
        return "It is too early to say what calling achieved, and no hold-out is set."
    return (
        "Without a hold-out nobody can say what calling achieved. "
        "What the accounts that were called look like is shown below, with its doubts."
    )


def _too_early(found: Measured) -> str:
    waiting = found.waiting
    assert waiting is not None
    few = "one more answer is" if waiting.missing == 1 else f"{waiting.missing} more answers are"
    return f"It is too early to say: {few} needed in the group that has fewer."


def _told(effect: Effect, what: str) -> str:
    if not effect.certain:
        return (
            f"So far, an effect of calling cannot be told from chance. {what}: the share of "
            f"detractors among those who answered is {change(effect)}."
        )
    did = "lowered" if effect.estimate < 0 else "raised"
    size, (low, high) = _number(effect.estimate, 100), _ends(effect, 100)
    return (
        f"{what} {did} the share of detractors among those who answered by {size} points "
        f"({_level(effect)}{low} to {high})."
    )


def _span(effect: Effect, times: float) -> str:
    if effect.low < 0 < effect.high:
        low, high = (_number(end, times) for end in (effect.low, effect.high))
        return f"{low} lower to {high} higher"
    low, high = _ends(effect, times)
    return f"{low} to {high} {_way(effect.low + effect.high)}"


def _ends(effect: Effect, times: float) -> tuple[str, str]:
    """Both ends without their sign, the one nearer to 0 first."""
    near, far = sorted((abs(effect.low), abs(effect.high)))
    return _number(near, times), _number(far, times)


def _level(effect: Effect) -> str:
    """Said of an interval of its own; those of several that hold together are told elsewhere."""
    return "95\u00a0%: " if effect.level == LEVEL else ""


def _number(value: float, times: float) -> str:
    return f"{abs(value) * times:.0f}"


def _way(value: float) -> str:
    return "lower" if value < 0 else "higher"
