"""What a scoring run does for the measuring of calls: enrol, note contacts, read outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.jobs.building.frames import FeatureBuilder
from npsight.jobs.training.fit import windows
from npsight.store import open_project_store
from npsight.store.holdouts import (
    Enrolment,
    Known,
    Outcome,
    add_enrolments,
    drivers_of,
    known_before,
    note_contacts,
    note_outcomes,
    unsettled,
)
from npsight.temporal.spine import midnight_after, midnight_before
from npsight.worklist.holdout import Draw, enrol, measured, measuring_days
from npsight.worklist.priority import UNKNOWN
from npsight.worklist.rank import days_until

if TYPE_CHECKING:
    from npsight.jobs.runs.writes import ScoredRun, Write

DAY = timedelta(days=1)
COVARIATES = (
    "owner",
    "segment",
    "band_now",
    "detractor_risk",
    "predicted_nps",
    "churn_risk",
    "answer_prob",
    "revenue",
)


@dataclass(frozen=True)
class Rhythm:
    """How long an enrolment runs, and the part of each outcome window that lies within it."""

    days: int
    windows: Mapping[str, OutcomeWindow]

    @classmethod
    def of(cls, project: ProjectSpec) -> Rhythm:
        """That of a project."""
        found = windows(project)
        days = measuring_days(project.training.period_days, found.values())
        return cls(days, {name: measured(days, window) for name, window in found.items()})


def holds_out(scored: ScoredRun) -> Write:
    """Read what came of enrolments; then, in the run's transaction, keep it and enrol anew.

    Only a run of the newest facts enrols: one of a day in the past shows nobody a list. A project
    without time in its data measures nothing.
    """
    if scored.project.is_snapshot:
        return _nothing
    project, as_of = scored.project, _aware(scored.run.as_of)
    now = max(as_of, _aware(scored.run.created_at))
    rhythm = Rhythm.of(project)
    with closing(open_project_store(project)) as store:
        open_ones = unsettled(store, project.name, as_of - rhythm.days * DAY)
    outcomes = read_outcomes(scored.builder, open_ones, rhythm, scored.run.as_of)
    told = _last_contacts(scored.scores)
    is_current = _is_current(scored)

    def write(connection: Any) -> None:
        note_contacts(connection, project.name, open_ones, told)
        note_outcomes(connection, project.name, as_of, outcomes)
        known = known_before(connection, project.name, as_of, now)
        if is_current and (known.newest is None or known.newest <= as_of):
            drawn = _draws(scored, known)
            notes = drivers_of(connection, scored.run.id, [draw.account for draw in drawn])
            new = list(_enrolments(scored, rhythm, known, drawn, notes))
            shown_until = now + rhythm.days * DAY
            add_enrolments(connection, project.name, new, now, shown_until)

    return write


def read_outcomes(
    builder: FeatureBuilder,
    enrolled: Iterable[Enrolment],
    rhythm: Rhythm,
    as_of: datetime,
) -> dict[tuple[str, int], Outcome]:
    """Outcomes of the enrolments whose windows have all ended, by account and number.

    The windows are those of the rules of time, cut to the enrolment: of an enrolment at the
    instant t an answer counts in `[t + gap, t + min(gap + horizon, days))`, and a window has ended
    when its end is at or before both as_of (UTC without a zone) and the end of the data. An
    account that was merged away meanwhile has an outcome of which nothing is known.
    """
    last = max(window.end for window in rhythm.windows.values())
    end = min(as_of, builder.facts.data_end)
    due = [one for one in enrolled if _bare(one.assigned_at) + last <= end]
    if not due:
        return {}
    keys = pd.DataFrame(
        {
            "account": [one.account for one in due],
            "as_of": pd.to_datetime([_bare(one.assigned_at) for one in due]).astype(
                "datetime64[us]"
            ),
        }
    )
    spine = builder.given_spine(keys)
    answers = _answers(builder, spine, rhythm) if "detractor" in rhythm.windows else {}
    churned = _churned(builder, spine, rhythm) if "churn" in rhythm.windows else {}
    found = {}
    for one in due:
        place = (one.account, _bare(one.assigned_at))
        told = answers.get(place, {})
        found[one.key] = Outcome(**told, churned=churned.get(place))
    return found


Place = tuple[str, datetime]


def _answers(builder: FeatureBuilder, spine: Any, rhythm: Rhythm) -> dict[Place, dict[str, Any]]:
    """Counts and first instant of the answers of each window; zeros for the silent."""
    window = rhythm.windows["detractor"]
    ended = builder.ended(spine, window)
    rows = builder.answer_rows(spine, window, ["occurred_at", "touchpoint"])
    touchpoints = builder.project.touchpoints
    if touchpoints:
        rows = rows[rows["touchpoint"].isin(touchpoints)]
    found: dict[Place, dict[str, Any]] = {
        _place(row): {"answers": 0, "detractors": 0, "promoters": 0}
        for row in ended.itertuples(index=False)
    }
    for row in rows.itertuples(index=False):
        told, at = found[_place(row)], _aware(pd.Timestamp(row.occurred_at).to_pydatetime())
        told["answers"] += 1
        told["detractors"] += row.band == "detractor"
        told["promoters"] += row.band == "promoter"
        told["first_answer_at"] = min(at, told.get("first_answer_at", at))
    return found


def _churned(builder: FeatureBuilder, spine: Any, rhythm: Rhythm) -> dict[Place, bool]:
    target = builder.project.churn
    assert target is not None
    rows = builder.churn(spine, target, rhythm.windows["churn"])
    return {_place(row): bool(row.churned) for row in rows.itertuples(index=False)}


def _place(row: Any) -> Place:
    return row.account, pd.Timestamp(row.as_of).to_pydatetime()


def _is_current(scored: ScoredRun) -> bool:
    """Whether nothing newer than its day could have been scored."""
    made = midnight_before(_bare(scored.run.created_at))
    newest = midnight_after(scored.builder.facts.data_end)
    return _bare(scored.run.as_of) >= min(newest, made)


def _draws(scored: ScoredRun, known: Known) -> list[Draw]:
    project, listed = scored.project, scored.listed
    callable_ = listed[listed["priority_reason"] != UNKNOWN]
    owners = callable_["owner"].astype(object).where(callable_["owner"].notna(), None)
    return enrol(
        zip(callable_["account"].tolist(), owners.tolist(), strict=True),
        known.standing,
        capacity=project.worklist.capacity,
        share=project.worklist.hold_out,
        seed=f"{project.name} {project.training.seed}",
    )


def _enrolments(
    scored: ScoredRun,
    rhythm: Rhythm,
    known: Known,
    drawn: list[Draw],
    notes: Mapping[str, list[dict[str, Any]]],
) -> Iterator[Enrolment]:
    as_of = _aware(scored.run.as_of)
    accounts = [draw.account for draw in drawn]
    rows = scored.listed.set_index("account").loc[accounts]
    renewal = days_until(rows["renewal_at"], as_of)
    told = _last_contacts(scored.scores[scored.scores["account"].isin(accounts)])
    for place, (draw, row) in enumerate(zip(drawn, rows.to_dict("records"), strict=True)):
        contacts = [c[draw.account] for c in (known.contacted_at, told) if draw.account in c]
        before = [at for at in contacts if at <= as_of]
        yield Enrolment(
            account=draw.account,
            number=draw.number,
            run_id=scored.run.id,
            assigned_at=as_of,
            until=as_of + rhythm.days * DAY,
            arm=draw.arm,
            hold_out_prob=draw.hold_out_prob,
            driver=_driver(notes.get(draw.account, [])),
            rank=int(row["rank"]),
            days_until_renewal=_plain(renewal[place]),
            days_since_contact=(as_of - max(before)) / DAY if before else None,
            **{name: _plain(row.get(name)) for name in COVARIATES},
        )


def _driver(notes: list[dict[str, Any]]) -> str | None:
    """The driver that adds most to the risk among those that people can act on."""
    raising = [n for n in notes if n.get("actionable") and (n.get("points") or 0) > 0]
    return max(raising, key=lambda n: float(n["points"]))["driver"] if raising else None


def _last_contacts(scores: pd.DataFrame) -> dict[str, datetime]:
    """The newest contact of each account by the tables, where they tell of contacts."""
    if "last_contact_at" not in scores:
        return {}
    rows = scores.loc[scores["last_contact_at"].notna(), ["account", "last_contact_at"]]
    instants = pd.to_datetime(rows["last_contact_at"], utc=True)
    pairs = zip(rows["account"], instants, strict=True)
    return {account: at.to_pydatetime() for account, at in pairs}


def _plain(value: Any) -> Any:
    return None if value is None or pd.isna(value) else value


def _nothing(_: Any) -> None:
    """Write nothing."""


def _aware(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _bare(instant: datetime) -> datetime:
    return _aware(instant).replace(tzinfo=None)
