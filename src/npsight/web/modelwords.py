"""What is known of a model -> how good it is, what to be careful with and what to do, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from npsight.service.standing import Trouble
from npsight.store.rows import ScoreRun
from npsight.web.charts import Bar, bar_chart, bar_numbers
from npsight.web.rendering import day, percent
from npsight.web.trends import Picture

Json = Mapping[str, Any]
FAR_OFF = 15
"""NPS points: about the margin of a survey with a hundred answers. Beyond, no figure to plan by."""
FEWEST_ROWS = 10
"""So few predictions of one level say nothing of how often it came true."""
RARE = 0.05
OLD_SCORES_DAYS = 8
NAMES = {
    "detractor": "detractor risk",
    "promoter": "the chance of a promoter",
    "churn": "churn risk",
}
CAME = {"detractor": "answered as detractors", "churn": "were lost"}


@dataclass(frozen=True)
class Told:
    """What the store and the service know of the model that made a run's scores.

    `served` is the version that answers single requests now; `drift_before` is of the run before.
    `late` are the tables that were late, and when they grew last. `came` is what came of earlier
    scores; None for a run of an older npsight.
    """

    run: ScoreRun
    runs: tuple[ScoreRun, ...]
    now: datetime
    model: Json
    drift: Json
    drift_before: Json | None
    served: int
    troubles: tuple[Trouble, ...]
    period_days: int
    high_risk: float
    medium_risk: float
    late: Mapping[str, date]
    came: Json | None = None


@dataclass(frozen=True)
class Level:
    """What became of accounts that tests called so: `count` of `of` (10, or 100 where the event is
    rare), None where too few were.
    """

    level: str
    limit: str
    rows: int
    count: int | None
    of: int
    observed: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Part:
    """One risk: how it did out of time, and what came of the scores that were made with it (""
    where nothing did yet).
    """

    name: str
    title: str
    came: str
    headline: str
    levels: tuple[Level, ...]
    in_use: str
    drivers: Picture | None


@dataclass(frozen=True)
class Words:
    """The page in words. `next_nps` is a sentence on the company's NPS, "" without one."""

    run: ScoreRun
    served: int
    trained_through: date
    age_days: int
    scored_days: int
    facts: Json | None
    since: date | None
    parts: tuple[Part, ...]
    next_nps: str
    cautions: tuple[str, ...]
    actions: tuple[str, ...]
    gates_failed: int | None
    gates_passed: int
    gates_not_judged: int


def words_of(told: Told) -> Words:
    """All of it."""
    model = told.model
    figures, gates = model["figures"], model["gates"]
    through = datetime.fromisoformat(model["trained_through"]).date()
    verdicts = [] if gates is None else [gate["verdict"] for gate in gates["gates"]]
    return Words(
        run=told.run,
        served=told.served,
        trained_through=through,
        age_days=(told.run.as_of.date() - through).days,
        scored_days=(told.now - told.run.as_of).days,
        facts=None if figures is None else figures["facts"],
        since=None if figures is None else date.fromisoformat(figures["facts"]["first_day"]),
        parts=tuple(_parts(told)),
        next_nps="" if figures is None else _next_nps(figures),
        cautions=tuple(cautions(told)),
        actions=tuple(actions(told)),
        gates_failed=None if gates is None else verdicts.count("failed"),
        gates_passed=verdicts.count("passed"),
        gates_not_judged=verdicts.count("not judged"),
    )


def _parts(told: Told) -> Iterator[Part]:
    figures = told.model["figures"] or {"targets": {}, "verdicts": []}
    headlines = {verdict["target"]: verdict["headline"] for verdict in figures["verdicts"]}
    for name in ("detractor", "churn"):
        if name not in told.model["drivers"] and name not in figures["targets"]:
            continue
        target = figures["targets"].get(name)
        yield Part(
            name=name,
            title=NAMES[name].capitalize(),
            came=CAME[name],
            headline=headlines.get(name, ""),
            levels=tuple(_level(told, row) for row in target["levels"]) if target else (),
            in_use=_in_use(name, _came(told).get(name)),
            drivers=_drivers(name, told.model["drivers"].get(name, ())),
        )


def _came(told: Told) -> Json:
    found: Json = (told.came or {"targets": {}})["targets"]
    return found


def _in_use(name: str, came: Json | None) -> str:
    """What came of the scores that were acted on, in two sentences; "" where nothing did yet."""
    if came is None or came["rows"] < FEWEST_ROWS:
        return ""
    first, last = (date.fromisoformat(came[key]) for key in ("first_day", "last_day"))
    days = f"of {day(first)}" if first == last else f"of {day(first)} to {day(last)}"
    said = (
        f"Of {came['rows']:,} scores {days} it is known what came: {percent(came['came'])} "
        f"{CAME[name]} ({percent(came['low'])} to {percent(came['high'])}, 95\u00a0%); "
        f"{percent(came['forecast'])} were expected."
    )
    high = came["levels"][0]
    if high["observed"] is None or high["rows"] < FEWEST_ROWS:
        return said
    return (
        f"{said} Of those called high risk it was {percent(high['observed'])}, where "
        f"{percent(high['forecast'])} were expected."
    )


def _level(told: Told, row: Json) -> Level:
    high, medium = (percent(limit) for limit in (told.high_risk, told.medium_risk))
    limits = {"high": f"{high} and more", "medium": f"{medium} to {high}", "low": f"below {medium}"}
    enough = row["observed"] is not None and row["rows"] >= FEWEST_ROWS
    of = 100 if enough and row["observed"] < RARE else 10
    return Level(
        level=row["level"],
        limit=limits[row["level"]],
        rows=row["rows"],
        count=round(of * row["observed"]) if enough else None,
        of=of,
        observed=row["observed"] if enough else None,
        low=row["low"],
        high=row["high"],
    )


def _drivers(name: str, drivers: Any) -> Picture | None:
    moving = [driver for driver in drivers if driver["size"] >= 0.0005]
    if not moving:
        return None
    bars = [
        Bar(driver["label"], 100 * driver["size"], f"{100 * driver['size']:.1f}")
        for driver in moving
    ]
    title = f"What the {NAMES[name]} is based on"
    words = f"Most of all {bars[0].label}: {bars[0].shown} percentage points on average."
    drawn = bar_chart(bars, title=title, description=words, unit="points")
    numbers = bar_numbers(bars, name="driver", value="mean size in percentage points")
    return Picture(drawn, numbers, title)


def _next_nps(figures: Json) -> str:
    rows = [row for row in figures["nps"] if row["contender"] == "chosen"]
    whole = next((row for row in rows if row["origin"] == "all"), rows[0] if rows else None)
    if whole is None:
        return ""
    tests = max(len([row for row in rows if row["origin"] != "all"]), 1)
    trust = (
        "So trust it for the company and large segments; for one account it says which way "
        "things go."
    )
    if whole["company_error"] > FAR_OFF:
        trust = (
            "That is more than to plan by: take the company's, too, as which way things go, and "
            "look at its range."
        )
    return (
        f"In {tests} {'test' if tests == 1 else 'tests'} on later answers the company's NPS was "
        f"off by {whole['company_error']:.0f} points on average, a single account's by "
        f"{whole['account_error']:.0f}. {trust}"
    )


def cautions(told: Told) -> Iterator[str]:
    """What to be careful with, each a sentence."""
    model, drift = told.model, told.drift
    if model["figures"] is None:
        yield (
            "This model was trained by an older npsight, so its test figures are only in its card."
        )
    yield from _flat(model["unranked"])
    for gate in _failed(model):
        yield f"It was promoted although a gate failed ({gate['name']}): {gate['sentence']}."
    if "detractor" in told.model["windows"]:
        yield (
            "Accounts that never answered are judged by what answers from others like them said; "
            "nobody can check that until they answer."
        )
    changed = [feature for feature in drift["features"] if feature["moved"]]
    if changed:
        names = ", ".join(dict.fromkeys(feature["label"] for feature in changed[:4]))
        yield (
            f"{len(changed)} of {len(drift['features'])} inputs look different from training "
            f"({names}), so risks may be off."
        )
    for table, newest in told.late.items():
        yield (
            f"The table “{table}” was not loaded after {day(newest)}, so scores take what it tells "
            "as it was then."
        )
    for table in stopped(drift):
        yield f"The table “{table}” had no new rows in the last 30 days, but had some before."


def _flat(unranked: Sequence[str]) -> Iterator[str]:
    """NPS is made of two parts, and is the same for all only where both are."""
    parts = list(unranked)
    if {"detractor", "promoter"} <= set(parts):
        parts = ["next NPS" if part == "promoter" else part for part in parts]
    for name in parts:
        called = NAMES.get(name, name)
        yield f"It does not tell accounts apart by {called}: all have about the same."
    if "promoter" in parts:
        yield "Next NPS still differs between accounts, by their detractor risk alone."


def _failed(model: Json) -> list[Json]:
    gates = (model.get("gates") or {"gates": []})["gates"]
    return [gate for gate in gates if gate["verdict"] == "failed"]


def stopped(drift: Json) -> list[str]:
    """Tables that no longer get rows."""
    return [t["source"] for t in drift["tables"] if t["before"] and not t["recent"]]


def actions(told: Told) -> Iterator[str]:
    """What to do next, each a sentence; nothing where all is well."""
    for trouble in told.troubles:
        yield f"Ask whoever runs the service ({trouble.part}): {trouble.reason}."
    if told.served != told.run.model_version:
        yield (
            f"Score again: version {told.served} is served now, these scores were made by version "
            f"{told.run.model_version}."
        )
    if told.now - told.run.as_of > timedelta(days=OLD_SCORES_DAYS):
        days = (told.now - told.run.as_of).days
        yield f"Score again: the scores are {days} days old."
    newest = _could_learn_through(told)
    through = datetime.fromisoformat(told.model["trained_through"]).replace(tzinfo=UTC)
    if newest - through >= timedelta(days=told.period_days):
        yield (
            f"Train again: answers up to {day(newest)} could be learned from, the model learned "
            f"up to {day(through)}."
        )
    if told.model["figures"] is None:
        yield "Train again, so that its figures can be shown here."
    for name, came in _came(told).items():
        if came["verdict"] == "more than forecast":
            yield (
                f"Train again: more accounts {CAME[name]} than was expected, "
                f"{percent(came['came'])} instead of {percent(came['forecast'])}."
            )
    failed = [gate["name"] for gate in _failed(told.model)]
    if failed:
        yield (
            f"Mend what {'a failed check names' if len(failed) == 1 else 'the failed checks name'} "
            f"({', '.join(failed)}) or bring more answers, then train once more: until then the "
            "model is in use all the same."
        )
    if told.late:
        yield f"Load the newest rows of {', '.join(told.late)} and run `npsight score` again."
    if stopped(told.drift):
        yield f"See why these tables stopped: {', '.join(stopped(told.drift))}."


def _could_learn_through(told: Told) -> datetime:
    """The newest day whose outcome windows have all ended."""
    longest = max((gap + horizon for gap, horizon in told.model["windows"].values()), default=0)
    return told.run.as_of - timedelta(days=longest)
