"""The answer of `POST /v1/score` for the latest run, put together from results as JSON bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from orjson import dumps

from npsight.service.accountkeys import account_fault
from npsight.service.api import Api
from npsight.service.kept import Kept
from npsight.service.scoring import invalid, not_found
from npsight.service.together import MOST_TOGETHER, Made, results


async def scored(api: Api, accounts: Sequence[Any], with_drivers: bool, request_id: str) -> bytes:
    """The whole body: a result for each of `accounts`, in order, whatever they are.

    Raises
    ------
    ApiError
        503 after the deadline.
    NotFoundError
        The project was never scored.
    StateError
        The store cannot be read, and not all results are known.
    """
    kept = await api.kept()
    texts = [
        kept.get(account, with_drivers) if isinstance(account, str) else None
        for account in accounts
    ]
    known = [text for text in texts if text is not None]
    if len(known) == len(texts):
        api.metrics.scored("ok", len(known))
    else:
        made = await _made(api, kept, accounts, texts, with_drivers)
        for status, count in Counter(result.status for result in made).items():
            api.metrics.scored(status, count)
        known = [result.text for result in made]
    return b'{"request_id":"%b",%b,"results":[%b]}' % (
        request_id.encode(),
        kept.head,
        b",".join(known),
    )


async def _made(
    api: Api,
    kept: Kept,
    accounts: Sequence[Any],
    texts: Sequence[bytes | None],
    with_drivers: bool,
) -> list[Made]:
    """Results of all accounts, made where they are not known."""
    faults = ["" if text else account_fault(a) for a, text in zip(accounts, texts, strict=True)]
    wanted = dict.fromkeys(
        account
        for account, text, fault in zip(accounts, texts, faults, strict=True)
        if not (text or fault)
    )
    new: dict[str, Made] = {}
    if wanted:
        new = await _new(api, kept, list(wanted), with_drivers)
    return [
        Made("ok", text)
        if text
        else Made("invalid", dumps(invalid(account, fault)))
        if fault
        else new.get(account) or Made("not_found", dumps(not_found(account)))
        for account, text, fault in zip(accounts, texts, faults, strict=True)
    ]


async def _new(api: Api, kept: Kept, accounts: list[str], with_drivers: bool) -> dict[str, Made]:
    """Many at once have a thread of their own, so that single ones need not wait for them."""
    if len(accounts) > MOST_TOGETHER:
        return await api.threaded(results, kept, accounts, with_drivers)
    return await api.in_time(api.together.made(kept, accounts, with_drivers))
