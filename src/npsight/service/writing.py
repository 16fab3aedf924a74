"""Endpoints that write: new facts are kept, and their accounts scored again at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import Response

from npsight.config.checks import suggest
from npsight.config.specs import ProjectSpec
from npsight.errors import NpsightError
from npsight.service.accountkeys import as_stored, shown_key
from npsight.service.api import Api
from npsight.service.body import read_json
from npsight.service.closing import close_loops
from npsight.service.incoming import RowError, RowFault, read_answer, read_fact
from npsight.service.instants import instant_text
from npsight.service.problems import ApiError, Fault, Json, request_id
from npsight.service.scoring import model_facts
from npsight.service.shapes.base import checked, invalid_body
from npsight.service.shapes.writing import FactsBody, ResponsesBody
from npsight.service.state import Live, ServingState
from npsight.store import Keeping, PostedFact, keep_posted, pending
from npsight.store.values import rounded

if TYPE_CHECKING:
    from npsight.jobs.scoring.rescore import Rescorer, Settled

log = logging.getLogger(__name__)
JsonObject = dict[str, Any]
Read = Callable[[Any, datetime], PostedFact]
SAME_ID = (
    "another fact was kept under this id, and the table has no versions (`id` and `known_at`); "
    "it differs in: {}"
)
LATER = "kept, but scoring failed; it is tried again when the next fact comes, and at each start"
NOT_LATER = "a correction must be known later than what it corrects: give a later known_at, or none"


async def responses(api: Api, request: Request) -> Response:
    """`POST /v1/responses`: survey answers."""
    body = checked(ResponsesBody, _no_single(await read_json(request), "responses"))
    read = reader_of_answers(api.state.spec, "/responses")
    return await _written(api, request, body.responses, read, "response")


async def facts(api: Api, request: Request) -> Response:
    """`POST /v1/facts`: facts of one activity table."""
    body = checked(FactsBody, _no_single(await read_json(request), "facts"))
    read = reader_of_facts(api.state.spec, body.table)
    return await _written(api, request, body.facts, read, "fact")


def _no_single(body: Any, rows: str) -> Any:
    """The body, unless it is one row by itself: 422 says where that is taken."""
    if isinstance(body, dict) and rows not in body and "account" in body:
        one = f"is missing; send one by itself, as here, to POST /v1/{rows}/one"
        raise invalid_body([Fault(f"/{rows}", one)])
    return body


def reader_of_answers(project: ProjectSpec, pointer: str) -> Read:
    """What reads a survey answer; 422 at the pointer where the project has none."""
    if not project.tables.responses:
        raise _no_such_table(pointer, "the project file declares no `tables.responses`")

    def read(row: Any, now: datetime) -> PostedFact:
        return _as_stored(read_answer(row, project, now), project)

    return read


def reader_of_facts(project: ProjectSpec, name: str) -> Read:
    """What reads a fact of an activity table; 422 where the project has no such table."""
    table = project.tables.activity.get(name)
    if table is None:
        hint = suggest(name, project.tables.activity)
        raise _no_such_table("/table", f"is no activity table of the project; {hint}")

    def read(row: Any, now: datetime) -> PostedFact:
        return _as_stored(read_fact(row, name, table, project, now), project)

    return read


def _as_stored(fact: PostedFact, project: ProjectSpec) -> PostedFact:
    return replace(fact, account=as_stored(fact.account, project))


def _no_such_table(pointer: str, detail: str) -> ApiError:
    return invalid_body([Fault(pointer, detail)])


async def _written(
    api: Api, request: Request, rows: Sequence[Any], read: Read, cause: str
) -> Response:
    answer = await api.writing(write_rows, api.live, rows, read, cause)
    sweep(api.live)
    return Json({"request_id": request_id(request), **answer})


def sweep(live: Live) -> Thread | None:
    """Score the accounts whose newest facts no score knows, in a thread; None while one runs.

    A process that ends between keeping a fact and scoring its account leaves such accounts, and
    so does a run of all accounts at an as_of before the newest facts.
    """
    with _MAKING:
        running = _SWEEPS.get(live)
        if running is not None and running.is_alive():
            return None
        thread = Thread(target=_sweep, args=(live,), name="npsight-sweep", daemon=True)
        _SWEEPS[live] = thread
    thread.start()
    return thread


def _sweep(live: Live) -> None:
    state = live.state
    try:
        run = state.store.latest_run(state.project)
        if not pending(state.store, state.project, run.id, limit=1):
            return
        from npsight.jobs.scoring.rescore import ServedModel

        done = rescorer_of(live).settle_pending(ServedModel(state.model, state.version))
        for account in done:
            live.forget(account)
    except NpsightError as error:
        log.warning("accounts with newer facts wait to be scored: %s", error)


def write_rows(live: Live, rows: Sequence[Any], read: Read, cause: str) -> JsonObject:
    """Keep the rows that are facts, score their accounts, and tell what became of each row."""
    head, written = keep_rows(live, rows, read, cause)
    return {**head, "results": [row.result() for row in written]}


def keep_rows(
    live: Live, rows: Sequence[Any], read: Read, cause: str
) -> tuple[JsonObject, list[RowAtWork]]:
    """The same: what all answers tell of model and run, and the rows in order."""
    state = live.state
    run = state.store.latest_run(state.project)
    now = datetime.now(UTC)
    written = [RowAtWork(place, row) for place, row in enumerate(rows)]
    for row in written:
        row.read(read, now)
    rescorer = rescorer_of(live)
    _refuse_unknown(rescorer, written)
    _keep(state, written, now)
    # What was kept before, but never scored with, is taken along.
    again = [row.fact.account for row in written if row.status == "unchanged" and row.fact]
    waiting = rescorer.waiting(run.id, again) if again else []
    touched = [a for row in written if row.kept for a in row.kept.accounts]
    settled = _settled(live, rescorer, [*touched, *waiting], cause)
    for row in written:
        row.settle(settled)
    kept = [row.fact for row in written if row.fact and row.status not in ("conflict", "invalid")]
    close_loops(state, kept, now)
    return {**model_facts(state), "as_of": instant_text(run.as_of)}, written


@dataclass
class RowAtWork:
    """One row of a request on its way; `faults` are those of one that is `invalid`."""

    place: int
    given: Any
    fact: PostedFact | None = None
    kept: Keeping | None = None
    status: str = ""
    detail: str | None = None
    faults: tuple[RowFault, ...] = ()
    settled: Settled | None = None

    def read(self, read: Read, now: datetime) -> None:
        """Take it for a fact, or note its faults."""
        try:
            self.fact = read(self.given, now)
        except RowError as error:
            self.status, self.detail, self.faults = "invalid", str(error), error.faults

    def take(self, kept: Keeping) -> None:
        """Note what became of the fact in the store."""
        self.kept, self.status = kept, kept.outcome
        if kept.outcome == "conflict":
            later = kept.differs == ("known_at",) and self.fact is not None and self.fact.versioned
            self.detail = NOT_LATER if later else SAME_ID.format(", ".join(kept.differs))
        elif kept.outcome == "unchanged":
            self.detail = "the same was kept before"

    def settle(self, settled: dict[str, Settled]) -> None:
        """Note what became of its account."""
        if self.fact is None or self.kept is None or self.kept.outcome != "stored":
            return
        self.settled = settled[self.fact.account]
        if self.settled.change is not None:
            self.status = "rescored"
        else:
            self.detail = self.settled.why

    def result(self) -> JsonObject:
        """What the answer tells of it."""
        change = self.settled.change if self.settled else None
        return {
            "row": self.place,
            "id": _shown(self.given, "id"),
            "account": _shown(self.given, "account"),
            "status": self.status,
            "detail": self.detail,
            "before": _numbers(change.before) if change else None,
            "after": _numbers(change.after) if change else None,
        }


def _numbers(shown: JsonObject) -> JsonObject | None:
    """What a change shows; null for an account that had no score."""
    return {name: rounded(value) for name, value in shown.items()} or None


def _refuse_unknown(rescorer: Rescorer, rows: Sequence[RowAtWork]) -> None:
    asked = list(dict.fromkeys(row.fact.account for row in rows if row.fact))
    known = rescorer.known(asked) if asked else set()
    for row in rows:
        if row.fact is not None and row.fact.account not in known:
            row.fact = None
            row.status = "not_found"
            row.detail = (
                "the project's tables do not have the account; if it is new, run `npsight score` "
                "after it is in them, then send the fact again"
            )


def _keep(state: ServingState, rows: Sequence[RowAtWork], now: datetime) -> None:
    wanted = [row for row in rows if row.fact is not None]
    facts = [row.fact for row in wanted if row.fact is not None]
    for row, kept in zip(wanted, keep_posted(state.store, state.project, facts, now), strict=True):
        row.take(kept)


def _settled(
    live: Live, rescorer: Rescorer, accounts: Sequence[str], cause: str
) -> dict[str, Settled]:
    from npsight.jobs.scoring.rescore import ServedModel, Settled

    if not accounts:
        return {}
    state = live.state
    try:
        settled = rescorer.settle(ServedModel(state.model, state.version), accounts, cause)
    except NpsightError as error:
        # The facts are kept: whoever sends them again would be told that nothing changed.
        log.error("accounts were not scored again: %s", error)
        return dict.fromkeys(accounts, Settled(None, LATER))
    for account, one in settled.items():
        if one.change is not None:
            live.forget(account)
    return settled


def _shown(given: Any, name: str) -> str | None:
    """What the row gave, where it is a text that can be given back."""
    value = given.get(name) if isinstance(given, dict) else None
    return shown_key(value) or None


_RESCORERS: WeakKeyDictionary[Live, Rescorer] = WeakKeyDictionary()
_SWEEPS: WeakKeyDictionary[Live, Thread] = WeakKeyDictionary()
_MAKING = Lock()


def rescorer_of(live: Live) -> Rescorer:
    """The one rescorer of a process: made on first use, for it loads what reads tables."""
    from npsight.jobs.scoring.rescore import Rescorer

    with _MAKING:
        if live not in _RESCORERS:
            _RESCORERS[live] = Rescorer(live.state.spec, live.state.store)
        return _RESCORERS[live]


def close(live: Live) -> None:
    """Wait for what is being scored, and let go of it."""
    sweeping = _SWEEPS.pop(live, None)
    if sweeping is not None:
        sweeping.join()
    rescorer = _RESCORERS.pop(live, None)
    if rescorer is not None:
        rescorer.close()
