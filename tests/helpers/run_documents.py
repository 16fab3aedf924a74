"""Documents of the tiny project's run, as a scoring run leaves them, with hostile values."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
from tiny_project import SPECS, rows, tiny_model

from npsight.config.schema import Benchmark, Goal
from npsight.config.specs import OutcomeWindow
from npsight.drivers.explain import explain
from npsight.jobs.runs.drift import drift_page
from npsight.jobs.runs.model import model_page
from npsight.jobs.runs.themes import ThemeCounts, themes_json
from npsight.jobs.runs.trends import SEGMENTS, THEMES, shortened
from npsight.jobs.runs.writes import Write
from npsight.jobs.segmenting.report import (
    COMPANY,
    Against,
    DriverShare,
    GoalOutlook,
    PeriodNps,
    Segment,
    SegmentsReport,
)
from npsight.models.bundle import golden_rows, pack
from npsight.models.forecast import Forecast
from npsight.models.gates import GateReport, judged, not_judged
from npsight.models.reference import reference_of
from npsight.models.reported import Difference, Reported
from npsight.store import Store
from npsight.store.runpages import write_run_page

HOSTILE = "<script>alert('x')</script> =cmd() \u202eevil {{ 7 * 7 }} & \" 👩‍🚀"
DAY = datetime(2026, 6, 1)
PERIOD = timedelta(days=90)
ENDS = (DAY - 2 * PERIOD, DAY - PERIOD, DAY)
WINDOW = OutcomeWindow(gap_days=14, horizon_days=90)


def history(*answers: int) -> tuple[PeriodNps, ...]:
    """Periods with so many answers, a third detractors, half promoters."""
    return tuple(
        PeriodNps(end - PERIOD, end, Reported(max(n // 2, n > 0), n, n // 3, n // 2, 1.1))
        for end, n in zip(ENDS, answers, strict=True)
    )


def forecast(nps: float) -> Forecast:
    """With wide and symmetric intervals."""
    return Forecast(nps, nps - 8, nps + 8, nps - 13, nps + 13, 41.0)


def segment(attribute: str, value: str, accounts: int, *answers: int, nps: float) -> Segment:
    """A value of an attribute with everything that a report may know of it."""
    past = history(*answers)
    return Segment(
        attribute=attribute,
        value=value,
        accounts=accounts,
        now=past[-1].reported,
        next_reported=forecast(nps),
        next_everyone=forecast(nps - 10),
        change=Difference(nps - 5, 2.0),
        against=Against(Difference(-11.0, 13.8), False, 39.0, 826),
        detractor_risk=0.32,
        churn_risk=0.04,
        revenue=317_130.0,
        base_risk=0.25,
        drivers=(DriverShare("support", "Support experience", 0.05),
                 DriverShare("nps_history", "NPS history", 0.02)),
        history=past,
    )  # fmt: skip


def report() -> SegmentsReport:
    """The company by plan and by a hostile attribute, with goals and a benchmark."""
    published = Benchmark(attribute="plan", value="pro", nps=41, source=HOSTILE, year=2024)
    pro = replace(segment("plan", "pro", 40, 10, 20, 52, nps=5), benchmarks=(published,))
    goals = (
        Goal(nps=40, by=DAY.date() + timedelta(days=60)),
        Goal(nps=10, by=DAY.date() + timedelta(days=60), attribute="plan", value="pro"),
    )
    return SegmentsReport(
        project="tiny",
        as_of=DAY,
        model_version=7,
        period_days=90,
        window=WINDOW,
        company=segment("", COMPANY, 60, 30, 0, 149, nps=25),
        groups={
            "plan": (pro, segment("plan", HOSTILE, 17, 3, 4, 30, nps=12),
                     segment("plan", "tiny one", 3, 0, 0, 6, nps=40)),
            "region": (segment("region", "EMEA", 60, 30, 0, 149, nps=25),),
        },
        goals=(
            GoalOutlook(goals[0], "off course", 0.07, None, "NPS +40: off course, 7 % likely."),
            GoalOutlook(goals[1], "open", 0.5, None, "NPS +10 (plan = pro): open, 50 % likely."),
        ),
        warnings=("goals[1]: no account has plan = gold",),
        churn_by_horizon=((90, 0.04), (180, 0.06), (360, 0.1)),
    )  # fmt: skip


def themes() -> dict[str, Any]:
    """Two themes named by ten accounts, half of them `pro`."""
    counts = []
    for end, part in zip(ENDS, (1, 1, 2), strict=True):
        for number in range(10):
            bands = [int(number < 3), int(number > 6)]
            row = {"account": f"a/{number} é", "as_of": end}
            for suffix, some in (("", part), ("_0", part * (number % 2)), ("_1", int(number == 0)),
                                 ("_2", part * (number % 2 == 0))):  # fmt: skip
                row |= {f"answers{suffix}": some, f"detractors{suffix}": some * bands[0]}
                row |= {f"promoters{suffix}": some * bands[1]}
            counts.append(row)
    frame = pd.DataFrame(counts)
    groups = pd.DataFrame({"plan": ["pro", HOSTILE] * 15}, index=frame.index)
    made = ThemeCounts(("price", "service_desk"), ENDS, frame, groups)
    found = themes_json(made, {"plan": ["pro", HOSTILE]}, 90)
    found["examples"] = [
        {"theme": "price", "text": f"{HOSTILE} number {number}", "band": "detractor",
         "at": "2026-05-30T22:30:00Z", "account": f"a/{number} é", "name": f"Firm {number} {HOSTILE}",
         "owner": ("Ada", "Bo")[number % 2], "groups": {"plan": ("pro", HOSTILE)[number % 2]}}
        for number in range(4)
    ]  # fmt: skip
    return found


def level(name: str, count: int, observed: float | None) -> dict[str, Any]:
    return {"level": name, "rows": count, "observed": observed, "low": 0.5, "high": 0.75}


def figures() -> dict[str, Any]:
    """Of a backtest with two origins, as `model_figures` gives them."""

    def standing(origin: str, contender: str) -> dict[str, Any]:
        return {
            "origin": origin,
            "contender": contender,
            "rows": 420,
            "accounts": 187,
            "events": 94.0,
            "calibration_error": 0.018,
            "intervals": {},
            "figures": {"auc": 0.849, "brier": 0.1228, "log_loss": 0.3839, "lift": None},
        }

    def group(name: str, accounts: int) -> dict[str, Any]:
        return {
            "grouping": "plan",
            "group": name,
            "rows": 50,
            "accounts": accounts,
            "predicted": 0.3,
            "observed": 0.36,
            "gap": 0.06,
            "brier": 0.2,
            "interval": {"low": -0.02, "high": 0.14},
        }

    target = {
        "title": "Detractor risk", "event": "detractors", "chosen": "the history prior",
        "reason": "the learners beat the prior", "rows": 3328, "events": 738.0, "others": 2590.0,
        "groups": [group(HOSTILE, 40), group("nearly nobody", 3)],
        "scores": {"bins": [{"low": i / 20, "high": (i + 1) / 20, "accounts": i}
                            for i in range(20)]},
        "standings": [standing(o, c) for o in ("2026-03-17", "all") for c in ("chosen", "prior")],
        "curve": [{"contender": "chosen", "predicted": 0.1, "observed": 0.12, "low": 0.05,
                   "high": 0.2, "weight": 42.0}],
        "levels": [level("high", 65, 0.63), level("medium", 79, 0.02), level("low", 3, 0.4)],
    }  # fmt: skip
    return {
        "facts": {"accounts": 290, "days": 31, "first_day": "2023-09-29", "features": 4},
        "verdicts": [{"target": "detractor", "headline": f"Worth using. {HOSTILE}"}],
        "targets": {"detractor": target},
        "nps": [{"origin": "all", "contender": "chosen", "observed": 22.9, "predicted": 19.2,
                 "company_error": 5.66, "segment_error": None, "account_error": 54.4}],
        "coverage": [{"level": 80, "kind": "company", "size": "100-299 answers", "covered": 2,
                      "of": 4}],
        "audit": [],
    }  # fmt: skip


def scored(store: Store, moved: bool = True, old: bool = False, **changes: Any) -> Any:
    """What `model_page` and `drift_page` read of a scored run: the tiny model's, for its run."""
    train, now = rows(600, seed=1).assign(as_of=pd.Timestamp("2026-03-01")), rows(150, seed=2)
    if moved:
        now[SPECS[0].name] = now[SPECS[0].name] * 50
    model = replace(tiny_model(), windows={"detractor": WINDOW}, **changes)
    gates = GateReport((judged("skill", True, 1, 1, HOSTILE), judged("calibration", False, 0.2, 0.1,
                        "off by 0.1"), not_judged("champion", "there is none")))  # fmt: skip
    card = f"# Card\n\n{HOSTILE}\n"
    more = {} if old else {
        "gates": gates, "reference": reference_of(train, SPECS), "figures": figures()
    }  # fmt: skip
    files = pack(model, golden_rows(now, SPECS), card, **more)
    tables = [
        {"source": "usage", "rows": 10, "newest_at": DAY, "newest_known_at": DAY, "recent": 0,
         "before": 4},
        {"source": "responses", "rows": 9, "newest_at": None, "newest_known_at": None,
         "recent": 2, "before": 3},
    ]  # fmt: skip
    return SimpleNamespace(
        run=store.latest_run("tiny"),
        model=model,
        files=files,
        inputs=SimpleNamespace(now=now),
        predicted=model.predict(now),
        explanation=explain(model, now),
        project=SimpleNamespace(worklist=SimpleNamespace(high_risk=0.5, medium_risk=0.25)),
        builder=SimpleNamespace(freshness=lambda _: tables),
    )


def write_segments(store: Store, with_themes: bool = True, **changes: Any) -> None:
    """The documents of the segments' page, of the report with `changes`."""
    run = store.latest_run("tiny")
    with store.writing() as connection:
        content, _ = shortened(replace(report(), **changes))
        write_run_page(connection, run, SEGMENTS, content)
        if with_themes:
            write_run_page(connection, run, THEMES, themes())


def write_model(store: Store, run: Any) -> None:
    """The documents of the model's page, of what `scored` gives."""
    writes: list[Write] = [model_page(run), drift_page(run)]
    with store.writing() as connection:
        for write in writes:
            write(connection)


def nothing_known(segment: Segment) -> Segment:
    """A segment of a project without surveys: accounts and churn risk."""
    return replace(segment, now=None, next_reported=None, next_everyone=None, change=None,
                   against=None, detractor_risk=None, history=(), benchmarks=())  # fmt: skip
