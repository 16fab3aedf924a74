"""The first thing a report says: whether a model is worth using, and what that rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from npsight.jobs.evaluations.found import Against, Judgement, ListFacts, Verdict, Worth
from npsight.models.bootstrap import Interval
from npsight.models.contest import ALL, LEVEL_OF_DAY, Difference, Standing

LEVELS = (LEVEL_OF_DAY, "base rate")
BASELINES = (*LEVELS, "prior", "rule")
WORDS = {
    LEVEL_OF_DAY: "the level of the day for everybody",
    "base rate": "the base rate for everybody",
    "prior": "the history prior alone",
    "rule": "the one-feature rule",
}
JUDGED: dict[Judgement, str] = {
    "better": "better beyond chance",
    "no difference": "no difference beyond chance",
    "worse": "worse beyond chance",
    "not judged": "too few accounts to judge",
}
EVENTS = {"detractor": "detractors", "promoter": "promoters", "churn": "lost accounts"}


def verdict(
    target: str,
    title: str,
    standings: Sequence[Standing],
    lists: Sequence[ListFacts],
    rule: str | None,
) -> Verdict:
    """Judged by log loss over all origins' rows: worth using is a model that beats the same risk
    for everybody, and is not worse than the history prior, each beyond chance (the 95 % bootstrap
    interval by account leaves out 0).
    """
    together = overall(standings)
    if "chosen" not in together:
        why = "There is too little history for a backtest: nothing shows what the model is worth."
        return Verdict(target, title, "untested", f"{title}: untested.", (why,), 0, 0, ())
    chosen = together["chosen"]
    against = tuple(_against(target, chosen, together, rule))
    worth = _worth(against)
    return Verdict(
        target=target,
        title=title,
        worth=worth,
        headline=_headline(title, worth, against),
        sentences=tuple(_sentences(target, against, together, lists)),
        rows=chosen.rows,
        accounts=chosen.accounts,
        against=against,
    )


def overall(standings: Sequence[Standing]) -> dict[str, Standing]:
    """By contender: on all origins together, or on the only one."""
    labels = list(dict.fromkeys(s.origin for s in standings))
    wanted = ALL if ALL in labels else (labels[0] if labels else "")
    return {s.contender: s for s in standings if s.origin == wanted}


def _against(
    target: str, chosen: Standing, together: dict[str, Standing], rule: str | None
) -> Iterator[Against]:
    own = chosen.figures["log_loss"]
    for name in BASELINES:
        # Without answers the prior is the base rate, and is compared once.
        same = name == "prior" and target == "churn"
        if same or name not in together or own is None or "log_loss" not in chosen.against[name]:
            continue
        other = together[name].figures["log_loss"]
        assert other is not None
        difference = chosen.against[name]["log_loss"]
        bounds = _turned(difference)
        yield Against(
            baseline=name,
            feature=rule or "" if name == "rule" else "",
            loss=own,
            baseline_loss=other,
            saved=(other - own) / other if other > 0 else 0.0,
            gap=-difference.value,
            interval=bounds,
            judgement=judge(bounds),
        )


def _turned(difference: Difference) -> Interval | None:
    """The interval of baseline minus chosen."""
    found = difference.interval
    return None if found is None else Interval(-found.high, -found.low)


def judge(gain: Interval | None) -> Judgement:
    """What an interval of a gain says."""
    if gain is None:
        return "not judged"
    if gain.low > 0:
        return "better"
    return "worse" if gain.high < 0 else "no difference"


def _worth(against: Sequence[Against]) -> Worth:
    levels = [a.judgement == "better" for a in against if a.baseline in LEVELS]
    worse = any(a.judgement == "worse" for a in against if a.baseline == "prior")
    good = bool(levels) and all(levels) and not worse
    return "worth using" if good else "not shown to be worth using"


def _headline(title: str, worth: Worth, against: Sequence[Against]) -> str:
    parts = []
    said: tuple[tuple[Judgement, str], ...] = (
        ("better", "better than"),
        ("no difference", "no different, beyond chance, from"),
        ("worse", "worse than"),
        ("not judged", "too few accounts to judge against"),
    )
    for judgement, words in said:
        names = [WORDS[a.baseline] for a in against if a.judgement == judgement]
        if names:
            parts.append(f"{words} {_listed(names)}")
    return f"{title}: {worth}. It is {'; '.join(parts)}."


def _sentences(
    target: str,
    against: Sequence[Against],
    together: dict[str, Standing],
    lists: Sequence[ListFacts],
) -> Iterator[str]:
    yield from _list_sentence(target, together, lists)
    for a in against:
        percent = f"{100 * abs(a.saved):.1f} %"
        same = percent == "0.0 %"
        size = "the same" if same else f"{percent} {'less' if a.saved > 0 else 'more'}"
        name = f"{WORDS[a.baseline]} ({a.feature})" if a.feature else WORDS[a.baseline]
        yield (
            f"Against {name}: {a.loss:.4f} instead of {a.baseline_loss:.4f} nats a row of log "
            f"loss, {size} – {JUDGED[a.judgement]}."
        )


def _list_sentence(
    target: str, together: dict[str, Standing], lists: Sequence[ListFacts]
) -> Iterator[str]:
    chosen, prior = together["chosen"], together.get("prior")
    found = chosen.figures["precision"]
    if found is None or not lists:
        return
    newest = lists[-1]
    text = (
        f"The team can call {newest.calls:,} of the {newest.accounts:,} accounts alive (at "
        f"{newest.origin}). Of the accounts on such lists {100 * found:.0f} % were "
        f"{EVENTS[target]} ({_percents(chosen.intervals.get('precision'))}), "
        f"of all {100 * chosen.base_rate:.1f} %"
    )
    other = prior.figures["precision"] if prior and target != "churn" else None
    if other is not None:
        text += f"; on a list by the history prior alone {100 * other:.0f} %"
    yield f"{text} (n = {chosen.rows:,} rows with an outcome)."


def _percents(bounds: Interval | None) -> str:
    if bounds is None:
        return "too few for an interval"
    return f"95 % interval {100 * bounds.low:.0f} to {100 * bounds.high:.0f} %"


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
