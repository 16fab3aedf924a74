"""`/model`: how good the model is, and what to do next; `/model/figures`: its figures."""

from __future__ import annotations

from starlette.responses import Response

from npsight.jobs.runs.came import CAME
from npsight.jobs.runs.drift import DRIFT
from npsight.jobs.runs.model import MODEL
from npsight.store.rows import ScoreRun
from npsight.store.runpages import run_page
from npsight.web.late import late_tables
from npsight.web.modelfigures import figures_of
from npsight.web.modelwords import Told, words_of
from npsight.web.page import Page, PageRoute
from npsight.web.visible import latest_run


def model_page(page: Page) -> Response:
    """In words."""
    run = latest_run(page)
    told = _told(page, run)
    return page.html("model.html", view=None if told is None else words_of(told), run=run)


def figures_page(page: Page) -> Response:
    """In figures."""
    run = latest_run(page)
    told = _told(page, run)
    if told is None:
        return page.html("model.html", view=None, run=run)
    return page.html("model_figures.html", view=figures_of(told, page.only_owner is None), run=run)


def _told(page: Page, run: ScoreRun) -> Told | None:
    """What the store has of the run's model; None for a run of an older npsight."""
    store, runs = page.store, page.store.runs(page.project.name)
    model, drift = (run_page(store, run.id, name) for name in (MODEL, DRIFT))
    if model is None or drift is None:
        return None
    earlier = next((other for other in runs if other.id != run.id), None)
    return Told(
        run=run,
        runs=tuple(runs),
        now=page.now,
        model=model,
        drift=drift,
        drift_before=None if earlier is None else run_page(store, earlier.id, DRIFT),
        served=page.state.version,
        troubles=page.live.standing.troubles,
        period_days=page.project.training.period_days,
        high_risk=page.project.worklist.high_risk,
        medium_risk=page.project.worklist.medium_risk,
        late=late_tables(store, run),
        came=run_page(store, run.id, CAME),
    )


ROUTES = (
    PageRoute("GET", "/model", model_page),
    PageRoute("GET", "/model/figures", figures_page),
)
