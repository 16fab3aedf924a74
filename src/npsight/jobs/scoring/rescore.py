"""Score accounts again, at once, with the facts that came since the last run of all accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd

from npsight.config.schema import Worklist
from npsight.config.specs import ProjectSpec
from npsight.drivers.explain import explain
from npsight.drivers.peers import Peers
from npsight.errors import StateError
from npsight.jobs.building.frames import KEYS
from npsight.jobs.building.held import features_of, held
from npsight.jobs.building.servingfacts import WAY_OUT, ServingFactsError, find_serving_facts
from npsight.jobs.postedfacts import posted_of
from npsight.jobs.scoring.rescoreplan import Plan
from npsight.jobs.scoring.scored import (
    ScoreInputs,
    notes_of,
    score_frame,
    score_rows,
    stored_inputs,
)
from npsight.models.model import Model
from npsight.store import (
    Rescored,
    ScoreChange,
    ScoreRow,
    ScoreRun,
    Store,
    newest_known,
    newest_posted,
    pending,
    revenues,
    write_rescored,
)
from npsight.worklist.priority import priorities
from npsight.worklist.rank import days_until, expected_fall, target_of

MOST_AT_ONCE = 200
TRIES = 3
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Settled:
    """What became of an account: the change, or why it was not scored again."""

    change: ScoreChange | None
    why: str | None = None


@dataclass(frozen=True)
class ServedModel:
    """The model that scores, and its version."""

    model: Model
    version: int


class Rescorer:
    """Scores accounts again, one batch at a time; safe to share between threads.

    Whoever waits while others are scored is scored together with all who wait. Of two processes
    that score an account at once, the result of the one that read more facts stays.
    """

    def __init__(self, project: ProjectSpec, store: Store) -> None:
        self._project = project
        self._store = store
        self._plan: Plan | None = None
        self._busy = Lock()
        self._guard = Lock()
        self._waiting: dict[str, tuple[str, Future[Settled]]] = {}

    def close(self) -> None:
        """Let go of what was kept."""
        with self._busy:
            self._forget_plan()

    def settle(
        self, served: ServedModel, accounts: Sequence[str], cause: str
    ) -> dict[str, Settled]:
        """Score accounts with all facts that are in the store; see `Settled` for each.

        Raises
        ------
        StateError
            The store failed; the facts wait.
        """
        mine: dict[str, Future[Settled]] = {}
        with self._guard:
            for account in dict.fromkeys(accounts):
                _, mine[account] = self._waiting.setdefault(account, (cause, Future()))
        while not _all_done(mine):
            with self._busy:
                # Who was scored meanwhile leaves the work to those that wait.
                if not _all_done(mine):
                    self._work(served)
        return {account: future.result() for account, future in mine.items()}

    def settle_pending(self, served: ServedModel) -> list[str]:
        """Score accounts whose newest facts no score knows; returns those that were."""
        done: list[str] = []
        run = self._store.latest_run(self._project.name)
        while waiting := pending(self._store, self._project.name, run.id, limit=MOST_AT_ONCE):
            settled = self.settle(served, waiting, "fact")
            scored = [account for account, one in settled.items() if one.change is not None]
            done += scored
            # What cannot be scored stays pending, and would be found again and again.
            if len(scored) < len(waiting):
                break
        return done

    def waiting(self, run_id: str, accounts: Sequence[str]) -> list[str]:
        """Those of the accounts with facts that no score knows."""
        found = set(pending(self._store, self._project.name, run_id, among=accounts))
        return [account for account in accounts if account in found]

    def known(self, accounts: Sequence[str]) -> set[str]:
        """Those of the accounts that a run has, or that the tables had when it was made."""
        run = self._store.latest_run(self._project.name)
        found = set(self._store.scores_of(run.id, list(accounts)))
        others = [account for account in accounts if account not in found]
        if others:
            with self._busy:
                try:
                    found |= self._current_plan().knows(others)
                except ServingFactsError:
                    if self._project.tables.accounts is None:
                        found |= set(others)
        return found

    # --- One batch, under the lock -----------------------------------------------------------

    def _work(self, served: ServedModel) -> None:
        with self._guard:
            batch = dict(list(self._waiting.items())[:MOST_AT_ONCE])
            for account in batch:
                del self._waiting[account]
        if not batch:
            return
        causes = {account: cause for account, (cause, _) in batch.items()}
        try:
            settled = self._scored(served, causes)
        except BaseException as error:
            self._forget_plan()
            for _, future in batch.values():
                future.set_exception(error)
            return
        for account, (_, future) in batch.items():
            future.set_result(settled[account])

    def _scored(self, served: ServedModel, causes: Mapping[str, str]) -> dict[str, Settled]:
        for _ in range(TRIES):
            run = self._store.latest_run(self._project.name)
            rows = self._store.scores_of(run.id, list(causes))
            why = "the latest run does not have the account; it is scored in the next one"
            settled = {a: Settled(None, why) for a in causes if a not in rows}
            if not rows:
                return settled
            try:
                plan = self._current_plan()
            except ServingFactsError as error:
                why = f"{error}: {WAY_OUT}"
                return settled | {account: Settled(None, why) for account in rows}
            seq = newest_posted(self._store, self._project.name)
            rescored = self._rescored(served.model, plan, run, rows, seq)
            now = datetime.now(UTC)
            changes = write_rescored(
                self._store,
                run,
                rescored,
                seq,
                served.version,
                causes,
                now,
                self._project.worklist.contacted_days,
            )
            if changes is not None:
                return settled | self._told(rows, rescored, changes)
        raise StateError(
            "the project is scored again and again meanwhile\n  → send the fact again later"
        )

    @staticmethod
    def _told(
        rows: Mapping[str, ScoreRow],
        rescored: Sequence[Rescored],
        changes: Mapping[str, ScoreChange],
    ) -> dict[str, Settled]:
        alive = {item.row.account for item in rescored}
        gone = "the account is not among those that exist at its as_of, or has left"
        later = "another process scored the account with later facts"
        return {
            account: Settled(changes.get(account), None)
            if account in changes
            else Settled(None, later if account in alive else gone)
            for account in rows
        }

    def _current_plan(self) -> Plan:
        facts = find_serving_facts(self._project)
        if self._plan is not None and self._plan.facts != facts:
            self._forget_plan()
        if self._plan is None:
            self._plan = Plan(self._project, facts)
        return self._plan

    def _forget_plan(self) -> None:
        if self._plan is not None:
            self._plan.close()
            self._plan = None

    def _rescored(
        self, model: Model, plan: Plan, run: ScoreRun, rows: Mapping[str, ScoreRow], seq: int
    ) -> list[Rescored]:
        """New rows and inputs of the accounts that exist at their as_of."""
        days = as_ofs(run, rows, newest_known(self._store, self._project.name, list(rows)))
        concerning = None if plan.reads_everyone else plan.together_with(list(rows))
        sent = posted_of(self._store, self._project.name, plan.facts.through, seq, concerning)
        inputs = read_inputs(plan, days, sent, self._project.training.period_days)
        if len(inputs.now) == 0:
            return []
        predicted = model.predict(inputs.now)
        scores = score_frame(self._project.worklist, model, inputs, predicted)
        others: list[float | None] = []
        if scores["revenue"].isna().any():
            others = revenues(self._store, run.id, but=list(rows))
        listed = placed(scores, rows, others, self._project.worklist)
        return rescored_rows(model, run, inputs, scores, listed)


def _all_done(futures: Mapping[str, Future[Settled]]) -> bool:
    return all(future.done() for future in futures.values())


def as_ofs(
    run: ScoreRun, rows: Mapping[str, ScoreRow], newest: Mapping[str, datetime]
) -> dict[str, datetime]:
    """For each account the instant to score it at: UTC, without a zone.

    That is the as_of of the latest run, but never before that of its present score, and always
    after the newest `known_at` of its facts: a feature reads only `known_at < as_of`.
    """
    found = {}
    for account, row in rows.items():
        instants = [run.as_of, row.as_of]
        if account in newest:
            instants.append(newest[account] + TICK)
        found[account] = max(instants).astimezone(UTC).replace(tzinfo=None)
    return found


def read_inputs(
    plan: Plan, days: Mapping[str, datetime], sent: Any, period_days: int
) -> ScoreInputs:
    """Features now and one period earlier, for the accounts that exist at their as_of.

    Features of a table that was held in the run stay those of its last load, but for an account
    of which it has sent facts since.
    """
    earlier = {account: at - timedelta(days=period_days) for account, at in days.items()}
    pairs = [*days.items(), *earlier.items()]
    held_at, held_before = plan.facts.held_at, plan.facts.held_before
    instants = {*held_at.values(), *held_before.values()}
    pairs += [(account, at) for at in instants for account in days]
    spine = pd.DataFrame(pairs, columns=KEYS).astype({"account": object})
    spine["as_of"] = spine["as_of"].astype("datetime64[us]")
    found = plan.features(spine.drop_duplicates(), sent)
    is_now = _of(found.features, days)
    now = found.features[is_now].reset_index(drop=True)
    for source, at in held_at.items():
        then = found.features[found.features["as_of"] == at]
        if source in sent.facts:
            since = sent.facts[source].column("account").to_pylist()
            then = then[~then["account"].isin(since)]
        now = held(now, then, features_of(plan.project.features, source))
    before = found.features[_of(found.features, earlier)].reset_index(drop=True)
    for source, at in held_before.items():
        then = found.features[found.features["as_of"] == at]
        before = held(before, then, features_of(plan.project.features, source))
    past = now[["account"]].merge(before, on="account", how="left", validate="one_to_one")
    display = found.display[is_now].reset_index(drop=True)
    return ScoreInputs(now, past, display)


def _of(frame: pd.DataFrame, days: Mapping[str, datetime]) -> Any:
    wanted = pd.to_datetime(frame["account"].map(days)).astype("datetime64[us]")
    return (frame["as_of"] == wanted).to_numpy()


def placed(
    scores: pd.DataFrame,
    rows: Mapping[str, ScoreRow],
    others: Sequence[float | None],
    worklist: Worklist,
) -> pd.DataFrame:
    """Priority of each account as a run gives it; its rank stays until the next run.

    `others` are the revenues of the other accounts: the median of all stands in for a missing one.
    """
    count = len(scores)
    column = target_of(scores, worklist)
    days = [
        days_until(pd.Series([at]), as_of)[0]
        for at, as_of in zip(scores["renewal_at"], scores["as_of"], strict=True)
    ]
    blank = np.full(len(others), np.nan)
    money = np.array([np.nan if v is None else v for v in others], dtype=np.float64)
    found = priorities(
        np.concatenate([scores[column].to_numpy(np.float64), blank]),
        np.concatenate([scores["revenue"].to_numpy(np.float64), money]),
        np.concatenate([np.array(days, dtype=np.float64), blank]),
        worklist,
        np.concatenate([expected_fall(scores), blank]),
    )
    listed = [
        rows[account].rank is not None or band in worklist.bands
        for account, band in zip(scores["account"], scores["band_now"], strict=True)
    ]
    return pd.DataFrame(
        {
            "account": scores["account"],
            "rank": [rows[account].rank for account in scores["account"]],
            "priority": np.where(listed, found.value[:count], np.nan),
            "priority_reason": [
                r if on else None for r, on in zip(found.reason[:count], listed, strict=True)
            ],
            "within_capacity": [rows[account].within_capacity for account in scores["account"]],
        }
    )


def rescored_rows(
    model: Model, run: ScoreRun, inputs: ScoreInputs, scores: pd.DataFrame, listed: pd.DataFrame
) -> list[Rescored]:
    """Rows and inputs as a run makes them, with sentences that compare with the run's peers."""
    explanation = explain(model, inputs.now)
    peers = Peers.from_json(run.peers) if run.peers else Peers({}, {})
    told = notes_of(model, explanation, inputs, peers)
    rows = score_rows(scores, listed, explanation, told)
    kept = stored_inputs(model, inputs)
    return [Rescored(row, now, past) for row, (_, now, past) in zip(rows, kept, strict=True)]
