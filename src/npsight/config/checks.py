"""What pydantic cannot see: settings that must fit each other. Every finding is a `Finding`."""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from npsight.config.schema import (
    PERIOD,
    PERIOD_OVER,
    Accounts,
    Activity,
    Bands,
    Place,
    Source,
    Tables,
    Targets,
    VersionedSource,
    Worklist,
)
from npsight.config.yamlfile import KeyPath

RESERVED = frozenset(
    (
        "account",
        "as_of",
        "began_at",
        "corrected_at",
        "ended_at",
        "ended_known_at",
        "known_at",
        "moved_at",
        "occurred_at",
        "owned_from",
    )
)
MOST_NAMED = 30


@dataclass(frozen=True)
class Finding:
    """A fault at a key of the project file."""

    key: KeyPath
    what: str
    remedy: str


def suggest(word: str, known: Iterable[str]) -> str:
    """`did you mean …?` when something similar exists, else what exists, up to 30 of it."""
    options = sorted(known)
    close = difflib.get_close_matches(word, options, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    if not options:
        return "there is none to choose from"
    more = f" and {len(options) - MOST_NAMED} more" if len(options) > MOST_NAMED else ""
    return f"use one of: {', '.join(options[:MOST_NAMED])}{more}"


def check_source(source: Source, key: KeyPath) -> Iterator[Finding]:
    """A table is reachable in exactly one way, and its zone and widths make sense."""
    yield from _check_place(source, key)
    for index, lookup in enumerate(source.lookup):
        yield from _check_place(lookup, (*key, "lookup", index))
    if source.wide is not None:
        for pattern in source.wide.columns:
            if pattern.count("*") > 1:
                yield Finding(
                    (*key, "wide", "columns"),
                    f"`{pattern}` has more than one `*`",
                    "write one star, where the period stands in the names of the columns",
                )
    yield from _check_period(source, key)
    if source.timezone is not None and not known_zone(source.timezone):
        yield Finding(
            (*key, "timezone"), f"`{source.timezone}` is no time zone", near_zone(source.timezone)
        )


def _check_period(source: Source, key: KeyPath) -> Iterator[Finding]:
    """What the name of a file tells is read by a setting; look-ups have no time."""
    for index, lookup in enumerate(source.lookup):
        for setting in ("path", "table"):
            if PERIOD in (getattr(lookup, setting) or ""):
                yield Finding(
                    (*key, "lookup", index, setting),
                    f"`{PERIOD}` dates rows, and a look-up has no dates",
                    "write `*`, or name one file",
                )
    named = PERIOD in f"{source.path} {source.table}"
    settings = source.model_dump(exclude={"lookup", "wide"}).values()
    if named and PERIOD_OVER not in settings:
        setting = "valid_from" if isinstance(source, Accounts) else "time"
        yield Finding(
            key,
            f"`{PERIOD}` dates each row, and nothing reads it",
            f"say `{setting}: {PERIOD_OVER}`; where rows have dates of their own, write `*`",
        )


def _check_place(source: Place, key: KeyPath) -> Iterator[Finding]:
    """It is reachable in exactly one way, and its widths are given."""
    if (source.path is None) == (source.connection is None):
        yield Finding(key, "needs either `path` or `connection`", "give exactly one of the two")
    is_duckdb = source.format == "duckdb" or (source.path or "").endswith((".duckdb", ".db"))
    if (source.connection or is_duckdb) and not source.table:
        yield Finding(key, "names no `table`", "say which table or view is to be read")
    places = {name: getattr(source, name) or "" for name in ("path", "table")}
    if sum(text.count(PERIOD) for text in places.values()) > 1:
        yield Finding(
            key,
            f"`{PERIOD}` stands in it more than once",
            "write it once, where the period stands in the name of the file or the sheet",
        )
    elif any(PERIOD in text for text in places.values()) and (source.connection or is_duckdb):
        yield Finding(
            key,
            f"`{PERIOD}` stands for a part of the name of a file or a sheet, and this is neither",
            "name one table, or a view over several that has a column with the time",
        )
    if source.format == "fixed_width" and not source.fixed_width:
        yield Finding(
            (*key, "format"),
            "fixed-width file without columns",
            "add `fixed_width: {name: [1, 5]}`",
        )


def known_zone(name: str) -> bool:
    """Whether the zone exists on this machine."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return False
    return True


def near_zone(name: str) -> str:
    """Which zone may be meant: the place alone, another case, or a slip of the pen."""
    zones = sorted(zoneinfo.available_timezones())
    wanted = name.strip().lower().replace(" ", "_")
    of_place = [z for z in zones if wanted in (z.lower(), z.lower().rpartition("/")[2])]
    long_names = {z.lower(): z for z in zones if "/" in z}
    close = difflib.get_close_matches(wanted, long_names, n=1, cutoff=0.8)
    meant = next(iter(of_place), None) or next((long_names[z] for z in close), None)
    if meant is not None:
        return f"did you mean `{meant}`?"
    return "use an IANA name such as `Europe/Berlin` or `UTC`"


def check_accounts(accounts: Accounts, key: KeyPath, snapshot: bool) -> Iterator[Finding]:
    """Attributes without validity must be static: today's value of anything else leaks."""
    for name in accounts.static:
        if name not in accounts.attributes:
            yield Finding(
                (*key, "static"),
                f"`{name}` is not in `attributes`",
                suggest(name, accounts.attributes),
            )
    for name in accounts.columns:
        if name not in accounts.attributes:
            yield Finding(
                (*key, "columns", name),
                f"`{name}` is not in `attributes`",
                suggest(name, accounts.attributes),
            )
    yield from check_names(accounts.attributes, (*key, "attributes"))
    for name in accounts.segments:
        if accounts.attributes.get(name) != "category":
            categories = [a for a, kind in accounts.attributes.items() if kind == "category"]
            yield Finding(
                (*key, "segments"), f"`{name}` is no category attribute", suggest(name, categories)
            )
    if accounts.valid_to and not accounts.valid_from:
        yield Finding((*key, "valid_to"), "needs `valid_from` beside it", "map both columns")
    if accounts.known_at and not accounts.valid_from:
        yield Finding((*key, "known_at"), "needs `valid_from` beside it", "map both columns")
    if accounts.valid_from or snapshot:
        return
    for name in accounts.attributes:
        if name not in accounts.static:
            yield Finding(
                (*key, "attributes", name),
                f"`{name}` has no history: only today's value is known, and using it for past "
                "days would leak the future",
                f"map `valid_from` (and `valid_to`), list `{name}` under `static` if it never "
                "changes, or drop it",
            )


def check_names(names: Iterable[str], key: KeyPath) -> Iterator[Finding]:
    """Measures, categories and attributes leave npsight's own column names alone."""
    for name in names:
        if name in RESERVED:
            yield Finding((*key, name), f"`{name}` is a name of npsight's own", "name it otherwise")


def check_activity(activity: Activity, key: KeyPath) -> Iterator[Finding]:
    """Every measure and category of an activity table has a name of its own."""
    yield from check_names(activity.measures, (*key, "measures"))
    yield from check_names(activity.categories, (*key, "categories"))
    yield from check_versions(activity, key)
    if activity.scheduled and not activity.known_at:
        yield Finding(
            (*key, "scheduled"),
            "a time that may lie ahead says nothing of when it was known",
            "map `known_at`, the column with the instant it was booked",
        )
    for name in activity.categories:
        if name in activity.measures:
            yield Finding(
                (*key, "categories", name),
                f"`{name}` is a measure of this table too",
                "give one of the two another name, such as `{name: column}`",
            )


def check_versions(source: VersionedSource, key: KeyPath) -> Iterator[Finding]:
    """A row that withdraws a fact can be placed: it names the fact, and when it was known."""
    missing = [name for name in ("id", "known_at") if not getattr(source, name)]
    if source.retracted and missing:
        yield Finding(
            (*key, "retracted"),
            f"needs {' and '.join(f'`{name}`' for name in missing)} beside it",
            "map the columns that say which fact was withdrawn, and when that was known",
        )


def check_bands(bands: list[Bands], key: KeyPath) -> Iterator[Finding]:
    """Bands lie inside their scale, in order, apart; validities do not overlap."""
    for index, band in enumerate(bands):
        here = (*key, index)
        spans = [s for s in (band.detractor, band.passive, band.promoter) if s is not None]
        flat = [edge for span in spans for edge in span]
        if flat != sorted(flat) or any(a[1] >= b[0] for a, b in pairwise(spans)):
            yield Finding(
                here,
                "bands overlap or are out of order",
                "they must rise and not touch, such as [0, 6], [7, 8], [9, 10]",
            )
        elif flat[0] < band.scale[0] or flat[-1] > band.scale[1]:
            yield Finding(here, f"bands leave the scale {list(band.scale)}", "widen `scale`")
    dated = sorted(bands, key=lambda b: (b.valid_from is not None, b.valid_from or 0))
    for earlier, later in pairwise(dated):
        if (
            earlier.valid_to is None
            or later.valid_from is None
            or earlier.valid_to > later.valid_from
        ):
            yield Finding(
                key,
                "two scales are valid on the same day",
                "end the older with `valid_to` on the day the newer starts with `valid_from`",
            )


def _check_touchpoints(touchpoints: list[str], tables: Tables) -> Iterator[Finding]:
    at: KeyPath = ("targets", "detractor", "touchpoints")
    if not touchpoints:
        return
    if tables.responses and not any(t.touchpoint or t.touchpoint_name for t in tables.responses):
        yield Finding(
            at,
            "no table of answers says where they were given",
            "map `touchpoint`, or give `touchpoint_name`, under `tables.responses`",
        )
    if len(set(touchpoints)) < len(touchpoints) or not all(map(str.strip, touchpoints)):
        yield Finding(at, "needs different values", "list each touchpoint once")
    if tables.responses and all(t.touchpoint_name for t in tables.responses):
        names = {str(t.touchpoint_name) for t in tables.responses}
        for wanted in sorted(set(touchpoints) - names):
            yield Finding(at, f"no table of answers is `{wanted}`", suggest(wanted, names))


def check_worklist(worklist: Worklist, tables: Tables) -> Iterator[Finding]:
    """Contacts are activity tables, each named once."""
    at: KeyPath = ("worklist", "contacts")
    for name in sorted(set(worklist.contacts)):
        if name not in tables.activity:
            yield Finding(
                at, f"there is no activity table `{name}`", suggest(name, tables.activity)
            )
        elif worklist.contacts.count(name) > 1:
            yield Finding(at, f"names `{name}` twice", "list each table once")


def check_targets(targets: Targets, tables: Tables) -> Iterator[Finding]:
    """Every target has the tables it is read from."""
    key: KeyPath = ("targets",)
    if not (targets.detractor or targets.churn):
        yield Finding(key, "nothing to foresee", "add `detractor: {}` or `churn: {…}`")
    if targets.detractor and not tables.responses:
        yield Finding(
            (*key, "detractor"),
            "needs `tables.responses`",
            "map the survey table, or drop the target",
        )
    if targets.detractor:
        yield from _check_touchpoints(targets.detractor.touchpoints, tables)
    if targets.nps and not targets.detractor:
        yield Finding((*key, "nps"), "needs `targets.detractor`", "add `detractor: {}` beside it")
    churn = targets.churn
    if churn is None:
        return
    at = (*key, "churn")
    if churn.event == "subscription_end" and tables.subscriptions is None:
        yield Finding(
            at,
            "`subscription_end` needs `tables.subscriptions`",
            "map that table, or choose another `event`",
        )
    if churn.event == "churn_table" and tables.churn is None:
        yield Finding(at, "`churn_table` needs `tables.churn`", "map that table")
    if churn.active_within_days is not None and churn.event != "no_activity":
        yield Finding(
            (*at, "active_within_days"),
            f"needs `event: no_activity`; `{churn.event}` says by itself who has left",
            "drop it, or choose the other event",
        )
    if churn.event == "no_activity" and churn.activity not in tables.activity:
        yield Finding(
            (*at, "activity"),
            f"`no_activity` needs the name of an activity table, not `{churn.activity}`",
            suggest(churn.activity or "", tables.activity),
        )
    if churn.event == "snapshot":
        if not (churn.column and churn.positive):
            yield Finding(at, "`snapshot` needs `column` and `positive`", "name the outcome column")
        if tables.accounts is None:
            yield Finding(at, "`snapshot` needs `tables.accounts`", "map the snapshot table there")
        if targets.detractor or tables.responses or tables.activity or tables.merges:
            yield Finding(
                at,
                "a snapshot has no time, so nothing dated can be joined to it",
                "keep only `tables.accounts` and `targets.churn` in this project",
            )
