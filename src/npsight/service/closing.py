"""A posted answer closes the follow-up of its account at once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from npsight.config.schema import Responses
from npsight.config.specs import ProjectSpec
from npsight.errors import NpsightError
from npsight.service.state import ServingState
from npsight.store import PostedFact
from npsight.store.followups import close_answered, waiting_of
from npsight.tables.posted import RESPONSES, table_of
from npsight.worklist.bands import BandNow, band_of
from npsight.worklist.followups import Answer, Reading

log = logging.getLogger(__name__)
ACTOR = "api"


def close_loops(state: ServingState, facts: Sequence[PostedFact], now: datetime) -> None:
    """Close what the kept answers among the facts close.

    A fault here fails no request: the answers are kept, and the next run of all accounts closes
    the same follow-ups.
    """
    answers: dict[str, list[Answer]] = {}
    for fact in facts:
        if fact.source == RESPONSES:
            answers.setdefault(fact.account, []).append(_answer(state.spec, fact, now))
    if not answers:
        return
    store, project = state.store, state.project
    try:
        if not waiting_of(store, project, list(answers)):
            return
        run = store.latest_run(project)
        scored = store.scores_of(run.id, list(answers))
        standing = {
            account: Reading(
                row.as_of, risk=row.detractor_risk, nps=row.predicted_nps, churn_risk=row.churn_risk
            )
            for account, row in scored.items()
        }
        with store.writing() as connection:
            close_answered(connection, project, answers, standing, ACTOR, now)
    except NpsightError as error:
        log.warning("follow-ups wait for the next run to be closed: %s", error)


def _answer(project: ProjectSpec, fact: PostedFact, now: datetime) -> Answer:
    touchpoint = fact.content.get("touchpoint")
    place = table_of(project.tables.responses, touchpoint)
    assert place is not None, "the fact was kept as an answer of this table"
    score = float(fact.content["score"])
    band = _band(project.tables.responses[place], score, fact.occurred_at)
    return Answer(fact.occurred_at, fact.known_at or now, score, band)


def _band(table: Responses, score: float, at: datetime) -> BandNow:
    """The band on the scale of the day, as reading the table would find it."""
    day = at.date()
    valid = [
        bands
        for bands in table.bands
        if (bands.valid_from is None or day >= bands.valid_from)
        and (bands.valid_to is None or day < bands.valid_to)
    ]
    return band_of(score, valid[0])
