"""Facts -> one pandas row for each spine row. The only place where feature expressions run."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import pandas as pd

from npsight.config.own import own_source
from npsight.config.runtime import cycles_left_alone
from npsight.config.schema import ChurnTarget
from npsight.config.specs import FeatureSpec, OutcomeWindow, ProjectSpec
from npsight.errors import ConfigError, Problem
from npsight.features.answered import answered_expr
from npsight.features.asked import Asked, adds_up, in_arrays
from npsight.features.attributes import standing_expr, versions_as_of
from npsight.features.compile import beside, compile_features, ordered_groups, pane_groups
from npsight.features.contacts import last_contact_expr
from npsight.features.freshness import freshness_expr, growth_expr
from npsight.features.history import Counted, history_expr, last_answer_expr
from npsight.features.inorder import InOrder
from npsight.features.own import HEADLINE, OwnFunction, check_own, load_function
from npsight.features.panes import Panes
from npsight.features.periods import answers_by_period_expr, period_ends
from npsight.features.themes import newest_comments_expr, themes_by_period_expr
from npsight.jobs.building.addingup import SpineRows, facts_added_up, facts_in_order, panes_added_up
from npsight.jobs.building.featurecache import FeatureCache
from npsight.jobs.building.fetched import beside_each_other, displayed, segments_among
from npsight.tables.engine import run
from npsight.targets.outcomes import answer_rows_expr, answers_expr, churn_expr, complete
from npsight.temporal.facts import Facts
from npsight.temporal.instants import INSTANT
from npsight.temporal.panes import Grid
from npsight.temporal.spine import spine_expr

if TYPE_CHECKING:
    import ibis.expr.types as ir

Progress = Callable[[str], None]
KEYS = ["account", "as_of"]


def silent(_: str) -> None:
    """Progress that nobody watches."""


class FeatureBuilder:
    """Runs feature and outcome expressions of one project over its facts."""

    def __init__(
        self,
        backend: Any,
        facts: Facts,
        project: ProjectSpec,
        cache: FeatureCache | None = None,
        own: Mapping[str, OwnFunction] | None = None,
    ) -> None:
        self.backend = backend
        self.facts = facts
        self.project = project
        self.cache = cache
        self.own = own_functions(project) if own is None else own

    def reading(self, sources: Container[str]) -> FeatureBuilder:
        """A builder of the features of these sources alone, over the same facts."""
        chosen = tuple(spec for spec in self.project.features if spec.source in sources)
        project = replace(self.project, features=chosen)
        cache = None if self.cache is None else FeatureCache.of(project, self.cache.digests)
        return FeatureBuilder(self.backend, self.facts, project, cache, self.own)

    def spine(self, as_ofs: Sequence[datetime]) -> ir.Table:
        """The spine of these days, computed once and kept."""
        return self.keep(spine_expr(self.facts, as_ofs))

    def given_spine(self, keys: pd.DataFrame) -> ir.Table:
        """A spine of given (account, as_of) rows."""
        schema = ibis.schema({"account": dt.string, "as_of": INSTANT})
        return self.keep(ibis.memtable(keys[KEYS], schema=schema))

    def keep(self, expression: ir.Table) -> ir.Table:
        """The expression as a temporary table of the engine."""
        return self.backend.create_table(ibis.util.gen_name("npsight"), expression, temp=True)

    def features_at(self, as_ofs: Sequence[datetime], progress: Progress = silent) -> pd.DataFrame:
        """`features` of the spine of these days; those that were built before are only read."""
        if self.cache is None:
            return self.features(self.spine(as_ofs), progress)
        files = self.cache.files(as_ofs)
        built = {as_of: self.cache.read(file) for as_of, file in files.items()}
        wanted = [as_of for as_of, rows in built.items() if rows is None]
        if len(wanted) < len(as_ofs):
            progress(f"{len(as_ofs) - len(wanted)} of {len(as_ofs)} days were built before")
        if wanted:
            new = self.features(self.spine(wanted), progress)
            for as_of, rows in _by_day(new, wanted):
                built[as_of] = rows
            self._keep_for_later({files[as_of]: built[as_of] for as_of in wanted}, progress)
        parts = [rows for as_of in sorted(built) if (rows := built[as_of]) is not None]
        return pd.concat(parts, ignore_index=True)

    def _keep_for_later(self, built: Mapping[str, pd.DataFrame | None], progress: Progress) -> None:
        """In the cache; what cannot be kept there is built again next time."""
        assert self.cache is not None
        try:
            for file, rows in built.items():
                if rows is not None:
                    self.cache.write(file, rows)
            self.cache.forget()
        except OSError as error:
            why = error.strerror or type(error).__name__
            progress(f"features are not kept for the next run: {why}")

    @cycles_left_alone()
    def features(self, spine: ir.Table, progress: Progress = silent) -> pd.DataFrame:
        """Every feature, and the decayed counts where there are responses.

        Returns
        -------
        One row for each spine row, ordered by as_of and account: `account`, `as_of`
        (datetime64[us], UTC), features in the project's order (float64; object for categories),
        `segment_`, decayed counts.
        """
        rows = self._rows_by_day(spine)
        frames = self._added_up(spine, list(rows), progress)
        built = {column for frame in frames for column in frame.columns}
        others = [spec for spec in self.project.features if spec.name not in built]
        for table in self.feature_tables(spine, list(rows), others):
            progress(f"features from {_sources(table, self.project.features)}")
            frames.append(self._fetch(table))
        frame = beside_each_other(frames) if frames else self._fetch(spine)
        if len(frame) != sum(rows.values()):
            raise AssertionError("a feature table does not have exactly the spine's rows")
        if "responses" not in self.facts.sources:
            frame["segment_"] = self._segments(spine)
        return self._in_order(frame)

    def _in_order(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Features as the project file has them, whatever way they were built."""
        declared = [*KEYS, *(spec.name for spec in self.project.features)]
        columns = list(dict.fromkeys([*declared, *frame.columns]))
        return frame if columns == list(frame.columns) else frame[columns]

    def _added_up(
        self, spine: ir.Table, days: Sequence[datetime], progress: Progress
    ) -> list[pd.DataFrame]:
        """Features that this process puts together, and those that share panes with them."""
        if self.backend.name != "duckdb":
            return []
        summed = pane_groups(self.facts, self.project.features, days)
        ordered = ordered_groups(self.facts, self.project.features, days)
        if not summed and not ordered:
            return []
        frames: list[pd.DataFrame] = []
        rows = SpineRows.of(self.backend, spine, days, self.keep)
        for source, specs, grid in summed:
            progress(f"features from {specs[0].source}")
            frames += self._from_panes(source, specs, grid, rows)
        for source, specs, grid in ordered:
            progress(f"features from {specs[0].source}, in order of time")
            asked, memory = InOrder(grid, tuple(specs)), self.project.engine.memory_bytes
            found = facts_in_order(self.backend, asked, source, rows, memory)
            frames += [] if found is None else [found]
        self._drop(rows.accounts)
        return frames

    def _from_panes(
        self, source: ir.Table, specs: Sequence[FeatureSpec], grid: Grid, rows: SpineRows
    ) -> Iterator[pd.DataFrame]:
        """These features, as many as possible in arrays; see decision 35."""
        memory = self.project.engine.memory_bytes
        arrayed = [spec for spec in specs if in_arrays(source, spec)]
        asked = Asked.of(source, arrayed, grid)
        found = facts_added_up(self.backend, asked, source, rows, memory) if arrayed else None
        if found is not None:
            yield found
            specs = [spec for spec in specs if spec.name not in found.columns]
        if specs:
            added = [spec for spec in specs if found is None and adds_up(source, spec)]
            yield from self._from_pane_sums(source, specs, added, grid, rows)

    def _from_pane_sums(
        self,
        source: ir.Table,
        specs: Sequence[FeatureSpec],
        added: Sequence[FeatureSpec],
        grid: Grid,
        rows: SpineRows,
    ) -> Iterator[pd.DataFrame]:
        """These features from the panes of all of them, some of them `added` up here if they can
        be; where others read the panes too, they are made once.
        """
        panes = Panes.of(source, specs, grid)
        left, memory = list(specs), self.project.engine.memory_bytes
        shared = 0 < len(added) < len(specs)
        panes = self._kept(panes) if shared else panes
        if added:
            asked = Asked.of(source, added, grid)
            found = panes_added_up(self.backend, asked, panes, rows, memory)
            if found is not None:
                yield found
                left = [spec for spec in left if spec.name not in found.columns]
        if left:
            yield self._fetch(beside(rows.spine, panes.features(left), left))
        if shared:
            self._drop(panes.table)

    def _kept(self, panes: Panes) -> Panes:
        return replace(panes, table=self.keep(panes.table))

    def _drop(self, kept: ir.Table) -> None:
        run(self.backend, f"DROP TABLE {kept.get_name()}")

    def feature_tables(
        self,
        spine: ir.Table,
        days: Sequence[datetime] | None = None,
        specs: Sequence[FeatureSpec] | None = None,
    ) -> list[ir.Table]:
        """The expressions of `features`, or of those given: each has exactly the spine's rows, and
        columns of its own. Without `days` they hold for any days that the spine may have.
        """
        tables = self._compiled(spine, days, self.project.features if specs is None else specs)
        if "responses" in self.facts.sources:
            tables.append(history_expr(self.facts, spine, counted(self.project)))
        return tables

    def _compiled(
        self, spine: ir.Table, days: Sequence[datetime] | None, specs: Sequence[FeatureSpec]
    ) -> list[ir.Table]:
        project = self.project
        check_own(self.facts.sources, project.features, self.own)
        return compile_features(self.facts, spine, specs, days, self.own, project.segment)

    def _rows_by_day(self, spine: ir.Table) -> dict[datetime, int]:
        """How many rows the spine has on each of its days, in order."""
        counted = self.backend.to_pyarrow(spine.group_by("as_of").agg(rows=spine.count()))
        return {row["as_of"]: row["rows"] for row in counted.sort_by("as_of").to_pylist()}

    def _segments(self, spine: ir.Table) -> Any:
        if self.project.segment is None:
            return ""
        return segments_among(self._fetch(versions_as_of(self.facts, spine)), self.project.segment)

    def display(self, spine: ir.Table) -> pd.DataFrame:
        """Name, owner, revenue and renewal of each spine row as of the day; null where unmapped.

        Columns: `account`, `as_of`, `name`, `owner`, `revenue` (float64), `renewal_at` (midnight
        of its calendar day in the zone of the accounts table, whatever the zone of a reader), and
        `last_score`, `last_band`, `last_answer_at` of the newest answer known before as_of, and
        `last_contact_at` of the newest contact known before it (see `last_contact_expr`).
        """
        tables = [self._fetch(table) for table in self.display_tables(spine)]
        return displayed(self.project, *tables)

    def display_tables(self, spine: ir.Table) -> list[ir.Table]:
        """The expressions of `display`: attributes, last answers, contacts where there are any."""
        tables = [versions_as_of(self.facts, spine)]
        if "responses" in self.facts.sources:
            tables.append(last_answer_expr(self.facts, spine))
        contacts = self.project.worklist.contacts
        if contacts:
            tables.append(last_contact_expr(self.facts, spine, contacts))
        return tables

    def reported(self, as_of: datetime, period_days: int) -> tuple[list[datetime], pd.DataFrame]:
        """Ends of the whole periods before as_of, rising, and the answers of each account in each
        of them; see `answers_by_period_expr`.
        """
        ends = period_ends(self.facts.data_start, as_of, period_days)
        table = answers_by_period_expr(self.facts, ends, as_of, period_days)
        return ends, self._fetch(table)

    def themes(
        self, ends: Sequence[datetime], as_of: datetime, period_days: int, names: Sequence[str]
    ) -> pd.DataFrame:
        """What comments of each account name in the periods with these ends; see
        `themes_by_period_expr`.
        """
        return self._fetch(themes_by_period_expr(self.facts, ends, as_of, period_days, names))

    def comments_naming(
        self, as_of: datetime, period_days: int, theme: str, most: int
    ) -> list[dict[str, Any]]:
        """The newest comments that name a theme; none where the engine has no free text. See
        `newest_comments_expr`.
        """
        table = newest_comments_expr(self.facts, as_of, period_days, theme, most)
        return [] if table is None else self.backend.to_pyarrow(table).to_pylist()

    def freshness(self, as_of: datetime) -> list[dict[str, Any]]:
        """How fresh each table is, in the order of the project file; see `freshness_expr`."""
        table = freshness_expr(self.facts, as_of)
        rows = [] if table is None else self.backend.to_pyarrow(table).to_pylist()
        names = ["accounts", *self.facts.sources]
        return sorted(rows, key=lambda row: names.index(row["source"]))

    def growth(self, source: str, as_of: datetime) -> dict[date, int]:
        """On which days (UTC) how many rows of a source became known; see `growth_expr`."""
        table = growth_expr(self.facts.sources[source], as_of)
        return {row["day"]: row["rows"] for row in self.backend.to_pyarrow(table).to_pylist()}

    def attributes(self, keys: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        """The last known value of each attribute for given (account, as_of) rows, in their order:
        strings for categories, float64 for numbers; None or NaN where nothing is known.

        An account that has left keeps what it had, so that its answers still count somewhere.
        """
        found = self._fetch(versions_as_of(self.facts, self.given_spine(keys), ended_too=True))
        rows = keys[KEYS].merge(found, on=KEYS, how="left", validate="one_to_one")
        return rows[[*KEYS, *names]]

    def standing(self, spine: ir.Table) -> pd.DataFrame:
        """Of each spine row as of the day: `segment` (a string; "" where none is known),
        `age_days` (float64; since the account began), and `last_score`, `last_band`,
        `last_answer_at` of the newest answer known before as_of, null where there is none.
        """
        known = self._fetch(standing_expr(self.facts, spine, self.project.segment))
        return beside_each_other([known, self._fetch(last_answer_expr(self.facts, spine))])

    def attributes_now(self, spine: ir.Table) -> pd.DataFrame:
        """Every attribute in force as of each spine row's day; see `versions_as_of`."""
        return self._fetch(versions_as_of(self.facts, spine))

    def answered(self, spine: ir.Table) -> pd.DataFrame:
        """Known answers of each spine row: how many, and the newest; see `answered_expr`."""
        return self._fetch(answered_expr(self.facts, spine))

    def answers(self, spine: ir.Table, window: OutcomeWindow) -> pd.DataFrame:
        """Answers in each outcome window that has ended; see `answers_expr`."""
        spine = complete(self.facts, spine, window)
        return self._fetch(answers_expr(self.facts, spine, window, self.project.touchpoints))

    def ended(self, spine: ir.Table, window: OutcomeWindow) -> pd.DataFrame:
        """`account` and `as_of` of the spine rows whose outcome window has ended."""
        return self._fetch(complete(self.facts, spine, window).select(*KEYS))

    def answer_rows(
        self, spine: ir.Table, window: OutcomeWindow, columns: Sequence[str]
    ) -> pd.DataFrame:
        """Each answer, at whatever touchpoint, in each outcome window that has ended: `account`,
        `as_of`, `band` and these columns of the responses, in a fixed order.
        """
        rows = answer_rows_expr(
            self.facts, complete(self.facts, spine, window), window, (), columns
        ).drop("known_at")
        fetched = self.backend.to_pyarrow(rows.order_by([*KEYS, "band", *columns])).to_pandas()
        fetched["as_of"] = fetched["as_of"].astype("datetime64[us]")
        return fetched

    def churn(self, spine: ir.Table, target: ChurnTarget, window: OutcomeWindow) -> pd.DataFrame:
        """Losses in each outcome window that has ended; see `churn_expr`."""
        spine = complete(self.facts, spine, window)
        return self._fetch(churn_expr(self.facts, spine, target, window))

    def snapshot_outcome(self) -> pd.DataFrame:
        """`account` and `churned` (0 or 1) of the accounts of a snapshot that have an outcome."""
        versions = self.facts.versions
        assert versions is not None
        table = versions.filter(versions.outcome_.notnull()).select(
            "account", churned=versions.outcome_.cast(dt.int64)
        )
        return self.backend.to_pyarrow(table.order_by("account")).to_pandas()

    def _fetch(self, table: ir.Table) -> pd.DataFrame:
        frame = self.backend.to_pyarrow(table.order_by(["as_of", "account"])).to_pandas()
        frame["as_of"] = frame["as_of"].astype("datetime64[us]")
        return frame


def _by_day(
    frame: pd.DataFrame, as_ofs: Sequence[datetime]
) -> Iterator[tuple[datetime, pd.DataFrame]]:
    """The rows of each day, none where nobody existed, typed alike on all days."""
    for as_of in as_ofs:
        yield as_of, frame[frame["as_of"] == as_of].reset_index(drop=True)


def counted(project: ProjectSpec) -> Counted:
    """Which answers the history prior of a project reads."""
    return Counted(project.segment, project.respondents, project.touchpoints)


def own_functions(project: ProjectSpec) -> dict[str, OwnFunction]:
    """The functions of the project's own expressions, by what its file says.

    Raises
    ------
    ConfigError
        Files cannot be run; each is named.
    """
    functions, wrong = {}, []
    for expression in sorted({spec.expression for spec in project.features if spec.expression}):
        try:
            functions[expression] = load_function(own_source(project.file.parent, expression))
        except ValueError as error:
            wrong.append(Problem(str(error), "mend the file", where=expression))
    if wrong:
        raise ConfigError(HEADLINE, wrong)
    return functions


def _sources(table: ir.Table, specs: Sequence[FeatureSpec]) -> str:
    source = {spec.name: spec.source for spec in specs}
    found = next((source[c] for c in table.columns if c in source), None)
    return found or ("NPS history" if "segment_" in table.columns else "accounts")
