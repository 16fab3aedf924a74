"""The page of one account: how it stands, why, what changed, and what there is to talk about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.responses import Response

from npsight.config.expand import only_scale
from npsight.drivers.shown import capital, rounded, show
from npsight.features.weeks import DAYS
from npsight.store import HistoryPoint, ScoreRow, ScoreRun
from npsight.store.accountpages import AccountPage, account_page, posted_since
from npsight.store.listing import last_change
from npsight.store.rescored import shown
from npsight.web.answers import Answer, answers_of, lines_of
from npsight.web.charts import (
    Line,
    Numbers,
    line_chart,
    line_numbers,
    sparkline,
)
from npsight.web.followuppanel import panel
from npsight.web.late import late_tables
from npsight.web.page import Page, PageRoute
from npsight.web.rendering import NONE, day, percent, signed
from npsight.web.visible import latest_run, visible_account
from npsight.web.why import WORDS, Target, targets_of, why
from npsight.web.worklistwords import days_ahead, risk_interval
from npsight.worklist.bands import band_move, predicted_band

FIRST_ANSWERS = 4
SHOWN_PLAYS = 3
MOVED = 0.5
"""Points of a driver, per cent, from which on it counts as moved since the run before."""
CAUSES = {
    "run": "all accounts were scored again",
    "response": "a new answer came in",
    "fact": "another system sent news",
}
OF_A_WEEK = {
    "count": "a week",
    "sum": "a week",
    "mean": "mean of the week",
    "ratio": "over the week",
    "open": "at the week’s end",
}


@dataclass(frozen=True)
class Play:
    """Something to say: a driver that raises the risk and that people can act on."""

    driver: str
    text: str
    sentence: str


@dataclass(frozen=True)
class Moved:
    """One number before and after the last change."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """What the newest score changed: when it was made, why, and numbers before and after."""

    at: datetime
    why: str
    numbers: tuple[Moved, ...]


@dataclass(frozen=True)
class Spark:
    """The weeks of one measure."""

    label: str
    driver: str
    how: str
    last: str
    chart: Markup


def show_account(page: Page) -> Response:
    """Everything that is known of one account of the latest run."""
    row = visible_account(page, page.path("account"))
    run = latest_run(page)
    kept = account_page(page.store, run.id, row.account)
    since = posted_since(page.store, run, row.account)
    answers = answers_of(page.project, row.account, kept, since)
    history = page.store.history(page.project.name, row.account)
    earlier = _before(page, row, run, history)
    by_churn = page.project.worklist.target == "churn" or row.detractor_risk is None
    zone = ZoneInfo(page.user.time_zone)
    targets = targets_of(row)
    chosen = _chosen(page, targets)
    told = why(row, chosen) if chosen else None
    follow_up = panel(page, row)
    return page.html(
        "account.html",
        row=row,
        run=run,
        late=late_tables(page.store, run),
        back=worklist_address(page),
        move=_move(row),
        risk_interval=risk_interval(row),
        renews=days_ahead(row.renewal_at, page.now.astimezone(zone).date()),
        scored_today=row.as_of.astimezone(zone).date() == page.now.astimezone(zone).date(),
        held_out_until=follow_up.marks.held_out_until,
        targets=[(target, WORDS[target].tab) for target in targets],
        why=told,
        plays=plays_of(row, by_churn),
        change=_change(page, row, run, earlier),
        moved=_moved_drivers(row, earlier, by_churn),
        answers=answers,
        first_answers=FIRST_ANSWERS,
        answer_chart=_answer_chart(answers, _scale(page), zone),
        mixed_scales=_scale(page) is None,
        history_chart=_history_chart(history, zone),
        sparks=_sparks(kept),
        spark_numbers=_spark_numbers(kept, run, zone),
        panel=follow_up,
    )


def worklist_address(page: Page) -> str:
    """The worklist as it was when the account was opened from it, else the worklist."""
    before = urlsplit(page.request.headers.get("referer", ""))
    here = before.netloc == page.request.headers.get("host") and before.path == "/worklist"
    return f"/worklist?{before.query}" if here and before.query else "/worklist"


def plays_of(row: ScoreRow, by_churn: bool) -> list[Play]:
    """What to talk about: of drivers that raise the risk and can be acted on, the largest first."""
    drivers = row.churn_drivers if by_churn else row.drivers
    raising = [d for d in drivers if d["points"] > 0 and d.get("actionable") and d.get("play")]
    ordered = sorted(raising, key=lambda d: -float(d["points"]))
    return [
        Play(str(d["label"]), str(d["play"]), str(d.get("sentence", "")))
        for d in ordered[:SHOWN_PLAYS]
    ]


def _chosen(page: Page, targets: Sequence[Target]) -> Target | None:
    asked = page.query.get("why")
    if page.project.worklist.target == "churn" and "churn" in targets and asked is None:
        return "churn"
    return next((t for t in targets if t == asked), targets[0] if targets else None)


def _move(row: ScoreRow) -> tuple[str | None, str] | None:
    """The band of the next answer, and what the step to it is called; None without a forecast."""
    if row.detractor_risk is None or row.promoter_prob is None:
        return None
    expected = predicted_band(row.detractor_risk, row.promoter_prob)
    now: Any = row.band_now or "silent"
    return expected, band_move(now, expected)


def _before(
    page: Page, row: ScoreRow, run: ScoreRun, history: Sequence[HistoryPoint]
) -> ScoreRow | None:
    """The account in the run before; None where there is none."""
    before = next((point.run_id for point in history if point.run_id != run.id), None)
    return page.store.scores_of(before, [row.account]).get(row.account) if before else None


def _change(page: Page, row: ScoreRow, run: ScoreRun, earlier: ScoreRow | None) -> Change | None:
    """What made the shown score, within its run or since the run before; None for a first one."""
    last = last_change(page.store, page.project.name, row.account)
    if last is not None and last.before and last.after.get("as_of") == shown(row, 0)["as_of"]:
        why_so = CAUSES.get(last.cause, last.cause)
        return Change(last.changed_at, why_so, _numbers(last.before, last.after))
    if earlier is None:
        return None
    numbers = _numbers(shown(earlier, 0), shown(row, 0))
    return Change(run.created_at, CAUSES["run"], numbers)


def _numbers(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Moved, ...]:
    told: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
        ("Detractor risk", "detractor_risk", percent),
        ("Predicted NPS", "predicted_nps", signed),
        ("Churn risk", "churn_risk", percent),
        ("Risk level", "risk_level", _word),
        ("Band of the last answer", "band_now", _word),
    )
    return tuple(
        Moved(name, words(before.get(key)), words(after.get(key)))
        for name, key, words in told
        if before.get(key) is not None or after.get(key) is not None
    )


def _word(value: object) -> str:
    return NONE if value is None else str(value)


def _moved_drivers(row: ScoreRow, earlier: ScoreRow | None, by_churn: bool) -> list[Moved]:
    """Drivers whose points moved since the run before, the furthest first."""
    if earlier is None:
        return []
    now, past = _points(row, by_churn), _points(earlier, by_churn)
    moves = [
        (abs(points - past[label]), Moved(label, signed(past[label], 1), signed(points, 1)))
        for label, points in now.items()
        if label in past
    ]
    moves = [move for move in moves if move[0] >= MOVED]
    return [moved for _, moved in sorted(moves, key=lambda move: -move[0])]


def _points(row: ScoreRow, by_churn: bool) -> dict[str, float]:
    drivers = row.churn_drivers if by_churn else row.drivers
    return {str(driver["label"]): 100 * float(driver["points"]) for driver in drivers}


def _scale(page: Page) -> tuple[float, float] | None:
    """What people are asked on; None where surveys differ in it, and are drawn on 0–10."""
    return only_scale(bands for table in page.project.tables.responses for bands in table.bands)


def _answer_chart(
    answers: Sequence[Answer], scale: tuple[float, float] | None, zone: ZoneInfo
) -> tuple[Markup, Numbers] | None:
    lines = lines_of(answers, as_asked=scale is not None)
    if len(lines) < 2:
        return None
    newest = answers[0]
    low, high = scale or (0, 10)
    description = (
        f"{len(answers)} answers on a scale from {low:g} to {high:g}; "
        f"the newest, of {day(newest.at, zone)}, was {_score(newest)}."
    )
    chart = line_chart(
        lines,
        title="Scores over time",
        description=description,
        y_range=(low, high + 0.04 * (high - low)),
        height=160,
    )
    rows = [(day(a.at, zone), _score(a), a.band or NONE, a.touchpoint or NONE) for a in answers]
    return chart, Numbers(("Day", "Score", "Band", "Asked at"), tuple(rows))


def _score(answer: Answer) -> str:
    return NONE if answer.raw_score is None else f"{answer.raw_score:g}"


def _history_chart(
    history: Sequence[HistoryPoint], zone: ZoneInfo
) -> tuple[Markup, Numbers] | None:
    """Risks over the runs; None for fewer than two."""
    if len({point.as_of for point in history}) < 2:
        return None
    newest_of_day = {point.as_of: point for point in reversed(history)}
    points = [newest_of_day[at] for at in sorted(newest_of_day)]
    detractor = tuple((p.as_of, _hundred(p.detractor_risk)) for p in points)
    churn = tuple((p.as_of, _hundred(p.churn_risk)) for p in points)
    both = [Line("detractor risk", detractor, "detractor"), Line("churn risk", churn)]
    lines = [line for line in both if any(value is not None for _, value in line.points)]
    if not lines:
        return None
    told = "; ".join(
        f"{line.name} from {_percent(line.points[0][1])} to {_percent(line.points[-1][1])}"
        for line in lines
    )
    ends = (day(points[0].as_of, zone), day(points[-1].as_of, zone))
    chart = line_chart(
        lines,
        title="Risk over time",
        description=f"Between {ends[0]} and {ends[1]}: {told}.",
        unit="%",
        y_range=(0, _top(lines)),
        height=160,
    )
    return chart, line_numbers(lines, unit="%", when=lambda at: day(at, zone))


def _top(lines: Sequence[Line]) -> float:
    highest = max((v for line in lines for _, v in line.points if v is not None), default=0)
    return min(100.0, max(20.0, highest * 1.15))


def _hundred(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _percent(value: float | None) -> str:
    return percent(None if value is None else value / 100)


def _sparks(kept: AccountPage) -> list[Spark]:
    """The measures of which anything is known in the weeks."""
    found = []
    for about, weeks in zip(kept.series, kept.weeks, strict=False):
        values = weeks or []
        known = [value for value in values if value is not None]
        if not known:
            continue
        unit, label = str(about["unit"]), capital(str(about["label"]))
        last = next(i for i in reversed(range(len(values))) if values[i] is not None)
        ago = len(values) - 1 - last
        when = "" if ago == 0 else f", {ago} week{'' if ago == 1 else 's'} ago"
        told = (
            f"Over {len(values)} weeks between {_amount(min(known), unit)} "
            f"and {_amount(max(known), unit)}, last {_amount(values[last], unit)}{when}."
        )
        found.append(
            Spark(
                label,
                str(about["driver_label"]),
                OF_A_WEEK.get(str(about["kind"]), "") + when,
                _amount(values[last], unit),
                sparkline(values, title=label, description=told),
            )
        )
    return found


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return NONE
    return show(float(rounded([value])[0]), unit).replace("-", "−")


def _spark_numbers(kept: AccountPage, run: ScoreRun, zone: ZoneInfo) -> Numbers | None:
    """All measures by week, the newest first."""
    known = [
        (about, weeks)
        for about, weeks in zip(kept.series, kept.weeks, strict=False)
        if weeks and any(value is not None for value in weeks)
    ]
    if not known:
        return None
    columns = ("Week from", *(_heading(about) for about, _ in known))
    count = len(known[0][1])
    rows = []
    for ago in range(1, count + 1):
        begins = run.as_of - timedelta(days=DAYS * ago)
        cells = [_amount(weeks[count - ago], str(about["unit"])) for about, weeks in known]
        rows.append((day(begins, zone), *cells))
    return Numbers(columns, tuple(rows))


def _heading(about: Mapping[str, Any]) -> str:
    return f"{capital(str(about['label']))}, {OF_A_WEEK.get(str(about['kind']), '')}"


ROUTES: tuple[PageRoute, ...] = (PageRoute("GET", "/accounts/{account:path}", show_account),)
