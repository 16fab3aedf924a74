"""A first project file, proposed from the tables that lie in a folder or a DuckDB file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from npsight.errors import DataError, Problem
from npsight.jobs.notes.dayorder import with_one_order
from npsight.jobs.proposal import guess, names, vocabulary
from npsight.jobs.proposal.accounts import ProposedAccounts
from npsight.jobs.proposal.activity import ProposedActivity
from npsight.jobs.proposal.keys import typed_in_cases
from npsight.jobs.proposal.kinds import Kinds, kinds_of
from npsight.jobs.proposal.languages import languages_of
from npsight.jobs.proposal.lines import ProposedLines
from npsight.jobs.proposal.lone import with_lone_settled
from npsight.jobs.proposal.losses import write_losses, write_targets
from npsight.jobs.proposal.merges import Merges, merges_among, write_merges
from npsight.jobs.proposal.responses import ProposedResponses, undated
from npsight.jobs.proposal.ways import columns_of, keys_and_ways
from npsight.jobs.proposal.yamltext import Lines, scalar

if TYPE_CHECKING:
    from npsight.tables.profile import TableProfile

_FEW_LOST = 0.04
_HEAD = """\
# Proposed by `npsight init` from the tables it found. Everything here is a guess: read it through,
# correct it, then run `npsight check`. Lines marked VERIFY need someone who knows the data.
"""


def propose(
    source: Path,
    relative_to: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> str:
    """The text of a project file for the table files of a folder, or a DuckDB file.

    Parameters
    ----------
    source
        The folder or file.
    relative_to
        The folder in which the project file will lie: paths are written relative to it. Without
        one, they are absolute.
    progress
        Called with a line for each table that is looked at.

    Raises
    ------
    DataError
        There is no table to propose from.
    """
    from npsight.tables.profile import profile_tables

    found, problems = profile_tables(source, progress)
    # The truth of a simulation lies beside its tables and would give everything away.
    truths = [t for t in found if t.name.startswith("truth")]
    dated = with_lone_settled([t for t in found if t not in truths])
    ordered = with_one_order(dated)
    merges = merges_among(ordered)
    tables = [t for t in ordered if merges is None or t is not merges.table]
    keys, hops = keys_and_ways(tables)
    if merges is not None:
        keys = {**keys, merges.table.name: merges.ended.name}
    out = ProposedLines(relative_to, keys, hops)
    kinds = kinds_of(tables, out.keys, out.hops)
    _refuse_nothing(source, tables, out, kinds, problems)
    return _text(source, tables, truths, out, kinds, problems, merges)


def _text(
    source: Path,
    tables: Sequence[TableProfile],
    truths: Sequence[TableProfile],
    out: ProposedLines,
    kinds: Kinds,
    problems: Sequence[Problem],
    merges: Merges | None,
) -> str:
    """The project file, section by section."""
    body = out.lines
    body.add(0, "tables:")
    if typed_in_cases(columns_of(tables, out.keys, out.hops)):
        body.add(2, "account_case: lower", "VERIFY: some keys differ in case only")
    if kinds.accounts is not None:
        ProposedAccounts(out, kinds).write(kinds.accounts)
    ProposedResponses(out, kinds.responses).write()
    activity = ProposedActivity(out)
    rest = [t for t in tables if t.name not in kinds.taken]
    empty = [t for t in rest if t.name not in out.keys or not t.rows]
    activity.write(kinds.responses, [t for t in rest if t not in empty])
    activity.say_left_out([*truths, *empty], problems)
    write_losses(out, kinds)
    if merges is not None:
        write_merges(out, merges)
    body.blank()
    write_targets(out, kinds, activity.rows)
    if out.features:
        body.blank()
        body.add(0, "features:")
        for feature in out.features:
            body.add(2, f"- {feature}")
    if out.drivers:
        body.blank()
        body.add(0, "drivers:")
        for name, label in out.drivers.items():
            body.add(2, f"{name}: {{label: {scalar(label)}}}")
    _comments(out, kinds.responses)
    _quarantine(out, kinds.responses)
    head = Lines()
    head.add(0, f"project: {_project_name(source)}")
    if out.naive:
        head.add(0, "timezone: UTC", "VERIFY: some times are written without a zone; name it")
    head.blank()
    return _HEAD + head.text() + body.text()


def _comments(out: ProposedLines, responses: Sequence[TableProfile]) -> None:
    """In which languages people write, where that is not English alone."""
    told = [guess.guess_comment(t, {out.keys[t.name]}) for t in responses]
    languages = languages_of(text for column in told if column for text in column.sample)
    if languages and languages != ["en"]:
        out.lines.blank()
        out.lines.add(
            0,
            f"comments: {{language: [{', '.join(languages)}]}}",
            "VERIFY: languages of the comments; sentiment is scored in English only",
        )


def _quarantine(out: ProposedLines, responses: Sequence[TableProfile]) -> None:
    """So many answers without a time or rows without an account would stop every job."""
    lost = [(undated(t), "of the answers have no time") for t in responses]
    lost += [
        (hop.lost, f"of the addresses in {name} are at no domain of an account")
        for name, hops in out.hops.items()
        for hop in hops
    ]
    share, what = max(lost, default=(0.0, ""))
    if share > _FEW_LOST:
        out.lines.blank()
        out.lines.add(
            0,
            f"quarantine: {{max_share: {min(1, math.ceil(share * 20 + 0.5) / 20):g}}}",
            f"VERIFY: {share:.0%} {what} and cannot be used",
        )


def _project_name(source: Path) -> str:
    name = names.config_name(source.resolve().stem).replace("_", "-")
    return name[:40].strip("-") or "project"


def _refuse_nothing(
    source: Path,
    tables: Sequence[TableProfile],
    out: ProposedLines,
    kinds: Kinds,
    problems: Sequence[Problem],
) -> None:
    """A file without any target helps nobody."""
    listed = kinds.accounts
    dated = [
        t
        for t in tables
        if t.name in out.keys
        and guess.guess_times(t).occurred
        and (t is not listed or guess.pick(t.columns, vocabulary.LEFT_WORDS, time=True))
    ]
    if dated or kinds.snapshot is not None:
        return
    nothing = [
        Problem(
            guess.left_out_because(table, out.keys.get(table.name)),
            "export it with an account and a time in each row, or write the project file by "
            "hand (docs/project-file.md)",
            str(table.source.path),
        )
        for table in tables
    ]
    raise DataError(f"{source}: nothing can be proposed", [*nothing, *problems])
