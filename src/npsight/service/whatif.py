"""`POST /v1/score/features`: what the score would be, of given features or of a changed account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from npsight.features.history import BANDS, HALF_LIVES_DAYS, history_column
from npsight.service.accountkeys import as_stored
from npsight.service.answered import Answer, own_counts, own_features
from npsight.service.api import Api
from npsight.service.asking import checked_too, only, targets_of
from npsight.service.body import read_json
from npsight.service.featurerows import Row, RowReader, late_faults
from npsight.service.instants import instant_text
from npsight.service.problems import Fault, Json, request_id, told
from npsight.service.scoring import JsonObject, model_facts, score_inputs
from npsight.service.shapes.features import FeaturesBody
from npsight.service.state import ServingState
from npsight.store import ScoreRow, ScoreRun, StoredInput
from npsight.store.listing import account_of_segment, some_account

SEGMENT = "segment_"
SHARED = ("segment", "market")
NO_LEVELS = {history_column(v, b, h): 0.0 for v in SHARED for h in HALF_LIVES_DAYS for b in BANDS}
"""Of a segment that nobody is known of; the level of the market is always laid over it."""
NO_SEGMENT = (
    "no account of the latest run has this segment; the level of all accounts stands for it"
)


async def score_features(api: Api, request: Request) -> Response:
    """`POST /v1/score/features`: scores of given features."""
    body = checked_too(FeaturesBody, await read_json(request))
    state = api.state
    targets = targets_of(body.targets)
    given = await api.threaded(scored_rows, state, body.rows, bool(body.drivers), targets)
    for result in given["results"]:
        api.metrics.accounts.labels(result["status"]).inc()
    return Json({"request_id": request_id(request), **given})


def scored_rows(
    state: ServingState, raw: Sequence[Any], drivers: bool, targets: frozenset[str] | None
) -> JsonObject:
    """A result for each row, in order: `ok`, `not_found` or `invalid`."""
    reader = RowReader(state.model)
    read = [reader.read(item) for item in raw]
    rows = [replace(row, account=as_stored(row.account, state.spec)) for row in read]
    run = state.store.latest_run(state.project)
    stored = _Stored.read(state, run, rows)
    made = [_made(state, row, place, stored) for place, row in enumerate(rows)]
    both = [item for m in made for item in (m.now, m.before) if item is not None]
    inputs = list({item.account: item for item in both}.values())
    scored = score_inputs(state, run, inputs, {}, drivers) if inputs else {}
    return {
        **model_facts(state),
        "as_of": instant_text(run.as_of),
        "results": [_result(state, m, stored, scored, targets) for m in made],
    }


@dataclass(frozen=True)
class _Stored:
    """What the rows of a batch read from the store.

    `levels` are the decayed counts of segment and market by segment; under None those of accounts
    without a segment, or where there are none of them the market's alone.
    """

    run: ScoreRun
    inputs: dict[str, StoredInput]
    rows: dict[str, ScoreRow]
    levels: dict[str | None, dict[str, float]]
    unknown: frozenset[str]

    @classmethod
    def read(cls, state: ServingState, run: ScoreRun, rows: Sequence[Row]) -> _Stored:
        """Look up the accounts and segments of the sound rows."""
        sound = [row for row in rows if not row.faults]
        accounts = list(dict.fromkeys(row.account for row in sound if row.account is not None))
        inputs = state.store.inputs(run.id, accounts)
        # An account stays in its own segment unless another one is given.
        segments = {r.segment for r in sound if r.account is None or r.segment is not None}
        found = {segment: account_of_segment(state.store, run, segment) for segment in segments}
        anyone = some_account(state.store, run) if None in found.values() else None
        samples = {account for account in (*found.values(), anyone) if account is not None}
        counts = {k: v.features for k, v in state.store.inputs(run.id, sorted(samples)).items()}
        market = _levels(counts.get(anyone or "", {}), ("market",))
        return cls(
            run,
            inputs,
            state.store.scores_of(run.id, list(inputs)),
            {s: _levels(counts[a], SHARED) if a in counts else market for s, a in found.items()},
            frozenset(s for s, a in found.items() if s is not None and a not in counts),
        )

    def as_of(self, account: str | None) -> datetime:
        """The instant that the account's stored features are of."""
        row = self.rows.get(account or "")
        return self.run.as_of if row is None else row.as_of


def _levels(features: JsonObject, levels: Iterable[str]) -> dict[str, float]:
    names = [history_column(v, b, h) for v in levels for h in HALF_LIVES_DAYS for b in BANDS]
    return {name: features[name] for name in names if name in features}


@dataclass(frozen=True)
class _Made:
    """What a row is scored from; `now` is None where it cannot be, `before` without an account."""

    row: Row
    status: str
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    now: StoredInput | None = None
    before: StoredInput | None = None
    band_now: str | None = None
    band_before: str | None = None


def _made(state: ServingState, row: Row, place: int, stored: _Stored) -> _Made:
    """The row with its features; `place` tells it from the others."""
    faults = row.faults or tuple(late_faults(row, stored.as_of(row.account)))
    if faults:
        return _Made(row, "invalid", faults)
    if row.account is not None and row.account not in stored.inputs:
        missing = Fault("/account", "the latest run does not have it")
        return _Made(row, "not_found", (missing,))
    warnings = row.warnings
    if row.segment in stored.unknown:
        warnings = (*warnings, NO_SEGMENT)
    now = StoredInput(f"row {place}", _features(state, row, stored), {})
    if row.account is None:
        return _Made(row, "ok", (), warnings, now, None, _band_of(row.answers or ()))
    kept, score = stored.inputs[row.account], stored.rows.get(row.account)
    before = StoredInput(f"stored {row.account}", kept.features, kept.past)
    band_before = None if score is None else score.band_now
    band = band_before if row.answers is None else _band_of(row.answers)
    now = StoredInput(now.account, now.features, kept.past)
    return _Made(row, "ok", (), warnings, now, before, band, band_before)


def _features(state: ServingState, row: Row, stored: _Stored) -> JsonObject:
    """Stored features or none, then what the answers tell, then what was given by name."""
    specs, as_of, answers = state.model.specs, stored.as_of(row.account), row.answers
    features: JsonObject
    if row.account is None:
        features = dict.fromkeys(spec.name for spec in specs)
        answers = answers or ()
    else:
        features = dict(stored.inputs[row.account].features)
    if row.account is None or row.segment is not None:
        features |= {SEGMENT: row.segment or "", **NO_LEVELS, **stored.levels[row.segment]}
    if answers is not None:
        features |= own_counts(answers, as_of) | own_features(specs, answers, as_of)
    return features | row.features


def _band_of(answers: Sequence[Answer]) -> str:
    newest = max(answers, key=lambda answer: (answer.occurred_at, answer.score), default=None)
    return "silent" if newest is None else newest.band


def _result(
    state: ServingState,
    made: _Made,
    stored: _Stored,
    scored: dict[str, JsonObject],
    targets: frozenset[str] | None,
) -> JsonObject:
    faults, status = made.faults, made.status
    score = None if made.now is None else scored[made.now.account]
    before = None if made.before is None else scored[made.before.account]
    if score is not None and score["status"] != "ok":
        faults = (Fault("", "gives no finite score; check its numbers"),)
        score, status = None, "invalid"
    if before is not None and before["status"] != "ok":
        before = None
    shown = told(faults)
    return {
        "id": made.row.id,
        "account": made.row.account if status == "ok" else None,
        "status": status,
        "detail": "; ".join(f"{f.pointer} {f.detail}".strip() for f in shown) or None,
        "errors": [{"pointer": f.pointer, "detail": f.detail} for f in shown],
        "warnings": list(made.warnings),
        "features_missing": _missing(state, made) if score is not None else None,
        "features_total": len(state.model.specs) if score is not None else None,
        "as_of": instant_text(stored.as_of(made.row.account)) if score is not None else None,
        "before": before and only({**before, "band_now": made.band_before}, targets),
        "score": score and only({**score, "band_now": made.band_now}, targets),
    }


def _missing(state: ServingState, made: _Made) -> int:
    features = made.now.features if made.now else {}
    return sum(features.get(spec.name) is None for spec in state.model.specs)
