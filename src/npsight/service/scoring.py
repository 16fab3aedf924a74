"""Scores of accounts from their stored inputs, each account's fate its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npsight.drivers.explain import explain
from npsight.drivers.peers import Peers
from npsight.drivers.points import Points
from npsight.drivers.sentences import Target, notes
from npsight.models.logits import Vector
from npsight.models.model import Predictions
from npsight.models.rows import ArrayRows
from npsight.service.body import MAX_KEY_LENGTH, ScoreRequest, account_fault
from npsight.service.inputs import rows_of_inputs
from npsight.service.state import ServingState
from npsight.store import ScoreRow, ScoreRun, StoredInput
from npsight.worklist.bands import risk_level

JsonObject = dict[str, Any]
DIGITS = 12
"""Enough to equal the stored scores to 1e-9 and to keep JSON short."""


def score_accounts(state: ServingState, request: ScoreRequest) -> JsonObject:
    """One result for each account, in order: `ok`, `not_found` or `invalid`."""
    run = state.store.latest_run(state.project)
    faults = [account_fault(account) for account in request.accounts]
    wanted = list(
        dict.fromkeys(a for a, fault in zip(request.accounts, faults, strict=True) if not fault)
    )
    inputs = list(state.store.inputs(run.id, wanted).values())
    rows = state.store.scores_of(run.id, [item.account for item in inputs])
    scored = score_inputs(state, run, inputs, rows, request.drivers) if inputs else {}
    results = [
        _invalid(account, fault) if fault else scored.get(account) or _not_found(account)
        for account, fault in zip(request.accounts, faults, strict=True)
    ]
    return {**model_facts(state), "as_of": run.as_of.isoformat(), "results": results}


def model_facts(state: ServingState) -> JsonObject:
    """Which model answers."""
    return {"model_version": state.version, "model_digest": state.digest}


def _invalid(account: Any, fault: str) -> JsonObject:
    # What is no text, or no short one, cannot be given back as one.
    known = isinstance(account, str) and len(account) <= MAX_KEY_LENGTH
    shown = account.encode("utf-8", "replace").decode() if known else ""
    return {"account": shown, "status": "invalid", "detail": fault}


def _not_found(account: str) -> JsonObject:
    return {"account": account, "status": "not_found", "detail": "the latest run does not have it"}


def score_inputs(
    state: ServingState,
    run: ScoreRun,
    inputs: Sequence[StoredInput],
    rows: dict[str, ScoreRow],
    with_drivers: bool,
) -> dict[str, JsonObject]:
    """Account -> its result, `ok` or `invalid`, of stored inputs; `rows` give what is displayed."""
    now, past = rows_of_inputs(state.model, inputs)
    predicted = state.model.predict(now, answers=False)
    usable = _usable(predicted)
    if not usable.all():
        return _without_unusable(state, run, inputs, rows, with_drivers, usable)
    shown = _numbers(state, run, inputs, predicted, rows)
    if with_drivers:
        for numbers, told in zip(shown, _told(state, run, now, past), strict=True):
            numbers.update(told)
    return {numbers["account"]: numbers for numbers in shown}


def _without_unusable(
    state: ServingState,
    run: ScoreRun,
    inputs: Sequence[StoredInput],
    rows: dict[str, ScoreRow],
    with_drivers: bool,
    usable: NDArray[np.bool_],
) -> dict[str, JsonObject]:
    """The others are scored without those whose inputs are broken."""
    both = list(zip(inputs, usable.tolist(), strict=True))
    fine = [item for item, is_usable in both if is_usable]
    scored = score_inputs(state, run, fine, rows, with_drivers) if fine else {}
    broken = {
        item.account: _invalid(item.account, "its stored inputs are incomplete; score again")
        for item, is_usable in both
        if not is_usable
    }
    return scored | broken


def _usable(predicted: Predictions) -> NDArray[np.bool_]:
    """Rows whose every prediction is a number; the others would spoil their neighbours' drivers."""
    parts = [predicted.detractor, predicted.promoter, predicted.churn]
    finite = [np.isfinite(values) for values in parts if values is not None]
    return np.asarray(np.logical_and.reduce(finite), dtype=np.bool_)


def _numbers(
    state: ServingState,
    run: ScoreRun,
    inputs: Sequence[StoredInput],
    predicted: Predictions,
    rows: dict[str, ScoreRow],
) -> list[JsonObject]:
    """The predictions of each row."""
    spread = state.model.spread
    low = high = None
    if spread is not None and predicted.detractor is not None and predicted.promoter is not None:
        low, high = spread.account_interval(predicted.detractor, predicted.promoter, 80)
    by_churn = state.worklist.target == "churn" or predicted.detractor is None
    table = zip(
        inputs,
        *(
            _plain(values, len(inputs))
            for values in (
                predicted.detractor,
                predicted.nps,
                predicted.promoter,
                predicted.churn,
                low,
                high,
            )
        ),
        strict=True,
    )
    results = []
    for item, risk, nps, promoter, lost, least, most in table:
        row = rows.get(item.account)
        results.append(
            {
                "account": item.account,
                "status": "ok",
                "detractor_risk": risk,
                "predicted_nps": nps,
                "promoter_prob": promoter,
                "churn_risk": lost,
                "band_now": row.band_now if row else None,
                "risk_level": risk_level(lost if by_churn else risk, state.worklist),
                "nps_interval_80": None if least is None else {"low": least, "high": most},
            }
        )
    return results


def _told(state: ServingState, run: ScoreRun, now: ArrayRows, past: ArrayRows) -> list[JsonObject]:
    """Drivers of each row, and where their points start."""
    explained = explain(state.model, now)
    peers = Peers.from_json(run.peers) if run.peers else Peers({}, {})

    def drivers(target: Target, points: Points | None) -> list[list[JsonObject]]:
        if points is None:
            return [[] for _ in range(len(now))]
        told = notes(state.model, explained, now, past, peers, target)
        return [[asdict(note) for note in account] for account in told]

    bases = {
        "base_risk": _base(explained.risk),
        "base_nps": _base(explained.nps),
        "base_churn": _base(explained.churn),
    }
    both = zip(drivers("detractor", explained.risk), drivers("churn", explained.churn), strict=True)
    return [{**bases, "drivers": risk, "churn_drivers": churn} for risk, churn in both]


def _plain(values: Vector | None, rows: int) -> list[float | None]:
    if values is None:
        return [None] * rows
    return [round(value, DIGITS) for value in values.tolist()]


def _base(points: Points | None) -> float | None:
    return None if points is None else round(points.base, DIGITS)
