"""Scores that are asked for at the same time, made together.

The store and the model ask little more for thirty accounts than for one, so what is ready in one
turn of the event loop is made in one go. A few numbers from a file on this machine take less time
than handing them to a thread: they are made at once, in the loop. Drivers take longer, another
machine's database may, and a file may be locked: those are made in a thread, which takes in one
go what has come while it worked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from orjson import dumps

from npsight.errors import ModelIntegrityError, StateError
from npsight.service.kept import Kept
from npsight.service.scoring import score_stored

MOST_TOGETHER = 32
"""Accounts of a batch; more in one request are no matter of milliseconds."""


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

    def goes_with(self, other: _Asked) -> bool:
        return self.kept is other.kept and self.with_drivers == other.with_drivers


class Together:
    """What waits to be scored in one process; used from one event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "npsight-score")
        self._ready: list[_Asked] = []
        self._slow: list[_Asked] = []
        self._work: asyncio.Task[None] | None = None

    async def made(self, kept: Kept, accounts: Sequence[str], with_drivers: bool) -> Results:
        """Results of a few accounts; raises as `score_stored` does."""
        loop = asyncio.get_running_loop()
        asked = _Asked(kept, accounts, with_drivers, loop.create_future())
        if not self._ready:
            # After all others that are ready in this turn have had theirs.
            loop.call_soon(self._turn)
        self._ready.append(asked)
        return await asked.answer

    def close(self) -> None:
        """Finish the batch under way."""
        self._thread.shutdown()

    def _turn(self) -> None:
        ready, self._ready = self._ready, []
        while ready:
            batch = _first_batch(ready)
            if not (_is_quick(batch[0]) and _made_at_once(batch)):
                self._slow += batch
        if self._slow and (self._work is None or self._work.done()):
            self._work = asyncio.create_task(self._in_thread())

    async def _in_thread(self) -> None:
        loop = asyncio.get_running_loop()
        while self._slow:
            batch = _first_batch(self._slow)
            if batch:
                _give(batch, await loop.run_in_executor(self._thread, _outcomes, batch))


def _is_quick(asked: _Asked) -> bool:
    return asked.kept.state.store.is_local and not asked.with_drivers


def _first_batch(waiting: list[_Asked]) -> list[_Asked]:
    """Takes the first out of `waiting`, with those that can be made with it.

    Who has waited too long is gone; nobody works for it.
    """
    waiting[:] = [asked for asked in waiting if not asked.answer.done()]
    batch: list[_Asked] = []
    count = 0
    for asked in waiting:
        fits = count + len(asked.accounts) <= MOST_TOGETHER
        if not batch or (fits and asked.goes_with(batch[0])):
            batch.append(asked)
            count += len(asked.accounts)
    taken = set(map(id, batch))
    waiting[:] = [asked for asked in waiting if id(asked) not in taken]
    return batch


def _made_at_once(batch: list[_Asked]) -> bool:
    """False where the store would have to be waited for."""
    try:
        _give(batch, _outcomes(batch, patient=False))
    except StateError:
        return False
    return True


def _give(batch: Iterable[_Asked], outcomes: Iterable[Results | Exception]) -> None:
    for asked, outcome in zip(batch, outcomes, strict=True):
        if asked.answer.done():
            continue
        if isinstance(outcome, Exception):
            asked.answer.set_exception(outcome)
        else:
            asked.answer.set_result(outcome)


def _outcomes(batch: list[_Asked], patient: bool = True) -> list[Results | Exception]:
    """An outcome for each; a fault that one brings in is not the others'.

    Raises StateError where the store is not to be waited for and does not answer at once.
    """
    first = batch[0]
    accounts = list(dict.fromkeys(account for asked in batch for account in asked.accounts))
    try:
        made = results(first.kept, accounts, first.with_drivers, patient)
    except ModelIntegrityError as error:
        if len(batch) == 1:
            return [error]
        return [_outcomes([asked], patient)[0] for asked in batch]
    except Exception as error:
        if isinstance(error, StateError) and not patient:
            raise
        return [error for _ in batch]
    return [{a: made[a] for a in asked.accounts if a in made} for asked in batch]


def results(
    kept: Kept, accounts: Sequence[str], with_drivers: bool, patient: bool = True
) -> Results:
    """Scored now, and kept where they are scores; raises as `score_stored` does."""
    version = kept.version
    scored = score_stored(kept.state, kept.run, accounts, with_drivers, patient)
    made = {account: Made(result["status"], dumps(result)) for account, result in scored.items()}
    fine = [((a, with_drivers), result.text) for a, result in made.items() if result.status == "ok"]
    kept.put(version, fine)
    return made
