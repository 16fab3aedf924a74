"""Scores that are asked for while others are being made, made together.

A known result is given at once. The others wait for a single thread: what has come while it
worked, it takes in one go, for the store and the model ask little more for thirty accounts than
for one. So a batch is as large as the load makes it, and a lone request never waits for company.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from orjson import dumps

from npsight.errors import ModelIntegrityError
from npsight.service.kept import Kept
from npsight.service.scoring import score_stored

MOST_TOGETHER = 64


class Made(NamedTuple):
    """One account's result: its status, and all of it as JSON."""

    status: str
    text: bytes


Results = dict[str, Made]
"""By account; one that the run does not have is absent."""


@dataclass(frozen=True, eq=False)
class _Asked:
    kept: Kept
    accounts: Sequence[str]
    with_drivers: bool
    answer: asyncio.Future[Results]


class Together:
    """What waits for the scoring thread of one process; used from one event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "npsight-score")
        self._waiting: list[_Asked] = []
        self._work: asyncio.Task[None] | None = None

    async def made(self, kept: Kept, accounts: Sequence[str], with_drivers: bool) -> Results:
        """Results of a few accounts; raises as `score_stored` does."""
        asked = _Asked(kept, accounts, with_drivers, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._until_nothing_waits())
        return await asked.answer

    def close(self) -> None:
        """Finish the batch under way."""
        self._thread.shutdown()

    async def _until_nothing_waits(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._next()
            # Who has waited too long is gone; the thread need not work for it.
            batch = [asked for asked in batch if not asked.answer.done()]
            if batch:
                outcomes = await loop.run_in_executor(self._thread, _make, batch)
                for asked, outcome in zip(batch, outcomes, strict=True):
                    _give(asked.answer, outcome)

    def _next(self) -> list[_Asked]:
        """The first that waits, and those after it that can be made with it."""
        first = self._waiting[0]
        alike = [
            asked
            for asked in self._waiting
            if asked.kept is first.kept and asked.with_drivers == first.with_drivers
        ]
        taken: list[_Asked] = []
        count = 0
        for asked in alike:
            count += len(asked.accounts)
            if taken and count > MOST_TOGETHER:
                break
            taken.append(asked)
        self._waiting = [asked for asked in self._waiting if asked not in taken]
        return taken


def _give(answer: asyncio.Future[Results], outcome: Results | Exception) -> None:
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)


def _make(batch: list[_Asked]) -> list[Results | Exception]:
    """An outcome for each; a fault that one brings in is not the others'."""
    first = batch[0]
    accounts = list(dict.fromkeys(account for asked in batch for account in asked.accounts))
    try:
        made = results(first.kept, accounts, first.with_drivers)
    except ModelIntegrityError as error:
        return [error] if len(batch) == 1 else [_make([asked])[0] for asked in batch]
    except Exception as error:
        return [error for _ in batch]
    return [{a: made[a] for a in asked.accounts if a in made} for asked in batch]


def results(kept: Kept, accounts: Sequence[str], with_drivers: bool) -> Results:
    """Scored now, and kept where they are scores; raises as `score_stored` does."""
    version = kept.version
    scored = score_stored(kept.state, kept.run, accounts, with_drivers)
    made = {account: Made(result["status"], dumps(result)) for account, result in scored.items()}
    fine = [((a, with_drivers), result.text) for a, result in made.items() if result.status == "ok"]
    kept.put(version, fine)
    return made
