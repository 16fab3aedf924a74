"""Looks at a project's data before anything is learned: what is there, and what will go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from npsight.config.specs import ProjectSpec
from npsight.errors import Problem
from npsight.jobs.notes.answers import Answers, about_answers
from npsight.temporal.instants import INSTANT

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from npsight.tables.report import TableReport
    from npsight.temporal.facts import Facts

_STALE_PERIODS = 1


@dataclass(frozen=True)
class PeriodAnswers:
    """Answers of one period, `[start, start + period_days)`; periods are counted back from the
    end of the data.
    """

    start: datetime
    detractors: int
    passives: int
    promoters: int

    @property
    def answers(self) -> int:
        """All answers of the period."""
        return self.detractors + self.passives + self.promoters

    @property
    def nps(self) -> float | None:
        """100 × (promoter share − detractor share); None without an answer."""
        if not self.answers:
            return None
        return 100 * (self.promoters - self.detractors) / self.answers


@dataclass(frozen=True)
class TargetDays:
    """Training days a target has: from `first` to `last`, `days` of them."""

    target: str
    days: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class CheckReport:
    """What `check` found.

    Attributes
    ----------
    project
        The project's name.
    tables
        The report of each table, in the order in which they were read.
    accounts
        Accounts in all.
    never_answered
        Share of accounts without a single answer; None for a project without responses.
    periods
        Answers by band and period, oldest first, periods without any answer included.
    features
        Number of features of a model, those of the NPS history included.
    targets
        How many training days each target has.
    warnings
        What will disappoint later, each with its remedy. None of them stops a job.
    data_start, data_end
        The bounds of the facts (UTC).
    digest
        Of the content of the facts.
    is_snapshot
        Whether the data hold no time at all.
    """

    project: str
    tables: tuple[TableReport, ...]
    accounts: int
    never_answered: float | None
    periods: tuple[PeriodAnswers, ...]
    features: int
    targets: tuple[TargetDays, ...]
    warnings: tuple[Problem, ...]
    data_start: datetime
    data_end: datetime
    digest: str
    is_snapshot: bool


def check(
    project: ProjectSpec,
    progress: Callable[[str], None] | None = None,
    *,
    now: datetime | None = None,
) -> CheckReport:
    """Read and check every table; nothing is written but the quarantine.

    Raises
    ------
    DataError
        As `npsight.tables.prepare.prepare` does: with the problems of all tables.
    ConfigError
        Own expressions cannot be used (see `npsight.features.own`), or the engine that is to
        compute the features does not answer.
    """
    from npsight.features.own import check_own
    from npsight.jobs.building.frames import own_functions
    from npsight.jobs.notes.featurehints import feature_hints
    from npsight.jobs.postedfacts import posted_facts
    from npsight.tables.engine import connect
    from npsight.tables.handover import open_engine
    from npsight.tables.prepare import prepare

    with connect(project) as backend, open_engine(project, backend):
        quarantine = project.state_dir / "quarantine"
        sent = posted_facts(project)
        prepared = prepare(project, backend, quarantine, progress, now=now, posted=sent)
        facts = prepared.facts
        check_own(facts.sources, project.features, own_functions(project))
        accounts = _count(facts.accounts)
        answers = Answers.of(facts)
        targets = tuple(_training_days(project, facts))
        found = _Findings(project, facts, answers, targets, prepared.reports, _utc(now))
        return CheckReport(
            project=project.name,
            tables=prepared.reports,
            accounts=accounts,
            never_answered=None if answers is None else 1 - answers.accounts / max(accounts, 1),
            periods=_periods(project, facts),
            features=len(project.features),
            targets=targets,
            warnings=(*found.warnings(), *feature_hints(project, facts)),
            data_start=facts.data_start,
            data_end=facts.data_end,
            digest=prepared.digest,
            is_snapshot=project.is_snapshot,
        )


def _utc(now: datetime | None) -> datetime:
    from npsight.tables.prepare import as_utc

    return as_utc(now)


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def _periods(project: ProjectSpec, facts: Facts) -> tuple[PeriodAnswers, ...]:
    responses = facts.sources.get("responses")
    if responses is None:
        return ()
    day, length = timedelta(days=1), timedelta(days=project.training.period_days)
    # Counted back from midnight after the data's end, so that the newest period is a whole one.
    end = facts.data_end.replace(hour=0, minute=0, second=0, microsecond=0) + day
    back = _seconds_before(end, responses) // int(length.total_seconds())
    placed = responses.select(back=back, band=responses.band)
    counted = placed.group_by("back", "band").aggregate(n=placed.count())
    counts: dict[int, dict[str, int]] = {}
    for row in counted.to_pyarrow().to_pylist():
        counts.setdefault(int(row["back"]), {})[row["band"]] = row["n"]
    return tuple(
        PeriodAnswers(
            end - (index + 1) * length,
            *(counts.get(index, {}).get(band, 0) for band in ("detractor", "passive", "promoter")),
        )
        for index in range(max(counts, default=-1), -1, -1)
    )


def _seconds_before(end: datetime, responses: ir.Table) -> ir.IntegerValue:
    """Whole seconds from each answer to `end`, at least 0."""
    import ibis

    return ibis.literal(end, type=INSTANT).epoch_seconds() - (
        responses.occurred_at.epoch_seconds() + 1
    )


def _training_days(project: ProjectSpec, facts: Facts) -> Iterator[TargetDays]:
    """As the training job lays its grid: the newest outcome window must have ended."""
    from npsight.jobs.training.days import labelled_days

    named = {"detractor": project.detractor, "churn": project.churn}
    for name, target in named.items():
        if target is None:
            continue
        if project.is_snapshot:
            yield TargetDays(name, 1, None, None)
            continue
        window = timedelta(days=target.gap_days + target.horizon_days)
        grid = labelled_days(project, facts, window)
        yield TargetDays(name, len(grid), grid[0] if grid else None, grid[-1] if grid else None)


@dataclass(frozen=True)
class _Findings:
    """What will disappoint later, found from the counts."""

    project: ProjectSpec
    facts: Facts
    answers: Answers | None
    targets: tuple[TargetDays, ...]
    reports: tuple[TableReport, ...]
    now: datetime

    def warnings(self) -> Iterator[Problem]:
        """Every warning, those about answers first."""
        from npsight.jobs.notes.begun import begun_after_answers
        from npsight.jobs.notes.bookedends import unread_ends
        from npsight.jobs.notes.connected import begun_late, of_other_case, stale, unconnected
        from npsight.jobs.notes.holes import holes
        from npsight.jobs.notes.trials import own_answers, trial_accounts

        if self.project.is_snapshot:
            yield Problem(
                "a snapshot has no time in it: nothing about time can be checked, and a column "
                "filled in after the outcome would pass unseen",
                "bring dated tables where you can; until then look hard at the strongest drivers",
            )
            return
        if self.answers is not None:
            yield from about_answers(self.project, self.facts, self.answers)
        yield from unconnected(self.facts)
        # Where accounts are listed, a key in another case is none of them, and a bad row.
        if self.project.tables.accounts is None:
            yield from of_other_case(self.facts)
        yield from self._about_times()
        yield from begun_after_answers(self.project, self.facts)
        yield from holes(self.project, self.facts)
        yield from trial_accounts(self.project, self.facts)
        yield from own_answers(self.project, self.facts)
        yield from unread_ends(self.project, self.facts)
        yield from self._about_days()
        yield from self._about_age()
        yield from stale(self.facts)
        yield from self._about_the_gone()
        first = self._first_labelled()
        if first is not None:
            yield from begun_late(self.facts, first)
        yield from self._about_rows()

    def _about_times(self) -> Iterator[Problem]:
        from npsight.jobs.notes.piledtimes import piled_times

        return piled_times(self.project, self.facts)

    def _about_days(self) -> Iterator[Problem]:
        wanted = self.project.training.origins + 1
        for target in self.targets:
            if target.days == 0:
                yield Problem(
                    "no training day has an outcome window that has ended",
                    "bring more history, or shorten `gap_days`, `horizon_days` or "
                    "`training.period_days`",
                    key=f"targets.{target.target}",
                )
            elif target.days < wanted:
                yield Problem(
                    f"only {target.days} training days, and the backtest looks at "
                    f"{self.project.training.origins} origins",
                    "lower `training.step_days` or `training.origins`, or bring more history",
                    key=f"targets.{target.target}",
                )

    def _first_labelled(self) -> datetime | None:
        """The first training day with an outcome: none looks at answers before the first one."""
        days = [
            max(target.first, answered)
            for target in self.targets
            if target.first is not None
            and (answered := self._first_answered(target.target)) is not None
        ]
        return min(days, default=None)

    def _first_answered(self, target: str) -> datetime | None:
        """The earliest day whose outcome window holds an answer; any day, for other outcomes."""
        detractor, responses = self.project.detractor, self.facts.sources.get("responses")
        if target != "detractor" or detractor is None or responses is None:
            return self.facts.data_start
        first = responses.occurred_at.min().to_pyarrow().as_py()
        window = timedelta(days=detractor.gap_days + detractor.horizon_days)
        return None if first is None else first - window

    def _about_age(self) -> Iterator[Problem]:
        old = (self.now - self.facts.data_end).days
        period = self.project.training.period_days
        if old > period * _STALE_PERIODS:
            yield Problem(
                f"the newest fact is {old:,} days old, longer than a period ({period} days)",
                "load newer tables before you act on predictions made from these",
            )

    def _about_the_gone(self) -> Iterator[Problem]:
        """Accounts that no table says are gone; where one says who left, the rest are there."""
        from npsight.jobs.notes.gonesilent import gone_silent

        tables = self.project.tables
        ends = tables.accounts is not None and tables.accounts.valid_to
        if ends or tables.subscriptions or tables.churn or self.facts.left_after:
            return
        keys = self.facts.accounts.select("account").to_pyarrow().to_pydict()["account"]
        end = self.facts.data_end + timedelta(microseconds=1)
        yield from gone_silent(self.project, self.facts, end, keys, "accounts")

    def _about_rows(self) -> Iterator[Problem]:
        from npsight.tables.report import IDENTICAL, IDENTICAL_STATES, NOTES_TO_CHECK

        for report in self.reports:
            ahead = sum(f.rows for f in report.faults if "lies in the future" in f.reason)
            if ahead:
                yield Problem(
                    f"{ahead:,} rows are dated in the future",
                    "check the time zone and the clock of the export",
                    key=report.key,
                )
            for what, rows in report.notes:
                remedy = next((r for n, r in NOTES_TO_CHECK.items() if what.startswith(n)), None)
                if remedy is not None and rows > 0.01 * report.rows:
                    happened = report.key.startswith(("tables.activity", "tables.responses"))
                    found = f"{what} in {rows:,} of {report.rows:,} rows"
                    states = what == IDENTICAL and not happened
                    yield Problem(found, IDENTICAL_STATES if states else remedy, key=report.key)
