"""Works on jobs in the background, a chunk of accounts at a time."""

from __future__ import annotations

import logging
import secrets
import threading
from typing import Any

from npsight.errors import ModelIntegrityError, NotFoundError, NpsightError
from npsight.service.asking import narrowed, targets_of, unknown
from npsight.service.scoring import JsonObject, score_inputs
from npsight.service.state import Live, ServingState
from npsight.store import ScoreJob, ScoreRun
from npsight.store.jobs import (
    LeaseLostError,
    fail_job,
    keep_results,
    next_chunk,
    release_job,
    start_over,
    take_job,
)
from npsight.store.store import KEEP_INPUTS

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0
PAUSE_SECONDS = 0.01
"""Between chunks, so that requests come first."""
RETRY_SECONDS = 5.0


class JobRunner:
    """One thread that takes up jobs, by lease: of several processes one works on each job.

    The served model is read anew for each chunk. Where model or run were replaced meanwhile, the
    job starts over, so that the results of a job are all made of the same ones.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._name = secrets.token_hex(8)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="npsight-jobs", daemon=True)

    def start(self) -> None:
        """Begin to look for jobs."""
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """End after the chunk under way; the job is left for others to go on with."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _loop(self) -> None:
        wait = POLL_SECONDS
        while not self._stopped.wait(wait):
            wait = POLL_SECONDS
            try:
                while not self._stopped.is_set() and self.work():
                    pass
            except NpsightError as error:
                # The store is locked, full or away: the lease ends, and the job is taken up again.
                log.error("jobs: %s", error)
                wait = RETRY_SECONDS
            except Exception as error:
                log.error("jobs: %s", type(error).__name__)
                wait = RETRY_SECONDS

    def work(self) -> bool:
        """Take up one job and go on with it to its end; whether there was one."""
        state = self._live.state
        job = take_job(state.store, state.project, self._name)
        if job is None:
            return False
        try:
            self._finish(job)
        except LeaseLostError:
            log.warning("job %s is worked on elsewhere", job.id)
        return True

    def _finish(self, job: ScoreJob) -> None:
        while not self._stopped.is_set():
            state = self._live.state
            try:
                job, run = self._made_of_the_same(state, job)
                chunk = next_chunk(state.store, job)
                if chunk is None:
                    return
                number, accounts = chunk
                results = score_chunk(state, run, job, accounts)
            except (ModelIntegrityError, NotFoundError) as error:
                log.error("job %s: %s", job.id, error)
                fail_job(state.store, job, self._name, FAILED)
                return
            job = keep_results(state.store, job, self._name, number, results)
            if job.status == "done":
                return
            self._stopped.wait(PAUSE_SECONDS)
        release_job(self._live.state.store, job, self._name)

    def _made_of_the_same(self, state: ServingState, job: ScoreJob) -> tuple[ScoreJob, ScoreRun]:
        """The job's run, whose inputs are kept; else the job as it starts over with the latest."""
        runs = state.store.runs(state.project, limit=KEEP_INPUTS)
        run = next((run for run in runs if run.id == job.run_id), None)
        if run is not None and job.model_digest == state.digest:
            return job, run
        latest = state.store.latest_run(state.project)
        model = (state.version, state.digest)
        return start_over(state.store, job, self._name, latest, model), latest


FAILED = "the served model does not fit the stored inputs; score the project again"


def score_chunk(
    state: ServingState, run: ScoreRun, job: ScoreJob, accounts: list[Any]
) -> list[JsonObject]:
    """A result for each account, in order; what is no key was judged when the job was taken on."""
    wanted = list(dict.fromkeys(a for a in accounts if isinstance(a, str)))
    inputs = list(state.store.inputs(run.id, wanted).values())
    rows = state.store.scores_of(run.id, [item.account for item in inputs])
    scored = score_inputs(state, run, inputs, rows, job.drivers) if inputs else {}
    targets = targets_of(job.targets)
    found = [(scored.get(a) or unknown(a)) if isinstance(a, str) else a for a in accounts]
    return [narrowed(result, targets) for result in found]
