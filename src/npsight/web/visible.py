"""Which accounts a user may see: an account of somebody else's is not there at all."""

from __future__ import annotations

from npsight.errors import NotFoundError
from npsight.service.accountkeys import as_stored
from npsight.store import ScoreRow, ScoreRun
from npsight.store.accountpages import merged_into
from npsight.web.page import Page, PageError


def latest_run(page: Page) -> ScoreRun:
    """The run that pages show.

    Raises
    ------
    PageError
        404: the project was never scored.
    """
    try:
        return page.store.latest_run(page.project.name)
    except NotFoundError:
        raise PageError(
            404, "There are no scores yet.", "Run npsight score, then open the page again."
        ) from None


def visible_account(page: Page, account: str) -> ScoreRow:
    """An account of the latest run.

    Raises
    ------
    PageError
        404: there is no such account, or the user may not see it; the answer is the same. Of one
        that was merged into an account that the user may see, it says which.
    """
    run = latest_run(page)
    missing = PageError(404, "There is no such account.", "Search for it on the worklist.")
    try:
        row = page.store.score(run.id, as_stored(account, page.project))
    except NotFoundError:
        goes_on = successor(page, run.id, account)
        if goes_on is None:
            raise missing from None
        raise PageError(
            404,
            f"This account was merged into {goes_on.name or goes_on.account}.",
            f"Search for {goes_on.account} on the worklist.",
        ) from None
    if page.only_owner is not None and row.owner != page.only_owner:
        raise missing
    return row


def successor(page: Page, run_id: str, account: str) -> ScoreRow | None:
    """The account that one which is gone was merged into; None for one that may not be seen."""
    into = merged_into(page.store, run_id, [account]).get(account)
    try:
        return None if into is None else visible_account(page, into)
    except PageError:
        return None
