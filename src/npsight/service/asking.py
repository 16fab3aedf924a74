"""What `POST /v1/score` asks for beyond the latest scores: other days, some targets only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from npsight.errors import NotFoundError
from npsight.service.accountkeys import account_fault, key_of, shown_key
from npsight.service.body import ScoreRequest
from npsight.service.instants import instant_of, instant_text, written
from npsight.service.problems import ApiError, Fault
from npsight.service.scoring import JsonObject, score_accounts, score_inputs
from npsight.service.shapes.base import Model, faults_of, invalid_body, without_blanks
from npsight.service.shapes.score import MAX_TARGETS, Numbers, ScoreBody
from npsight.service.state import ServingState
from npsight.store import ScoreRow, ScoreRun
from npsight.store.listing import first_as_of, run_at
from npsight.store.originals import Original, originals_of, scored_after
from npsight.store.values import rounded

FIELDS_OF = {
    "detractor": ("detractor_risk", "base_risk", "drivers"),
    "nps": ("promoter_prob", "predicted_nps", "nps_interval_80", "base_nps"),
    "churn": ("churn_risk", "base_churn", "churn_drivers"),
}
"""Target to the fields that are null where it was not asked for."""
TARGETS = tuple(FIELDS_OF)
EMPTY: JsonObject = dict.fromkeys(Numbers.model_fields)


class Asked(NamedTuple):
    """A checked body. `accounts` may hold anything; `targets` None stands for all."""

    accounts: tuple[Any, ...]
    drivers: bool
    targets: frozenset[str] | None
    as_of: datetime | None


def asked(body: Any) -> Asked:
    """The checked body of `POST /v1/score`.

    Raises
    ------
    ApiError
        422 with a JSON pointer for each fault.
    """
    read = checked_too(ScoreBody, body)
    as_of = None if read.as_of is None else instant_of(read.as_of)
    accounts = (read.account,) if read.accounts is None else read.accounts
    return Asked(tuple(map(key_of, accounts)), bool(read.drivers), targets_of(read.targets), as_of)


def checked_too(model: type[Model], body: Any) -> Model:
    """The body as a model whose `as_of` and `targets`, where it has them, mean something.

    Raises
    ------
    ApiError
        422 with every fault and the JSON pointer of its place.
    """
    body = without_blanks(model, body)
    found, faults = faults_of(model, body)
    fields = body if isinstance(body, dict) else {}
    known = model.__pydantic_fields__
    if "as_of" in known:
        faults += _instant_faults(fields.get("as_of"))
    faults += _target_faults(fields.get("targets"))
    if "account" in known and isinstance(body, dict):
        faults += _account_faults(fields)
    if found is None or faults:
        raise invalid_body(faults)
    return found


def _instant_faults(as_of: Any) -> list[Fault]:
    as_of = written(as_of)
    try:
        if isinstance(as_of, str):
            instant_of(as_of)
    except ValueError as error:
        return [Fault("/as_of", str(error))]
    return []


def _target_faults(targets: Any) -> list[Fault]:
    """A fault for each text that is no target; what is no text the shape has told."""
    if not isinstance(targets, list):
        return []
    known = ", ".join(TARGETS)
    return [
        Fault(f"/targets/{i}", f"is no target; {known} are")
        for i, target in enumerate(targets[:MAX_TARGETS])
        if isinstance(target, str) and target not in FIELDS_OF
    ]


def _account_faults(fields: dict[str, Any]) -> list[Fault]:
    several, one = fields.get("accounts"), fields.get("account")
    if several is None and one is None:
        return [Fault("/accounts", "is missing: send `accounts`, or one as `account`")]
    if several is not None and one is not None:
        return [Fault("/account", "stands beside `accounts`; send one of them")]
    return []


def targets_of(targets: Sequence[str] | None) -> frozenset[str] | None:
    """None for all, also where the list is empty."""
    return frozenset(targets) if targets else None


def answer(state: ServingState, wanted: Asked) -> JsonObject:
    """The scores asked for: of the latest run by the served model, or as an older run stored them.

    Raises
    ------
    ApiError
        404 where no run is as old as `as_of`.
    NotFoundError
        The project was never scored.
    """
    latest = state.store.latest_run(state.project)
    if wanted.as_of is None:
        scored = score_accounts(state, latest, ScoreRequest(wanted.accounts, wanted.drivers))
    elif wanted.as_of >= latest.as_of:
        scored = _scored_at(state, latest, wanted, wanted.as_of)
    else:
        run = _older_run(state, wanted.as_of)
        scored = stored_scores(state, run, wanted, wanted.as_of)
    results = [narrowed(result, wanted.targets) for result in scored["results"]]
    return {**scored, "results": results}


def narrowed(result: JsonObject, targets: frozenset[str] | None) -> JsonObject:
    """Every field of a result, null for what it lacks and for the targets not asked for."""
    return {
        "account": result["account"],
        "status": result["status"],
        "detail": result.get("detail"),
        "as_of": result.get("as_of"),
        **only(result, targets),
    }


def only(numbers: JsonObject, targets: frozenset[str] | None) -> JsonObject:
    """The fields of `Numbers`, null for what is not there and for the targets not asked for."""
    kept = {name: numbers.get(name) for name in EMPTY}
    for target, fields in FIELDS_OF.items():
        if targets is not None and target not in targets:
            kept.update(dict.fromkeys(fields))
    return kept


def _older_run(state: ServingState, as_of: datetime) -> ScoreRun:
    """The newest run at or before as_of; 404 where there is none."""
    run = run_at(state.store, state.project, as_of)
    if run is not None:
        return run
    first = first_as_of(state.store, state.project)
    if first is None:
        raise NotFoundError(f"project {state.project} has no scores yet")
    raise ApiError(
        404,
        "not-found",
        f"there are no scores at or before that as_of; the earliest are of {instant_text(first)}",
    )


def _scored_at(state: ServingState, run: ScoreRun, wanted: Asked, as_of: datetime) -> JsonObject:
    """Scores of the latest run by the served model; where an account was scored again after
    as_of, from what the run itself had.
    """
    scored = score_accounts(state, run, ScoreRequest(wanted.accounts, wanted.drivers))
    keys = [result["account"] for result in scored["results"] if result["status"] == "ok"]
    # After the scores were made: what is replaced from here on was of an earlier instant.
    later, own = _replaced(state, run, keys, as_of)
    if not later:
        return scored
    given = [original.inputs for original in own.values() if original.inputs is not None]
    rows = {account: original.row for account, original in own.items()}
    before = score_inputs(state, run, given, rows, wanted.drivers)
    results = [
        before.get(key) or forgotten(key) if (key := result["account"]) in later else result
        for result in scored["results"]
    ]
    return {**scored, "results": results}


def _replaced(
    state: ServingState, run: ScoreRun, accounts: Sequence[str], as_of: datetime
) -> tuple[set[str], dict[str, Original]]:
    """The accounts scored again after as_of, and what the run itself had of them."""
    with state.store.reading() as connection:
        later = scored_after(connection, run.id, accounts, as_of)
        return later, originals_of(connection, run.id, sorted(later), as_of) if later else {}


def stored_scores(state: ServingState, run: ScoreRun, wanted: Asked, as_of: datetime) -> JsonObject:
    """What a run stored for accounts, as of an instant, by the model that made it then."""
    faults = [account_fault(account) for account in wanted.accounts]
    good = [a for a, fault in zip(wanted.accounts, faults, strict=True) if not fault]
    rows = state.store.scores_of(run.id, list(dict.fromkeys(good)))
    later = [account for account, row in rows.items() if row.as_of > as_of]
    if later:
        _, own = _replaced(state, run, later, as_of)
        rows |= {account: original.row for account, original in own.items()}
    return {
        "model_version": run.model_version,
        "model_digest": run.model_digest,
        "as_of": instant_text(run.as_of),
        "results": list(_stored(wanted, faults, rows, as_of)),
    }


def _stored(
    wanted: Asked, faults: Sequence[str], rows: dict[str, ScoreRow], as_of: datetime
) -> Iterable[JsonObject]:
    for account, fault in zip(wanted.accounts, faults, strict=True):
        if fault:
            yield refused(account, fault)
        elif account not in rows:
            yield unknown(account)
        elif rows[account].as_of > as_of:
            yield forgotten(account)
        else:
            row = rows[account]
            at = instant_text(row.as_of)
            numbers = numbers_of(row, wanted.drivers)
            yield {"account": account, "status": "ok", "as_of": at, **numbers}


def forgotten(account: str) -> JsonObject:
    """`not_found`, for an account scored again by a version that kept no earlier row."""
    detail = "it was scored again after that as_of, and its score of then is not kept"
    return {"account": account, "status": "not_found", "detail": detail}


def refused(account: Any, fault: str) -> JsonObject:
    """`invalid`."""
    return {"account": shown_key(account), "status": "invalid", "detail": fault}


def unknown(account: str) -> JsonObject:
    """`not_found`."""
    return {"account": account, "status": "not_found", "detail": "the run does not have it"}


def numbers_of(row: ScoreRow, drivers: bool) -> JsonObject:
    """A stored row's numbers, as `Numbers` has them."""
    told = {
        "base_risk": rounded(row.base_risk),
        "base_nps": rounded(row.base_nps),
        "base_churn": rounded(row.base_churn),
        "drivers": row.drivers,
        "churn_drivers": row.churn_drivers,
    }
    return {
        **EMPTY,
        "detractor_risk": rounded(row.detractor_risk),
        "promoter_prob": rounded(row.promoter_prob),
        "predicted_nps": rounded(row.predicted_nps),
        "nps_interval_80": interval(row.nps_low_80, row.nps_high_80),
        "churn_risk": rounded(row.churn_risk),
        "band_now": row.band_now,
        "risk_level": row.risk_level,
        **(told if drivers else {}),
    }


def interval(low: float | None, high: float | None) -> JsonObject | None:
    """Both ends of a range, or null."""
    return None if low is None or high is None else {"low": rounded(low), "high": rounded(high)}
