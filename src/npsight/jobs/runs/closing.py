"""A scoring run closes the follow-ups whose accounts have answered."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import pandas as pd

from npsight.jobs.building.frames import FeatureBuilder
from npsight.store import open_project_store
from npsight.store.followups import close_answered, waiting
from npsight.temporal.facts import Facts
from npsight.temporal.instants import INSTANT
from npsight.temporal.windows import seen_before
from npsight.worklist.followups import Answer, Reading

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from npsight.jobs.runs.writes import ScoredRun, Write

ACTOR = "npsight score"
READ = ("account", "occurred_at", "known_at", "score", "band")


def closes(scored: ScoredRun) -> Write:
    """Read the answers that open follow-ups wait for; close those in the run's transaction."""
    project, as_of = scored.project, scored.run.as_of
    with closing(open_project_store(project)) as store:
        since = waiting(store, project.name)
    answers = answers_since(scored.builder, since, as_of)
    standing = _standing(scored.scores, answers, _aware(as_of))

    def write(connection: Any) -> None:
        close_answered(connection, project.name, answers, standing, ACTOR, datetime.now(UTC))

    return write


def answers_since(
    builder: FeatureBuilder, since: Mapping[str, datetime], as_of: datetime
) -> dict[str, list[Answer]]:
    """Answers of these accounts as a run at `as_of` (UTC without a zone) sees them.

    `since` gives each account's start: `occurred_at` lies in `[start, as_of)`, and the answer was
    known, in the version that held, before as_of. Accounts without such an answer are absent.
    """
    found: dict[str, list[Answer]] = {}
    if not since or "responses" not in builder.facts.sources:
        return found
    keys = pd.DataFrame({"account": list(since), "start": [_bare(at) for at in since.values()]})
    schema = ibis.schema({"account": dt.string, "start": INSTANT})
    starts = builder.keep(ibis.memtable(keys, schema=schema))
    table = answers_since_expr(builder.facts, starts, as_of)
    for row in builder.backend.to_pyarrow(table).to_pylist():
        times = {name: _aware(row[name]) for name in ("occurred_at", "known_at")}
        answer = Answer(**times, score=float(row["score"]), band=row["band"])
        found.setdefault(row["account"], []).append(answer)
    return found


def answers_since_expr(facts: Facts, starts: ir.Table, as_of: datetime) -> ir.Table:
    """`account`, `occurred_at`, `known_at`, `score` (as it was asked), `band` of each answer.

    Those with `start <= occurred_at < as_of` and `known_at < as_of`, `start` being the account's
    row of `starts`. An answer without a score is none.
    """
    responses = facts.sources["responses"]
    day = ibis.literal(as_of, type=INSTANT)
    joined = starts.join(responses, starts.account == responses.account).select(
        starts.start, responses
    )
    seen = joined.filter(seen_before(day, joined), joined.occurred_at >= joined.start)
    told = seen.mutate(score=seen.raw_score.cast(dt.float64)).filter(seen.band.notnull())
    return told.select(*READ)


def _standing(
    scores: pd.DataFrame, answers: Mapping[str, Any], as_of: datetime
) -> dict[str, Reading]:
    """How accounts that answered are scored by the run."""
    rows = scores[scores["account"].isin(list(answers))]
    return {
        row["account"]: Reading(
            as_of,
            risk=_number(row["detractor_risk"]),
            nps=_number(row["predicted_nps"]),
            churn_risk=_number(row["churn_risk"]),
        )
        for row in rows.to_dict("records")
    }


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _aware(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _bare(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)
