"""The oracle on a sample of the rows that training uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import pandas as pd

from npsight.audit import oracle
from npsight.audit.compare import against_oracle
from npsight.audit.findings import Check
from npsight.audit.oracle import Row, World
from npsight.config.specs import FeatureSpec
from npsight.features.history import (
    BANDS,
    EACH,
    EACH_OTHER,
    HALF_LIVES_DAYS,
    OTHER,
    history_column,
)
from npsight.jobs.building.frames import FeatureBuilder, counted

if TYPE_CHECKING:
    import ibis.expr.types as ir

Count = Callable[[Sequence[Row], datetime, str, int], float]
CHECK = "a plain loop gives the same"
TIMES = (
    "account",
    "occurred_at",
    "known_at",
    "ended_at",
    "ended_known_at",
    "corrected_at",
    "owned_from",
    "moved_at",
)
ANSWER = ("band", "respondent", "touchpoint")
MOST_PEERS = 300
RANKED_A_DAY = 2
ROUNDED = ("std", "slope")
ROUNDING = 2e-6


def check_oracle(
    builder: FeatureBuilder, frame: pd.DataFrame, accounts: Sequence[str], most_answers: int
) -> Check:
    """Features and NPS history of these accounts in `frame`, each against the oracle.

    `most_answers` bounds the answers that the levels of segment and market are made of: with more
    of them those levels are left to the cut, and the check says so. Places among peers are checked
    for two accounts a day, in segments of up to 300 accounts.
    """
    rows = frame[frame["account"].isin(accounts)].to_dict("records")
    past = _Past(builder, frame, most_answers)
    past.fetch(accounts)
    expected = [past.expected(row["account"], row["as_of"].to_pydatetime()) for row in rows]
    compared, findings = against_oracle(CHECK, rows, expected, past.rounding())
    return Check(CHECK, compared, "values", tuple(findings), past.left_out())


@dataclass
class _Past:
    """The rows of each account by itself, fetched once, and what accounts share."""

    builder: FeatureBuilder
    frame: pd.DataFrame
    most_answers: int
    worlds: dict[str, World] = field(default_factory=dict)
    ranked: dict[datetime, int] = field(default_factory=dict)
    shared: dict[tuple[datetime, str | None], dict[str, float]] = field(default_factory=dict)
    unjudged: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.specs = self.builder.project.features
        self.segment = self.builder.project.segment
        self.counted = counted(self.builder.project)
        self.answers = self._answers()

    def left_out(self) -> str:
        """What was not compared, and why; "" when all was."""
        return "; ".join(sorted(self.unjudged))

    def rounding(self) -> dict[str, float]:
        """For features made of differences of sums: what float64 loses at the measure's level."""
        found = {}
        for spec in self.specs:
            if spec.aggregation in ROUNDED:
                levels = (
                    abs(float(row[str(spec.measure)]))
                    for world in self.worlds.values()
                    for row in world.sources[spec.source]
                    if row.get(str(spec.measure)) is not None
                )
                found[spec.name] = ROUNDING * max(levels, default=0.0)
        return found

    # --- Fetching ---------------------------------------------------------------------------

    def fetch(self, accounts: Iterable[str]) -> None:
        """All rows of these accounts, whenever they happened: the oracle is to choose."""
        missing = sorted(set(accounts) - self.worlds.keys())
        if not missing:
            return
        facts = self.builder.facts
        read = {spec.source for spec in self.specs} | {"responses"}
        began = _by_account(self._rows(facts.accounts, missing, ("began_at", "created_at")))
        versions = _by_account(
            [] if facts.versions is None else self._rows(facts.versions, missing, self._attributes)
        )
        sources = {
            name: _by_account(self._rows(table, missing, self._columns(name)))
            for name, table in facts.sources.items()
            if name in read
        }
        for account in missing:
            self.worlds[account] = World(
                began.get(account, []),
                versions.get(account, []),
                {name: rows.get(account, []) for name, rows in sources.items()},
            )

    def _rows(self, table: ir.Table, accounts: Sequence[str], columns: Iterable[str]) -> list[Row]:
        wanted = {*TIMES, *columns}
        slim = table.select(*(c for c in table.columns if c in wanted))
        names = ibis.memtable(
            {"account": list(accounts)}, schema=ibis.schema({"account": dt.string})
        )
        found: list[Row] = self.builder.backend.to_pyarrow(
            slim.semi_join(names, "account")
        ).to_pylist()
        return found

    @property
    def _attributes(self) -> set[str]:
        named = {str(s.measure) for s in self.specs if s.source == "accounts" and s.measure}
        return {*named, "renewal_at_"} | ({self.segment} if self.segment else set())

    def _columns(self, source: str) -> set[str]:
        own = [spec for spec in self.specs if spec.source == source]
        return {c.partition(".")[2] for spec in own for c in spec.columns} | set(ANSWER)

    def _answers(self) -> list[Row] | None:
        """All answers, where they are few enough to loop over; else None."""
        table = self.builder.facts.sources.get("responses")
        if table is None:
            return None
        if self.most_answers == 0 or int(table.count().to_pyarrow().as_py()) > self.most_answers:
            self.unjudged.add("history levels of segment and market: held to the cut alone")
            return None
        wanted = [c for c in table.columns if c in {*TIMES, *ANSWER}]
        rows: list[Row] = self.builder.backend.to_pyarrow(table.select(*wanted)).to_pylist()
        self.fetch({row["account"] for row in rows})
        return rows

    # --- What the oracle says ---------------------------------------------------------------

    def expected(self, account: str, as_of: datetime) -> dict[str, Any]:
        """Feature or decayed count -> value, for what can be judged of one row."""
        found: dict[str, Any] = {}
        for spec in self.specs:
            if spec.aggregation == "own":
                self.unjudged.add("own expressions: held to the cut alone")
            elif not spec.against:
                found[spec.name] = oracle.feature(spec, self.worlds[account], account, as_of)
        found |= self._places(account, as_of)
        if "responses" in self.builder.facts.sources:
            found |= self._history(account, as_of)
        return found

    def _places(self, account: str, as_of: datetime) -> dict[str, Any]:
        specs = [s for s in self.specs if s.against and s.aggregation != "own"]
        if not specs or self.ranked.get(as_of, 0) >= RANKED_A_DAY:
            return {}
        peers = self._spine_peers(account, as_of)
        if len(peers) > MOST_PEERS:
            self.unjudged.add(f"places in segments of more than {MOST_PEERS} accounts")
            return {}
        self.ranked[as_of] = self.ranked.get(as_of, 0) + 1
        return {spec.name: self._place(spec, account, as_of, peers) for spec in specs}

    def _spine_peers(self, account: str, as_of: datetime) -> list[str]:
        """Everybody scored on the day whose segment is the account's, itself included."""
        day = self.frame.loc[self.frame["as_of"] == pd.Timestamp(as_of), "account"]
        self.fetch(day)
        own = self._segment(account, as_of)
        return [peer for peer in day if self._segment(peer, as_of) == own]

    def _place(
        self, spec: FeatureSpec, account: str, as_of: datetime, peers: Sequence[str]
    ) -> float | None:
        values = [oracle.feature(spec, self.worlds[p], p, as_of) for p in peers]
        numbers = [None if value is None else float(value) for value in values]
        return oracle.placed(numbers[peers.index(account)], numbers)

    def _segment(self, account: str, as_of: datetime) -> str:
        return oracle.segment_of(self.worlds[account], account, as_of, self.segment)

    def _history(self, account: str, as_of: datetime) -> dict[str, Any]:
        own = self._segment(account, as_of)
        found: dict[str, Any] = {"segment_": own}
        found |= self._own_counts(self.worlds[account].sources["responses"], as_of)
        if self.answers is None:
            return found
        for level, key in (("segment", own), ("market", None)):
            if (as_of, key) not in self.shared:
                rows = [
                    row
                    for row in oracle.asked_at(self.answers, self.counted.touchpoints)[0]
                    if key is None or self._segment(row["account"], as_of) == key
                ]
                self.shared[as_of, key] = _counts(level, rows, as_of)
            found |= self.shared[as_of, key]
        return found

    def _own_counts(self, rows: Sequence[Row], as_of: datetime) -> dict[str, float]:
        asked, others = oracle.asked_at(rows, self.counted.touchpoints)
        found = _counts("own", asked, as_of)
        if self.counted.respondents:
            found |= _counts(EACH, asked, as_of, oracle.one_vote_each)
        if self.counted.touchpoints:
            found |= _counts(OTHER, others, as_of)
        if self.counted.respondents and self.counted.touchpoints:
            found |= _counts(EACH_OTHER, others, as_of, oracle.one_vote_each)
        return found


def _counts(
    level: str, rows: Sequence[Row], as_of: datetime, count: Count = oracle.decayed
) -> dict[str, float]:
    return {
        history_column(level, band, half_life): count(rows, as_of, band, half_life)
        for half_life in HALF_LIVES_DAYS
        for band in BANDS
    }


def _by_account(rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["account"], []).append(row)
    return found
