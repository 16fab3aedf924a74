"""Random worlds drawn from a few instants, so that ties and boundary hits are the rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from handmade import DAY, TICK, Row, World

from npsight.config.specs import FeatureSpec

ACCOUNTS_A_WORLD = 150
WINDOWS = (1, 7, 30)
GAP, HORIZON = 7, 30
SEGMENT = "plan"
FIRST_AS_OFS = (
    datetime(2024, 2, 29),
    datetime(2024, 3, 1),
    datetime(2024, 3, 31),
    datetime(2023, 12, 31, 23, 59, 59, 999999),
    datetime(2024, 7, 1, 12, 30, 0, 250000),
)
MEASURES = ("-1.5", "0", "0.1", "0.2", "2", "3.333333", None)
BANDS = (("detractor", 3), ("detractor", 6), ("passive", 8), ("promoter", 9), ("promoter", 10))


@dataclass(frozen=True)
class Drawn:
    """A random world and the days to look at it from."""

    seed: int
    world: World
    as_ofs: tuple[datetime, ...]
    instants: tuple[datetime, ...]

    @property
    def touchpoints(self) -> tuple[str, ...]:
        """Those whose answers are foreseen: all, one, or two."""
        return ((), ("mail",), ("call", "mail"))[self.seed % 3]

    @property
    def keys(self) -> list[tuple[str, datetime]]:
        """Every account on every day, whether it exists then or not."""
        return [(row["account"], as_of) for row in self.world.accounts for as_of in self.as_ofs]


class Draw:
    """Random choices of one seed."""

    def __init__(self, seed: int, instants: tuple[datetime, ...]) -> None:
        self.rng = np.random.default_rng(seed)
        self.instants = instants

    def one(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def instant(self) -> datetime:
        return self.one(self.instants)

    def times(self) -> Row:
        """Known at once, or at any other instant: late, or (as a plan) ahead."""
        at = self.instant()
        return {"occurred_at": at, "known_at": at if self.chance(0.5) else self.instant()}

    def end(self) -> Row:
        if self.chance(0.4):
            return {"ended_at": None, "ended_known_at": None}
        at = self.instant()
        return {"ended_at": at, "ended_known_at": at if self.chance(0.5) else self.instant()}

    def row(self, table: str, account: str) -> Row:
        """One random row of a table."""
        row: Row = {"account": account}
        if table == "accounts":
            return row | {"began_at": self.instant()}
        row |= self.times()
        if table == "usage":
            row |= {"logins": self.one(MEASURES), "errors": self.one(MEASURES)}
            row |= {"kind": self.one(("web", "app", None)), "channel": self.one(("x", "y"))}
        if table == "tickets":
            row |= self.end()
            row |= {"hours": self.one(MEASURES), "severity": self.one(("high", "low", None))}
        if table == "responses":
            band, score = self.one(BANDS)
            row |= {"band": band, "score": score, "raw_score": score}
            row |= {"touchpoint": self.one(("mail", "call", None))}
            row |= {"respondent": self.one(("ann", "bob", None))}
        if table == "subscriptions":
            row |= self.end() | {"amount": self.one(MEASURES)}
        if table == "versions":
            row |= self.end()
            row |= {"plan": self.one(("gold", "free", None)), "seats": self.one(MEASURES)}
            row |= {"owner_": self.one(("ann", "bob")), "renewal_at_": self.instant()}
        return row


MOST_ROWS = {
    "usage": 8,
    "tickets": 5,
    "responses": 5,
    "subscriptions": 2,
    "versions": 4,
    "churn": 1,
    "meetings": 3,
}


def pool(as_of: datetime) -> list[datetime]:
    """Every boundary that a rule of time has for this day, and one tick to either side."""
    exact = [as_of + k * DAY for k in (GAP, GAP + HORIZON)]
    exact += [as_of - k * w * DAY for w in WINDOWS for k in (1, 2)]
    around = [e + k * TICK for e in exact for k in (-1, 0, 1)]
    inside = [as_of - timedelta(hours=5), as_of - 3 * DAY, as_of - 400 * DAY, as_of + 20 * DAY]
    return around + inside


def draw(seed: int) -> Drawn:
    """A world of `ACCOUNTS_A_WORLD` accounts, each with a history of its own."""
    rng = np.random.default_rng([seed, 1])
    first = FIRST_AS_OFS[seed % len(FIRST_AS_OFS)]
    as_ofs = (first, first + WINDOWS[seed % 3] * DAY)
    instants = [as_of + k * TICK for as_of in as_ofs for k in (-1, 0, 1)]
    others = sorted({i for as_of in as_ofs for i in pool(as_of)})
    instants += [others[i] for i in rng.choice(len(others), 10, replace=False)]
    choose = Draw(seed, tuple(instants))
    rows: dict[str, list[Row]] = {name: [] for name in ("accounts", *MOST_ROWS)}
    for number in range(ACCOUNTS_A_WORLD):
        account = f"a{number:03d}"
        rows["accounts"].append(choose.row("accounts", account))
        for table, most in MOST_ROWS.items():
            many = int(choose.rng.integers(most + 1))
            rows[table] += [choose.row(table, account) for _ in range(many)]
    # Someone who answered and stands in no other table: part of the market all the same.
    rows["responses"] += [choose.row("responses", "stranger") for _ in range(3)]
    world = World(
        rows["accounts"],
        distinct_versions(rows["versions"]),
        {name: rows[name] for name in SOURCES},
        rows["churn"],
        data_end=as_ofs[0] + (GAP + HORIZON) * DAY,
        scheduled=frozenset({"meetings"}),
        left_after=(None, None, ("usage", 7), ("usage", 30))[seed % 4],
    )
    if seed % 2:
        world = merged(corrected(world, choose), choose)
    return Drawn(seed, world, as_ofs, tuple(instants))


SOURCES = ("usage", "tickets", "responses", "subscriptions", "meetings")


def corrected(world: World, choose: Draw) -> World:
    """Some facts get later versions, or are withdrawn, from some instant on."""

    def change(name: str, rows: list[Row]) -> list[Row]:
        if name not in world.sources:
            return rows
        changed = []
        for row in rows:
            if choose.chance(0.75):
                changed.append(row)
                continue
            known = max(row["known_at"], choose.instant())
            changed.append(row | {"corrected_at": known})
            if choose.chance(0.7):
                changed.append(choose.row(name, row["account"]) | {"known_at": known})
        return changed

    return replace(world.changed(change), versioned=True)


def merged(world: World, choose: Draw) -> World:
    """A tenth of the accounts became part of another, some of those of a third later."""
    names = [row["account"] for row in world.accounts]
    drawn = choose.rng.choice(len(names), len(names) // 10, replace=False)
    ended = [names[i] for i in sorted(drawn)]
    merges: list[Row] = []
    for number, account in enumerate(ended):
        # Only into one that does not end, or ends after it in the list: no circles.
        into = choose.one([n for n in names if n not in ended] + ended[number + 1 :])
        merges.append({"account": account, "into": into, "known_at": choose.instant()})
    by_account = {row["account"]: row for row in merges}

    def change(name: str, rows: list[Row]) -> list[Row]:
        if name not in world.sources:
            return rows
        return [copy for row in rows for copy in _copies(row, by_account)]

    return replace(world.changed(change), merges=merges, versioned=True)


def _copies(row: Row, merges: dict[str, Row]) -> Iterator[Row]:
    """The row as recorded, and as it stands for each account that took it over."""
    while True:
        merge = merges.get(row["account"])
        if merge is None:
            yield row
            return
        moved = max(merge["known_at"], row.get("owned_from") or merge["known_at"])
        yield row | {"moved_at": moved}
        if row.get("corrected_at") is not None and row["corrected_at"] <= moved:
            return
        known = max(row["known_at"], moved)
        row = row | {"account": merge["into"], "owned_from": moved, "known_at": known}


def distinct_versions(rows: list[Row]) -> list[Row]:
    """One version for each (account, valid from, known): `tables` quarantines any second one."""
    return list({(r["account"], r["occurred_at"], r["known_at"]): r for r in rows}.values())


def every_feature() -> list[FeatureSpec]:
    """Every aggregation, with and without a window, with both meanings of missing."""
    specs = [
        FeatureSpec(source="accounts", aggregation="age"),
        FeatureSpec(source="accounts", aggregation="days_until_renewal"),
        FeatureSpec(source="accounts", aggregation="value", measure="seats"),
        FeatureSpec(source="accounts", aggregation="value", measure="plan", dtype="category"),
        FeatureSpec(source="usage", aggregation="trend", window_days=7),
        FeatureSpec(source="usage", aggregation="trend", window_days=30, measure="logins"),
        FeatureSpec(source="tickets", aggregation="trend", window_days=1, missing="zero"),
        FeatureSpec(source="usage", aggregation="mean_trend", window_days=7, measure="logins"),
        FeatureSpec(source="tickets", aggregation="open", missing="zero"),
        FeatureSpec(source="tickets", aggregation="open", window_days=7),
        FeatureSpec(
            source="tickets", aggregation="open", window_days=30, where=(("severity", "high"),)
        ),
        FeatureSpec(source="subscriptions", aggregation="open", missing="zero"),
        FeatureSpec(source="responses", aggregation="last", measure="score"),
        FeatureSpec(source="responses", aggregation="mean", measure="score", window_days=30),
        FeatureSpec(source="responses", aggregation="days_since_last"),
        FeatureSpec(
            source="responses",
            aggregation="count",
            where=(("band", "detractor"),),
            window_days=7,
            missing="zero",
        ),
    ]
    both = (("channel", "x"), ("kind", "web"))
    for window in (None, *WINDOWS):
        for name in ("sum", "mean", "min", "max", "last"):
            specs.append(_usage(name, window, measure="logins"))
        specs.append(_usage("ratio", window, measure="errors", per="logins"))
        for name in ("count", "days_since_last", "distinct_days"):
            specs.append(_usage(name, window))
        specs.append(_usage("count", window, where=both, missing="zero"))
    specs.append(_usage("sum", 7, measure="errors", missing="zero", where=(("kind", "app"),)))
    specs.append(_usage("mean", 7, measure="errors", missing="zero"))
    for window in (None, 7):
        specs += _more(window)
    specs += [
        FeatureSpec(source="meetings", aggregation="days_until_next"),
        FeatureSpec(source="tickets", aggregation="days_until_end"),
        FeatureSpec(source="subscriptions", aggregation="days_until_end"),
        _usage("vs_usual", 1),
        _usage("vs_usual", 7, measure="logins", where=(("kind", "web"),)),
        _usage("sum", 30, measure="logins", against="segment"),
        _usage("count", 7, missing="zero", against="segment"),
        _usage("longest_gap", 30, against="segment"),
        FeatureSpec(source="accounts", aggregation="value", measure="seats", against="segment"),
        FeatureSpec(source="tickets", aggregation="open", against="segment"),
    ]
    return specs


def _more(window: int | None) -> list[FeatureSpec]:
    web = (("kind", "web"),)
    measured = ("std", "first", "slope")
    plain = ("days_since_first", "longest_gap", "mean_gap")
    lasting = ("oldest_open", "mean_duration", "max_duration")
    return [
        *(_usage(name, window, measure="logins") for name in measured),
        *(_usage(name, window) for name in plain),
        _usage("longest_gap", window, where=web),
        _usage("share", window, where=web),
        _usage("share", window, where=web, measure="errors"),
        _usage("distinct", window, category="kind"),
        _usage("own", window, expression="own.py:twice", where=web),
        *(FeatureSpec(source="tickets", aggregation=name, window_days=window) for name in lasting),
    ]


def _usage(aggregation: str, window: int | None, **rest: Any) -> FeatureSpec:
    return FeatureSpec(source="usage", aggregation=aggregation, window_days=window, **rest)
