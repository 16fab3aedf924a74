"""Accounts and answers that are probably no customers': tests, demos, people of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import ibis.expr.datatypes as dt

from npsight.errors import Problem
from npsight.jobs.notes.words import plain

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from npsight.config.specs import ProjectSpec
    from npsight.tables.profile import ColumnProfile
    from npsight.temporal.facts import Facts

TRIAL_WORDS = (
    *("test", "tests", "testing", "demo", "sandbox", "dummy", "staging", "prueba"),
    *("testaccount", "testkunde", "testkonto", "demoaccount", "demokunde", "demokonto"),
)
_TRIAL_VALUES = (*TRIAL_WORDS, "internal", "intern", "interne", "interno", "testing account")
_MOST = 0.2
"""Where more accounts have such a word, it is a word of the trade."""
_SHOWN = 3
_WRITTEN = 20
_LETTERS = re.compile(r"[a-z]+")
_IN_TEXT = rf"(?i)(^|[^\p{{L}}])({'|'.join(TRIAL_WORDS)})([^\p{{L}}]|$)"


def is_trial(name: str) -> bool:
    """Whether one of the words of the name says test, demo or the like."""
    return not set(_LETTERS.findall(plain(name))).isdisjoint(TRIAL_WORDS)


def trial_notes(
    named: Iterable[ColumnProfile], categories: Iterable[ColumnProfile]
) -> Iterator[str]:
    """What a proposal says of names and categories that are probably tests."""
    found = {c.name: [t for t in c.sample if t.lower() in _TRIAL_VALUES] for c in categories}
    for column in named:
        trials = [text for text in column.sample if is_trial(text)]
        found[column.name] = trials if len(trials) <= _MOST * len(column.sample) else []
    for name, texts in found.items():
        if texts:
            shown = ", ".join(f"`{text}`" for text in sorted(texts)[:_SHOWN])
            yield (
                f"VERIFY: {shown} in {name} may be tests or demos of your own: if so, leave their "
                "accounts out of every table by `without`"
            )


def trial_accounts(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    """A warning where some accounts are named as tests, by key, name or a category."""
    listed = facts.accounts if facts.versions is None else facts.versions
    texts = [c for c in ("account", "name_") if c in listed.columns]
    accounts = project.tables.accounts
    kinds = accounts.attributes.items() if accounts else ()
    categories = [name for name, kind in kinds if kind == "category"]
    says = [_says_so(listed[column]) for column in texts]
    says += [_is_so(listed[name]) for name in categories if name in listed.columns]
    found = listed.filter(reduce(or_, says)).select("account").distinct().order_by("account")
    keys = [str(key) for key in found.to_pyarrow().to_pydict()["account"]]
    count = int(facts.accounts.count().to_pyarrow().as_py())
    if not keys or len(keys) > _MOST * count:
        return
    from npsight.tables.shown import listed as in_a_row
    from npsight.tables.shown import shown_key

    such = in_a_row([shown_key(key) for key in keys[:_SHOWN]])
    more = " …" if len(keys) > _SHOWN else ""
    yield Problem(
        f"{len(keys):,} of {count:,} accounts may be tests or demos of your own, by the words in "
        f"their key, name or a category: {such}{more}",
        "if so, leave them out of every table, by its column of the account: "
        f"`without: {{{accounts.key if accounts else 'account_id'}: [{_keys_of(keys)}]}}`; models "
        "learn from them as from customers",
        key="tables.accounts" if accounts else "tables",
    )


def _keys_of(keys: list[str]) -> str:
    """How keys are written down to be left out: all of them, where they are not very many."""
    first = keys[:_WRITTEN]
    if any("@" in key for key in first):
        return "…"
    return ", ".join(first) + (", …" if len(keys) > _WRITTEN else "")


def _says_so(text: ir.Value) -> ir.BooleanValue:
    spaced = text.cast(dt.string).re_replace("([a-z0-9])([A-Z])", r"\1 \2")
    said: ir.BooleanValue = spaced.re_search(_IN_TEXT).fill_null(False)
    return said


def _is_so(category: ir.Value) -> ir.BooleanValue:
    said: ir.BooleanValue = category.lower().isin(_TRIAL_VALUES).fill_null(False)
    return said


def own_answers(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    """A warning where people at the domain of the accounts' owners answered themselves."""
    from npsight.tables.domains import domain_of, is_public

    answers, versions = facts.sources.get("responses"), facts.versions
    if answers is None or versions is None or "owner_" not in versions.columns:
        return
    columns = {table.respondent for table in project.tables.responses} - {None}
    owner = versions.owner_
    mails = versions.filter(owner.contains("@")).select(domain=domain_of(owner)).distinct()
    own = mails.filter(mails.domain.notnull(), ~is_public(mails.domain))
    asked = answers.filter(answers.respondent.contains("@"))
    by_own = asked.mutate(domain=domain_of(asked.respondent)).semi_join(own, "domain")
    for row in by_own.group_by("domain").aggregate(n=by_own.count()).to_pyarrow().to_pylist():
        column = " or ".join(sorted(str(column) for column in columns))
        yield Problem(
            f"{row['n']:,} answers are of people at {row['domain']}, as the owners of accounts are",
            "if they are colleagues and no customers, leave their answers out: "
            f"`without: {{{column}: '*@{row['domain']}'}}`",
            key="tables.responses",
        )
