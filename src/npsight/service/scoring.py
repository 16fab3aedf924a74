"""Scores of accounts from their stored inputs, each account's fate its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from orjson import loads

from npsight.drivers.explain import explain
from npsight.drivers.peers import Peers
from npsight.drivers.points import Points
from npsight.drivers.sentences import DriverNote, Target, notes
from npsight.models.logits import Vector
from npsight.models.model import Predictions
from npsight.models.rows import ArrayRows
from npsight.service.accountkeys import account_fault, shown_key
from npsight.service.body import ScoreRequest
from npsight.service.inputs import past_of_inputs, rows_of_inputs
from npsight.service.instants import instant_text
from npsight.service.state import ServingState
from npsight.store import ScoreRow, ScoreRun, StoredInput
from npsight.store.lookup import look_up
from npsight.store.values import DIGITS
from npsight.worklist.bands import risk_level

JsonObject = dict[str, Any]
NOTHING: JsonObject = dict.fromkeys(
    (
        *("account", "status", "detail", "as_of", "detractor_risk", "promoter_prob"),
        *("predicted_nps", "nps_interval_80", "churn_risk", "band_now", "risk_level"),
        *("base_risk", "base_nps", "base_churn", "drivers", "churn_drivers"),
    )
)
"""Every field of a result; null is what it does not have, or was not asked for."""
_NOTE = tuple(field.name for field in fields(DriverNote))


class Shown(NamedTuple):
    """What of an account's stored row is told beside its scores; None where there is no row."""

    band_now: str | None
    as_of: datetime | None


def score_accounts(state: ServingState, run: ScoreRun, request: ScoreRequest) -> JsonObject:
    """One result for each account, in order: `ok`, `not_found` or `invalid`."""
    faults = [account_fault(account) for account in request.accounts]
    wanted = list(
        dict.fromkeys(a for a, fault in zip(request.accounts, faults, strict=True) if not fault)
    )
    scored = score_stored(state, run, wanted, request.drivers)
    results = [
        invalid(account, fault) if fault else scored.get(account) or not_found(account)
        for account, fault in zip(request.accounts, faults, strict=True)
    ]
    return {**model_facts(state), "as_of": instant_text(run.as_of), "results": results}


def model_facts(state: ServingState) -> JsonObject:
    """Which model answers."""
    return {"model_version": state.version, "model_digest": state.digest}


def invalid(account: Any, fault: str) -> JsonObject:
    """The result of what cannot be scored, with the reason."""
    return {**NOTHING, "account": shown_key(account), "status": "invalid", "detail": fault}


def not_found(account: str) -> JsonObject:
    """The result of an account that has no stored inputs."""
    missing = "the latest run does not have it"
    return {**NOTHING, "account": account, "status": "not_found", "detail": missing}


def score_stored(
    state: ServingState,
    run: ScoreRun,
    accounts: Sequence[str],
    with_drivers: bool,
    patient: bool = True,
) -> dict[str, JsonObject]:
    """Account -> its result, of the inputs that the run stored; unknown accounts are absent.

    Raises
    ------
    StateError
        The store cannot be read, or, where `patient` is false, would have to be waited for.
    ModelIntegrityError
        The inputs lack what the model reads.
    """
    found = look_up(state.store, run.id, accounts, with_drivers, patient)
    inputs = [
        StoredInput(item.account, loads(item.features), loads(item.past) if item.past else {})
        for item in found
    ]
    shown = {item.account: Shown(item.band_now, item.as_of) for item in found}
    return _scored(state, run, inputs, shown, with_drivers)


def score_inputs(
    state: ServingState,
    run: ScoreRun,
    inputs: Sequence[StoredInput],
    rows: Mapping[str, ScoreRow],
    with_drivers: bool,
) -> dict[str, JsonObject]:
    """Account -> its result, `ok` or `invalid`, of stored inputs; `rows` give what is displayed."""
    shown = {account: Shown(row.band_now, row.as_of) for account, row in rows.items()}
    return _scored(state, run, inputs, shown, with_drivers)


def _scored(
    state: ServingState,
    run: ScoreRun,
    inputs: Sequence[StoredInput],
    shown: Mapping[str, Shown],
    with_drivers: bool,
) -> dict[str, JsonObject]:
    if not inputs:
        return {}
    now = rows_of_inputs(state.model, inputs)
    predicted = state.model.predict(now, answers=False)
    usable = _usable(predicted)
    if not usable.all():
        return _without_unusable(state, run, inputs, shown, with_drivers, usable)
    scored = _numbers(state, run, inputs, predicted, shown)
    if with_drivers:
        past = past_of_inputs(now, inputs)
        for numbers, told in zip(scored, _told(state, run, now, past), strict=True):
            numbers.update(told)
    return {numbers["account"]: numbers for numbers in scored}


def _without_unusable(
    state: ServingState,
    run: ScoreRun,
    inputs: Sequence[StoredInput],
    shown: Mapping[str, Shown],
    with_drivers: bool,
    usable: NDArray[np.bool_],
) -> dict[str, JsonObject]:
    """The others are scored without those whose inputs are broken."""
    both = list(zip(inputs, usable.tolist(), strict=True))
    fine = [item for item, is_usable in both if is_usable]
    scored = _scored(state, run, fine, shown, with_drivers)
    broken = {
        item.account: invalid(item.account, "its stored inputs are incomplete; score again")
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
    shown: Mapping[str, Shown],
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
    results, nothing = [], Shown(None, None)
    for item, risk, nps, promoter, lost, least, most in table:
        band_now, as_of = shown.get(item.account, nothing)
        results.append(
            {
                **NOTHING,
                "account": item.account,
                "status": "ok",
                "as_of": instant_text(as_of or run.as_of),
                "detractor_risk": risk,
                "predicted_nps": nps,
                "promoter_prob": promoter,
                "churn_risk": lost,
                "band_now": band_now,
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
        return [[_fields(note) for note in account] for account in told]

    bases = {
        "base_risk": _base(explained.risk),
        "base_nps": _base(explained.nps),
        "base_churn": _base(explained.churn),
    }
    both = zip(drivers("detractor", explained.risk), drivers("churn", explained.churn), strict=True)
    return [{**bases, "drivers": risk, "churn_drivers": churn} for risk, churn in both]


def _fields(note: DriverNote) -> JsonObject:
    return {name: getattr(note, name) for name in _NOTE}


def _plain(values: Vector | None, rows: int) -> list[float | None]:
    if values is None:
        return [None] * rows
    return [round(value, DIGITS) for value in values.tolist()]


def _base(points: Points | None) -> float | None:
    return None if points is None else round(points.base, DIGITS)
