"""Own expressions: what a function gets, what it cannot see, and what it may not do."""

from __future__ import annotations

import hashlib
import sys

import ibis
import pytest
from handmade import AS_OF, DAY, TICK, fact, facts_of, rows_of, spine_of, world_of

from npsight.config.own import own_source
from npsight.config.specs import FeatureSpec
from npsight.errors import ConfigError, Problem
from npsight.features.compile import compile_features
from npsight.features.own import check_own, load_function


def spec_of(source="usage", name="f", **rest) -> FeatureSpec:
    expression = f"own.py:{name}"
    return FeatureSpec(source=source, aggregation="own", expression=expression, **rest)


def computed(engine, world, function, as_of=AS_OF, **rest):
    """The feature of account a."""
    spec = spec_of(**rest)
    spine = spine_of(engine, [(row["account"], as_of) for row in world.accounts])
    own = {spec.expression: function}
    (table,) = compile_features(facts_of(engine, world), spine, [spec], [as_of], own)
    found = rows_of(engine, table)
    assert len(found) == len(world.accounts)
    return found["a", as_of][spec.name]


def late_share(facts):
    """Share of the logins after noon."""
    late = facts.occurred_at.hour() >= 12
    return facts.logins.sum(where=late) / facts.logins.sum()


# --- What it makes ----------------------------------------------------------------------------


def test_each_account_has_its_own_number(engine):
    world = world_of(
        "ab",
        usage=[
            fact(AS_OF - DAY / 4, logins=3),
            fact(AS_OF - 3 * DAY / 4, logins=1),
            fact(AS_OF - DAY, account="b", logins=100),
        ],
    )
    assert computed(engine, world, late_share) == 0.75


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda facts: facts.count(), 2.0),
        (lambda facts: (facts.logins > 3).any(), 1.0),
        (lambda facts: facts.logins.sum(where=facts.kind == "web"), 5.0),
        (lambda facts: facts.as_of.max().delta(facts.occurred_at.max(), unit="hour"), 24.0),
        (lambda facts: facts.logins.last(order_by=[facts.occurred_at, facts.logins]), 5.0),
        (lambda facts: facts.logins.argmax(facts.occurred_at), 5.0),
        (lambda facts: facts.logins.max() - facts.logins.min(), 3.0),
        (lambda facts: facts.kind.nunique(), 1.0),
        (lambda facts: facts.logins.sum(where=facts.kind == "app"), None),
    ],
    ids=["count", "yes-or-no", "where", "as-of", "last", "argmax", "range", "nunique", "null"],
)
def test_the_number_it_makes(engine, function, expected):
    usage = [fact(AS_OF - DAY, logins=5, kind="web"), fact(AS_OF - 2 * DAY, logins=2)]
    assert computed(engine, world_of(usage=usage), function) == expected


def test_no_fact_is_missing_unless_it_means_zero(engine):
    world = world_of("ab", usage=[fact(AS_OF - DAY, account="b", logins=1)])
    assert computed(engine, world, late_share) is None
    assert computed(engine, world, late_share, missing="zero") == 0.0


def test_a_window_and_where_choose_the_rows(engine):
    usage = [
        fact(AS_OF - 2 * DAY, kind="web"),
        fact(AS_OF - 2 * DAY - TICK, kind="web"),
        fact(AS_OF - DAY, kind="app"),
    ]
    world = world_of(usage=usage)
    where = (("kind", "web"),)
    assert computed(engine, world, lambda f: f.count(), window_days=2) == 2.0
    assert computed(engine, world, lambda f: f.count(), window_days=2, where=where) == 1.0
    assert computed(engine, world, lambda f: f.count(), where=where) == 2.0


# --- What it cannot see -----------------------------------------------------------------------


def test_it_sees_the_times_measures_and_categories_and_nothing_else():
    seen = []

    def look(facts):
        seen.extend(facts.columns)
        return facts.count()

    instant = "timestamp(6)"
    hidden = ("account", "ended_known_at", "corrected_at", "moved_at", "owned_from")
    columns = dict.fromkeys([*hidden, "occurred_at", "known_at", "ended_at"], instant)
    source = ibis.table({**columns, "hours": "decimal(18, 6)", "severity": "string"})
    spec = spec_of()
    check_own({"usage": source}, [spec], {spec.expression: look})
    assert seen == ["as_of", "occurred_at", "known_at", "ended_at", "hours", "severity"]


@pytest.mark.parametrize(
    ("at", "known", "count"),
    [
        (AS_OF - TICK, None, 2.0),
        (AS_OF, None, 1.0),
        (AS_OF - TICK, AS_OF, 1.0),
        (AS_OF + DAY, AS_OF - DAY, 1.0),
        (AS_OF + DAY, None, 1.0),
    ],
    ids=["just-before", "at-as-of", "known-at-as-of", "booked-ahead", "later"],
)
def test_it_sees_no_fact_of_the_future(engine, at, known, count):
    world = world_of(usage=[fact(AS_OF - DAY, logins=1), fact(at, known, logins=9)])
    assert computed(engine, world, lambda f: f.count()) == count
    assert computed(engine, world, lambda f: f.logins.max()) == (9.0 if count == 2 else 1.0)


def test_it_sees_a_fact_as_it_was_before_its_correction(engine):
    at, known = AS_OF - 3 * DAY, AS_OF - DAY
    for corrected, expected in ((known, 2.0), (AS_OF, 1.0)):
        first = fact(at, logins=1, corrected_at=corrected)
        second = fact(at, corrected, logins=2)
        world = world_of(usage=[first, second])
        world.versioned = True
        assert computed(engine, world, lambda f: f.logins.sum()) == expected


@pytest.mark.parametrize(
    ("until", "until_known", "ended"),
    [
        (None, None, 0.0),
        (AS_OF - TICK, AS_OF - TICK, 1.0),
        (AS_OF, AS_OF - TICK, 0.0),
        (AS_OF - TICK, AS_OF, 0.0),
        (AS_OF + DAY, AS_OF - DAY, 0.0),
    ],
    ids=["no-end", "ended", "ends-at-as-of", "end-known-at-as-of", "booked-ahead"],
)
def test_an_end_is_null_until_it_has_passed_and_was_known(engine, until, until_known, ended):
    ticket = fact(AS_OF - DAY, until=until, until_known=until_known)
    world = world_of(tickets=[ticket])
    assert computed(engine, world, lambda f: f.ended_at.count(), source="tickets") == ended


# --- What it may not do -----------------------------------------------------------------------

OTHER = ibis.table({"x": "int64"}, name="other")
SOURCE = ibis.table(
    {
        "account": "string",
        "occurred_at": "timestamp(6)",
        "known_at": "timestamp(6)",
        "logins": "decimal(18, 6)",
        "kind": "string",
    },
    name="usage",
)


@ibis.udf.scalar.python
def plus_one(x: float) -> float:
    return x + 1


@ibis.udf.agg.builtin
def geomean(x: float) -> float:
    """An engine's own aggregate."""


def crash(facts):
    return facts.count() / 0


def branch(facts):
    return facts.count() if facts.logins.sum() > 3 else 0


ALONE = "which is not a function of its rows alone"
TABLE = "makes or reads another table"
ONE_NUMBER = "return one number for all its rows"
ORDER = "order_by=facts.occurred_at"
REFUSED = {
    "another-table": (lambda f: OTHER.x.sum(), TABLE, "with `where=` instead of `filter`"),
    "another-table-too": (lambda f: f.count() + OTHER.x.sum(), TABLE, "`where=`"),
    "filter": (lambda f: f.filter(f.logins > 1).count(), TABLE, "`where=` instead of `filter`"),
    "join": (lambda f: f.join(OTHER, f.logins == OTHER.x).count(), TABLE, "`where=`"),
    "distinct": (lambda f: f.distinct().count(), TABLE, "`where=`"),
    "now": (lambda f: ibis.now().delta(f.occurred_at.max(), unit="day"), f"uses TimestampNow, {ALONE}", "`facts.as_of` for the day"),
    "today": (lambda f: f.count(where=f.occurred_at.date() == ibis.today()), f"uses DateNow, {ALONE}", "`facts.as_of`"),
    "random": (lambda f: f.count() * ibis.random(), f"uses RandomScalar, {ALONE}", "exact aggregations"),
    "udf": (lambda f: plus_one(f.logins.cast("float64")).sum(), f"uses plus_one_0, {ALONE}", "exact"),
    "aggregate-udf": (lambda f: geomean(f.logins.cast("float64")), f"uses geomean_0, {ALONE}", "exact"),
    "window-function": (lambda f: f.logins.sum().over(ibis.window(order_by=f.occurred_at)).max(), f"uses WindowFunction, {ALONE}", "exact"),
    "rank": (lambda f: f.logins.rank().max(), f"uses MinRank, WindowFunction, {ALONE}", "exact"),
    "lag": (lambda f: f.logins.lag().sum(), f"uses Lag, {ALONE}", "exact"),
    "arbitrary": (lambda f: f.logins.arbitrary(), f"uses Arbitrary, {ALONE}", "exact"),
    "approximate": (lambda f: f.logins.approx_median(), f"uses ApproxMedian, {ALONE}", "exact"),
    "first-of-no-order": (lambda f: f.logins.first(), "uses First without an order", ORDER),
    "list-of-no-order": (lambda f: f.logins.collect().length(), "uses ArrayCollect without an order", ORDER),
    "nested": (lambda f: (f.logins > f.logins.mean()).sum(), "aggregates an aggregate", "columns alone"),
    "nested-where": (lambda f: f.count(where=f.logins == f.logins.max()), "aggregates an aggregate", "`where=` included"),
    "column": (lambda f: f.logins, "returns a column, a value for each row", ONE_NUMBER),
    "table": (lambda f: f, "returns a table", ONE_NUMBER),
    "text": (lambda f: f.kind.max(), "returns a value of type string", "return a number"),
    "instant": (lambda f: f.occurred_at.max(), "returns a value of type timestamp(6)", "return a number"),
    "nothing": (lambda f: None, "returns a Python NoneType", ONE_NUMBER),
    "python-number": (lambda f: 3, "returns a Python int", ONE_NUMBER),
    "constant": (lambda f: ibis.literal(3), "reads none of its rows", "the table it is given"),
    "typing-error": (lambda f: f.login.sum(), "fails with AttributeError: 'Table' object has no attribute 'login'", "the columns as_of, occurred_at, known_at, logins, kind"),
    "account": (lambda f: f.account.nunique(), "no attribute 'account'", "the columns"),
    "branch": (branch, "fails with ValueError: The truth value of an Ibis expression", "mend"),
    "exit": (lambda f: sys.exit("no facts"), "fails with SystemExit: no facts", "mend"),
    "exception": (lambda f: 1 / 0, "fails with ZeroDivisionError: division by zero", "mend"),
}  # fmt: skip


@pytest.mark.parametrize(("function", "what", "remedy"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(function, what, remedy):
    spec = spec_of(window_days=30)
    with pytest.raises(ConfigError, match="an own expression cannot be used") as caught:
        check_own({"usage": SOURCE}, [spec], {spec.expression: function})
    (problem,) = caught.value.problems
    assert what in problem.what
    assert remedy in problem.remedy
    assert (problem.where, problem.key) == ("own.py:f", "usage__own_f__30d")


def test_a_division_by_zero_in_the_engine_is_missing(engine):
    assert computed(engine, world_of(usage=[fact(AS_OF - DAY)]), crash) is None


def test_it_is_refused_where_it_is_computed_too(engine):
    world = world_of(usage=[fact(AS_OF - DAY, logins=1)])
    with pytest.raises(ConfigError, match=r"own\.py:f · usage__own_f: makes or reads another"):
        computed(engine, world, lambda f: f.filter(f.logins > 1).count())


def test_all_that_is_wrong_is_said_at_once_and_each_thing_once():
    specs = [
        spec_of(name="one", window_days=30),
        spec_of(name="one", window_days=90),
        spec_of(name="good"),
        spec_of(name="two"),
        FeatureSpec(source="usage", aggregation="count"),
    ]
    functions = {
        "own.py:one": lambda f: f.logins,
        "own.py:two": lambda f: None,
        "own.py:good": lambda f: f.count(),
    }
    with pytest.raises(ConfigError, match="an own expression cannot be used") as caught:
        check_own({"usage": SOURCE}, specs, functions)
    assert [p.key for p in caught.value.problems] == ["usage__own_one__30d", "usage__own_two"]


# --- The file ---------------------------------------------------------------------------------


def test_the_file_is_run_by_itself_and_its_digest_is_that_of_its_bytes(tmp_path):
    text = "HALF = 0.5\n\n\ndef half(facts):\n    return facts.count() * HALF\n"
    (tmp_path / "mine.py").write_text(text)
    source = own_source(tmp_path, "mine.py:half")
    assert source.digest == hashlib.sha256(text.encode()).hexdigest()
    half = load_function(source)
    spec = spec_of()
    check_own({"usage": SOURCE}, [spec], {spec.expression: half})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_module\ndef f(facts): ...\n", "failed: ModuleNotFoundError: No module"),
        ("def f(facts): ...\n1 / 0\n", "failed: ZeroDivisionError: division by zero"),
        ("def f(facts): ...\nraise SystemExit(3)\n", "failed: SystemExit: 3"),
    ],
)
def test_a_file_that_cannot_be_run_is_named(tmp_path, text, said):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ValueError, match=r"mine\.py") as caught:
        load_function(own_source(tmp_path, "mine.py:f"))
    assert said in str(caught.value)


def test_a_problem_reads_as_a_line_with_its_remedy():
    problem = Problem("returns a table", "aggregate", "own.py:f", "usage__own_f")
    assert str(problem).startswith("own.py:f · usage__own_f: returns a table")
