"""`GET /v1/accounts`: the accounts of a run, filtered and ordered as in the worklist."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response

from npsight.service.accountkeys import account_fault
from npsight.service.api import Api
from npsight.service.asking import interval
from npsight.service.cursors import content_of, cursor_of, digest_of, expired
from npsight.service.instants import instant_of, instant_text, text_or_none
from npsight.service.problems import Json, request_id
from npsight.service.query import Query
from npsight.service.scoring import JsonObject
from npsight.service.state import ServingState
from npsight.store import ScoreRow, ScoreRun
from npsight.store.listing import Filters, Order, Place, page, place_of, run_by_id
from npsight.store.values import rounded
from npsight.worklist.bands import BandNow, RiskLevel

MAX_LIMIT = 200
LIMIT = 50
KIND = "accounts"
ORDERS = {
    "rank": Order("rank"),
    "risk": Order("detractor_risk", descending=True),
    "churn_risk": Order("churn_risk", descending=True),
    "nps": Order("predicted_nps"),
    "revenue": Order("revenue", descending=True),
    "renewal": Order("renewal_at"),
    "account": Order("account"),
}
BANDS: tuple[str, ...] = get_args(BandNow)
LEVELS: tuple[str, ...] = get_args(RiskLevel)
PARAMETERS = {
    "owner": "Only accounts that this owner looks after.",
    "segment": "Only accounts of this segment.",
    "band": f"Only accounts whose last answer was of this band: {', '.join(BANDS)} (no answer).",
    "risk_level": f"Only accounts of this risk level: {', '.join(LEVELS)}.",
    "listed": "true: only accounts on the worklist; false: only the others.",
    "min_risk": "Only accounts whose risk, of the kind that ranks the worklist, is at least this "
    "(0 to 1).",
    "order": "rank (of the worklist; the default), risk (highest first, of the kind that ranks "
    "the worklist), churn_risk (highest first), nps (lowest first), revenue (highest first), "
    "renewal (soonest first) or account. Accounts without a value come last. To read every page, "
    "take account or rank: other places change when an account is scored again.",
    "limit": f"Accounts a page, 1 to {MAX_LIMIT}; {LIMIT} unless said.",
    "cursor": "`next_cursor` of the page before, with the same filters and order.",
}


@dataclass(frozen=True)
class Listing:
    """A checked query. `after` is the cursor's run and place."""

    filters: Filters
    order: Order
    limit: int
    question: str
    after: tuple[str, Place] | None


async def accounts(api: Api, request: Request) -> Response:
    """`GET /v1/accounts`: a page of accounts."""
    state = api.state
    answer = await api.threaded(listed, state, read_listing(state, request))
    return Json({"request_id": request_id(request), **answer})


def read_listing(state: ServingState, request: Request) -> Listing:
    """The checked query; 400 with all faults."""
    query = Query(request, tuple(PARAMETERS))
    risk = ranking_risk(state)
    least = query.share("min_risk")
    filters = Filters(
        owner=query.text("owner"),
        segment=query.text("segment"),
        band_now=query.choice("band", BANDS),
        risk_level=query.choice("risk_level", LEVELS),
        listed=query.flag("listed"),
        least=None if least is None else (risk, least),
    )
    name = query.choice("order", tuple(ORDERS)) or "rank"
    order = Order(risk, descending=True) if name == "risk" else ORDERS[name]
    limit = query.whole("limit", 1, MAX_LIMIT) or LIMIT
    question = digest_of(state.project, name, asdict(order), asdict(filters))
    after = None
    cursor = query.text("cursor")
    if cursor is not None and not query.faults:
        try:
            after = _after(cursor, order, question)
        except ValueError as error:
            query.fault("cursor", str(error))
    query.check()
    return Listing(filters, order, limit, question, after)


def ranking_risk(state: ServingState) -> str:
    """The column of the risk that ranks the worklist."""
    by_churn = state.worklist.target == "churn" or state.model.detractor is None
    return "churn_risk" if by_churn else "detractor_risk"


def _after(cursor: str, order: Order, question: str) -> tuple[str, Place]:
    try:
        run_id, asked, value, account = content_of(KIND, cursor)
        place = Place(_value(value, order), account)
        sound = isinstance(run_id, str) and not account_fault(account)
    except (ValueError, OverflowError):
        sound = False
    if not sound:
        raise ValueError("is not one that this service gave; start again without a cursor")
    if asked != question:
        raise ValueError("is of other filters or another order; send those it was given for")
    return run_id, place


def _value(value: Any, order: Order) -> Any:
    """The place's value as the column has it."""
    if value is None:
        return None
    if order.column == "renewal_at":
        return instant_of(str(value))
    if order.column == "account":
        return str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("no number")
    return int(value) if order.column == "rank" else float(value)


def listed(state: ServingState, listing: Listing) -> JsonObject:
    """A page of the latest run, or of the cursor's run while that is kept; 410 afterwards."""
    store = state.store
    run: ScoreRun | None
    place = None
    if listing.after is None:
        run = store.latest_run(state.project)
    else:
        run_id, place = listing.after
        run = run_by_id(store, state.project, run_id)
    if run is None:
        raise expired("the run that this cursor goes through is no longer kept")
    # One more than asked for tells whether there is another page.
    rows = page(store, run.id, listing.order, listing.filters, listing.limit + 1, place)
    shown = rows[: listing.limit]
    more = len(rows) > listing.limit
    return {
        "model_version": run.model_version,
        "model_digest": run.model_digest,
        "as_of": instant_text(run.as_of),
        "accounts": [account_row(row) for row in shown],
        "next_cursor": _cursor(run, listing, shown[-1]) if more else None,
    }


def _cursor(run: ScoreRun, listing: Listing, row: ScoreRow) -> str:
    place = place_of(row, listing.order)
    value = instant_text(place.value) if isinstance(place.value, datetime) else place.value
    return cursor_of(KIND, [run.id, listing.question, value, place.account])


def account_row(row: ScoreRow) -> JsonObject:
    """A stored row as `AccountRow` has it."""
    return {
        "account": row.account,
        "as_of": instant_text(row.as_of),
        "name": row.name,
        "owner": row.owner,
        "segment": row.segment,
        "revenue": row.revenue,
        "renewal_at": text_or_none(row.renewal_at),
        "band_now": row.band_now,
        "last_score": row.last_score,
        "last_answer_at": text_or_none(row.last_answer_at),
        "detractor_risk": rounded(row.detractor_risk),
        "promoter_prob": rounded(row.promoter_prob),
        "predicted_nps": rounded(row.predicted_nps),
        "nps_interval_80": interval(row.nps_low_80, row.nps_high_80),
        "nps_interval_95": interval(row.nps_low_95, row.nps_high_95),
        "churn_risk": rounded(row.churn_risk),
        "answer_prob": rounded(row.answer_prob),
        "expected_answers": rounded(row.expected_answers),
        "risk_level": row.risk_level,
        "rank": row.rank,
        "priority": row.priority,
        "priority_reason": row.priority_reason,
        "within_capacity": row.within_capacity,
    }
