"""Accounts that begin after their first answer, as where a new CRM dates all of them anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis

from npsight.errors import Problem

if TYPE_CHECKING:
    from npsight.config.specs import ProjectSpec
    from npsight.temporal.facts import Facts

LEAST = 5
LEAST_SHARE = 0.02
_DAYS = 1
"""A day that is named without a time of day may be later by so much."""


def begun_after_answers(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    """A warning where at least 5 accounts, and 2 % of those that answered, begin a day and more
    after their first answer. Before it begins nothing is learned of an account, and it is no part
    of the company's NPS.
    """
    listed, answers = project.tables.accounts, facts.sources.get("responses")
    if listed is None or answers is None or not (listed.created_at or listed.valid_from):
        return
    late = facts.accounts.began_at - ibis.interval(days=_DAYS)
    begun = facts.accounts.select("account", late=late)
    joined = answers.inner_join(begun, "account")
    counted = joined.aggregate(
        answered=joined.account.nunique(),
        accounts=joined.account.nunique(where=joined.occurred_at <= joined.late),
        answers=(joined.occurred_at <= joined.late).sum(),
    )
    (seen,) = counted.to_pyarrow().to_pylist()
    if seen["accounts"] < max(LEAST, LEAST_SHARE * seen["answered"]):
        return
    setting = "created_at" if listed.created_at else "valid_from"
    without = (
        "leave `created_at` out, and each begins with its first fact"
        if listed.created_at
        else "map the day since when each is a customer: `created_at`"
    )
    yield Problem(
        f"{seen['accounts']:,} of {seen['answered']:,} accounts that answered begin after their "
        f"first answer: days before are not learned from, which leaves out {seen['answers']:,} "
        "answers",
        f"if `{getattr(listed, setting)}` tells when a record was made in a system, and not when "
        f"the account became a customer, {without}",
        key=f"tables.accounts.{setting}",
    )
