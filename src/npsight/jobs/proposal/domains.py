"""Whether accounts are found by the domains of e-mail addresses: surveys may name nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from npsight.jobs.notes.words import words
from npsight.jobs.proposal.keys import Hop, is_named, is_person, share_nothing
from npsight.jobs.proposal.vocabulary import DOMAIN_WORDS
from npsight.tables.domains import domains_of_text
from npsight.tables.profile import ColumnProfile, TableProfile

_FEW = 10
_MOSTLY = 0.9
_MANY = 0.5


def guess_domain(
    table: TableProfile, keys: Mapping[str, str], tables: Sequence[TableProfile]
) -> list[Hop]:
    """The look-up of an account by the domain of a person's address.

    Empty where the table names accounts as the others do, has no addresses, or no table with a
    row for each account has their domains.
    """
    own = table.column(keys.get(table.name, ""))
    for by in _addresses(table):
        for other, account, found in _with_domains(table, keys, tables):
            if own is not None and is_named(own) and not share_nothing(own, account):
                continue
            lost = _lost(by, found)
            if lost is not None:
                called = _free_name(account.name, table)
                return [Hop(other, by.name, account.name, found.name, "domain", called, lost)]
    return []


def _addresses(table: TableProfile) -> Iterator[ColumnProfile]:
    """Columns that mostly hold e-mail addresses."""
    for column in table.columns:
        held = sum("@" in text for text in column.sample)
        mostly = held >= max(_MOSTLY * len(column.sample), 1)
        if mostly and column.filled >= _MANY * table.rows:
            yield column


def _with_domains(
    table: TableProfile, keys: Mapping[str, str], tables: Sequence[TableProfile]
) -> Iterator[tuple[TableProfile, ColumnProfile, ColumnProfile]]:
    """Tables that list accounts, with the column of their key and that of their domains."""
    for other in tables:
        account = other.column(keys.get(other.name, ""))
        if other is table or account is None or is_person(account):
            continue
        if account.distinct < other.rows:
            continue
        for found in other.columns:
            if words(found.name) & DOMAIN_WORDS and not found.is_time:
                yield other, account, found


def _lost(by: ColumnProfile, found: ColumnProfile) -> float | None:
    """Share of addresses that find no account; None where too few do to tell."""
    listed = {domain for text in found.sample for domain in domains_of_text(text)}
    given = [domains_of_text(text) for text in by.sample]
    different = {domain for domains in given for domain in domains}
    shared = different & listed
    # Of many domains only some are sampled, so that fewer of them are met.
    seen = len(found.sample) / max(found.distinct, 1)
    if len(shared) < _FEW or len(shared) < _MANY * seen * min(len(different), len(listed)):
        return None
    known = sum(bool(domains & shared) for domains in given) / len(given)
    private = sum(bool(domains) for domains in given) / len(given)
    return 1 - (known if seen == 1 else private)


def _free_name(name: str, table: TableProfile) -> str | None:
    """What the new column is called, where the table has one of that name; None where not."""
    if table.column(name) is None:
        return None
    free = f"account_{name}"
    while table.column(free) is not None:
        free = f"account_{free}"
    return free
