"""Project file -> spec: every check, with its key, its line and its remedy."""

from __future__ import annotations

import pytest
from base_project import BASE, FEATURE

from npsight.config.load import load_project
from npsight.errors import ConfigError, Problem


@pytest.fixture
def problems(load):
    def problems(text: str, environment: dict[str, str] | None = None) -> list[Problem]:
        with pytest.raises(ConfigError, match="in the project file") as caught:
            load(text, environment)
        assert caught.value.exit_code == 2
        return list(caught.value.problems)

    return problems


def test_merges_are_a_table_like_any_other(load, problems, tmp_path):
    line = "  merges: {path: merges.csv, account: old, into: new, time: at}\n"
    project = load(BASE.replace("targets:\n", line + "targets:\n"))
    assert project.tables.merges.path == str(tmp_path / "merges.csv")
    both = line.replace("path: merges.csv", "path: merges.csv, connection: DB, table: t")
    (problem,) = problems(BASE.replace("targets:\n", both + "targets:\n"), {"DB": "x"})
    assert problem.key == "tables.merges"


def test_the_base_file_is_good(load, tmp_path):
    project = load(BASE)
    assert project.name == "demo"
    assert project.tables.accounts.path == str(tmp_path / "accounts.csv")
    assert project.state_dir == (tmp_path / "var/demo").resolve()
    assert project.nps is False
    assert project.segment is None
    assert project.is_snapshot is False


def changed(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


ACCOUNTS = "{path: accounts.csv, key: id, attributes: {plan: category}, static: [plan]}"
RESPONSES = "{path: answers.csv, account: id, time: at, score: score}"
USAGE = "{path: usage.csv, account: id, time: day, measures: [logins, errors], categories: [kind]}"
TARGETS = "targets:\n  detractor: {}\n"


def with_bands(bands: str) -> str:
    return changed(RESPONSES, RESPONSES[:-1] + f", bands: {bands}}}")


SNAPSHOT = """\
project: demo
tables:
  accounts: {path: accounts.csv, key: id, attributes: {plan: category}}
targets: {churn: {event: snapshot, column: Left, positive: Gone}}
"""

CASES: dict[str, tuple[str, int, str, str, str]] = {
    # name: (file, line, key, what, remedy)
    "no way to the table": (
        changed("path: usage.csv, ", ""),
        7, "tables.activity.usage", "needs either `path` or `connection`", "exactly one",
    ),
    "touchpoints without a column": (
        changed("detractor: {}", "detractor: {touchpoints: [web]}"),
        9, "targets.detractor.touchpoints", "no table of answers says where", "map `touchpoint`",
    ),
    "touchpoints twice": (
        changed("score: score}", "score: score, touchpoint: t}")
        .replace("detractor: {}", "detractor: {touchpoints: [web, web]}"),
        9, "targets.detractor.touchpoints", "needs different values", "once",
    ),
    "a touchpoint that no table has": (
        changed("score: score}", "score: score, touchpoint_name: web}")
        .replace("detractor: {}", "detractor: {touchpoints: wed}"),
        9, "targets.detractor.touchpoints", "no table of answers is `wed`", "mean `web`",
    ),
    "a role that is not mapped": (
        changed("source: usage, aggregate: count, windows: 30",
                "source: responses, aggregate: count, where: {role: admin}"),
        11, "features[0].where.role", "`responses` has no category `role`", "use one of: band",
    ),
    "two ways to the table": (
        changed("path: usage.csv", "path: usage.csv, connection: DB, table: t"),
        7, "tables.activity.usage", "needs either `path` or `connection`", "exactly one",
    ),
    "connection without table": (
        changed("path: usage.csv", "connection: DB"),
        7, "tables.activity.usage", "names no `table`", "table or view",
    ),
    "duckdb without table": (
        changed("path: usage.csv", "path: usage.duckdb"),
        7, "tables.activity.usage", "names no `table`", "table or view",
    ),
    "fixed width without columns": (
        changed("path: usage.csv", "path: usage.txt, format: fixed_width"),
        7, "tables.activity.usage.format", "fixed-width file without columns", "{name: [1, 5]}",
    ),
    "no such zone": (
        changed("path: usage.csv", "path: usage.csv, timezone: Berlin"),
        7, "tables.activity.usage.timezone", "`Berlin` is no time zone", "Europe/Berlin",
    ),
    "slip of the pen in a zone": (
        changed("timezone: UTC", "timezone: Europe/Berln"),
        2, "timezone", "`Europe/Berln` is no time zone", "did you mean `Europe/Berlin`?",
    ),
    "zone in another case": (
        changed("path: usage.csv", "path: usage.csv, timezone: america/new york"),
        7, "tables.activity.usage.timezone", "is no time zone", "did you mean `America/New_York`?",
    ),
    "zone that is like none": (
        changed("timezone: UTC", "timezone: PST"),
        2, "timezone", "`PST` is no time zone", "use an IANA name such as `Europe/Berlin`",
    ),
    "no such zone of the project": (
        changed("timezone: UTC", "timezone: Mars/Olympus"),
        2, "timezone", "`Mars/Olympus` is no time zone", "IANA",
    ),
    "zone outside the database": (
        changed("timezone: UTC", "timezone: ../etc/passwd"),
        2, "timezone", "is no time zone", "IANA",
    ),
    "static that is no attribute": (
        changed("static: [plan]", "static: [plan, plann]"),
        4, "tables.accounts.static", "`plann` is not in `attributes`", "did you mean `plan`?",
    ),
    "column of no attribute": (
        changed("static: [plan]", "static: [plan], columns: {seats: Seats}"),
        4, "tables.accounts.columns.seats", "`seats` is not in `attributes`", "use one of: plan",
    ),
    "segment that is no category": (
        changed("static: [plan]", "static: [plan], segments: [region]"),
        4, "tables.accounts.segments", "`region` is no category attribute", "use one of: plan",
    ),
    "known_at without valid_from": (
        changed("static: [plan]", "static: [plan], known_at: seen"),
        4, "tables.accounts.known_at", "needs `valid_from` beside it", "map both columns",
    ),
    "scheduled without known_at": (
        changed("path: usage.csv", "path: usage.csv, scheduled: true"),
        7, "tables.activity.usage.scheduled", "says nothing of when it was known", "`known_at`",
    ),
    "retracted without id and known_at": (
        changed("path: usage.csv", "path: usage.csv, retracted: void"),
        7, "tables.activity.usage.retracted", "needs `id` and `known_at` beside it",
        "which fact was withdrawn",
    ),
    "retracted without known_at": (
        changed("path: answers.csv", "path: answers.csv, id: id, retracted: void"),
        5, "tables.responses.retracted", "needs `known_at` beside it", "which fact was withdrawn",
    ),
    "a name that npsight fills in itself": (
        changed("measures: [logins", "measures: [corrected_at, logins"),
        7, "tables.activity.usage.measures.corrected_at", "is a name of npsight's own",
        "name it otherwise",
    ),
    "neither drop nor keep": (
        changed("path: usage.csv", "path: usage.csv, duplicates: ignore"),
        7, "tables.activity.usage.duplicates", "must be one of 'drop' or 'keep'", "choose one",
    ),
    "valid_to alone": (
        changed("static: [plan]", "static: [plan], valid_to: until"),
        4, "tables.accounts.valid_to", "needs `valid_from` beside it", "map both columns",
    ),
    "attribute without history": (
        changed(", static: [plan]", ""),
        4, "tables.accounts.attributes.plan", "would leak the future", "list `plan` under `static`",
    ),
    "attribute with a reserved name": (
        changed("{plan: category}, static: [plan]", "{as_of: category}, static: [as_of]"),
        4, "tables.accounts.attributes.as_of", "a name of npsight's own", "name it otherwise",
    ),
    "measure with a reserved name": (
        changed("[logins, errors]", "[account]"),
        7, "tables.activity.usage.measures.account", "a name of npsight's own", "otherwise",
    ),
    "category that is a measure": (
        changed("categories: [kind]", "categories: [logins]"),
        7, "tables.activity.usage.categories.logins", "is a measure of this table too", "another",
    ),
    "bands that touch": (
        with_bands("{scale: [0, 10], detractor: [0, 6], passive: [6, 8], promoter: [9, 10]}"),
        5, "tables.responses.bands[0]", "overlap or are out of order", "must rise and not touch",
    ),
    "bands out of order": (
        with_bands("{scale: [0, 10], detractor: [9, 10], promoter: [0, 6]}"),
        5, "tables.responses.bands[0]", "overlap or are out of order", "must rise",
    ),
    "a band turned round": (
        with_bands("{scale: [0, 10], detractor: [6, 0], promoter: [9, 10]}"),
        5, "tables.responses.bands[0]", "overlap or are out of order", "must rise",
    ),
    "bands off the scale": (
        with_bands("{scale: [1, 10], detractor: [0, 6], promoter: [9, 10]}"),
        5, "tables.responses.bands[0]", "bands leave the scale [1.0, 10.0]", "widen `scale`",
    ),
    "two scales on one day": (
        with_bands(
            "[{scale: [1, 5], detractor: [1, 3], promoter: [4, 5]},"
            " {scale: [0, 10], detractor: [0, 6], promoter: [9, 10], valid_from: 2024-01-01}]"
        ),
        5, "tables.responses.bands", "two scales are valid on the same day", "`valid_to`",
    ),
    "no such source": (
        changed("source: usage", "source: usages"),
        11, "features[0].source", "there is no source `usages`", "did you mean `usage`?",
    ),
    "no such category": (
        changed("windows: 30", "windows: 30, where: {king: a}"),
        11, "features[0].where.king", "`usage` has no category `king`", "did you mean `kind`?",
    ),
    "no such measure": (
        changed("aggregate: count", "aggregate: sum, measure: login"),
        11, "features[0].measure", "`usage` has no measure `login`", "did you mean `logins`?",
    ),
    "no such aggregation": (
        changed("aggregate: count", "aggregate: counts"),
        11, "features[0].aggregate", "there is no aggregation `counts`", "did you mean `count`?",
    ),
    "aggregation of attributes on facts": (
        changed("aggregate: count", "aggregate: age"),
        11, "features[0].aggregate", "`age` does not fit `usage`", "use one of: count",
    ),
    "aggregation of facts on attributes": (
        changed("source: usage, aggregate: count", "source: accounts, aggregate: count"),
        11, "features[0].aggregate", "`count` does not fit `accounts`", "age",
    ),
    "sum of nothing": (
        changed("aggregate: count", "aggregate: sum"),
        11, "features[0].aggregate", "`sum` needs a `measure`", "name the measure",
    ),
    "ratio to nothing": (
        changed("aggregate: count", "aggregate: ratio, measure: errors"),
        11, "features[0].per", "`ratio` needs a measure to divide by", "errors, logins",
    ),
    "trend without window": (
        changed("aggregate: count, windows: 30", "aggregate: trend"),
        11, "features[0].aggregate", "`trend` needs `windows`", "[90]",
    ),
    "open without an end": (
        changed("aggregate: count", "aggregate: open"),
        11, "features[0].aggregate", "`open` needs `ended_at` on `usage`", "map the column",
    ),
    "renewal without its column": (
        changed("source: usage, aggregate: count, windows: 30", "source: accounts, aggregate: days_until_renewal"),
        11, "features[0].aggregate", "needs `accounts.renewal_at`", "map the renewal column",
    ),
    "nothing to foresee": (
        changed(TARGETS, "targets: {}\n"),
        8, "targets", "nothing to foresee", "detractor",
    ),
    "detractor without responses": (
        changed(f"  responses: {RESPONSES}\n", ""),
        8, "targets.detractor", "needs `tables.responses`", "map the survey table",
    ),
    "nps without detractor": (
        changed(TARGETS, "targets:\n  nps: {}\n  churn: {event: no_activity, activity: usage}\n"),
        9, "targets.nps", "needs `targets.detractor`", "detractor",
    ),
    "churn by contract without contracts": (
        changed(TARGETS, "targets:\n  churn: {event: subscription_end}\n"),
        9, "targets.churn", "needs `tables.subscriptions`", "another `event`",
    ),
    "churn by event without events": (
        changed(TARGETS, "targets:\n  churn: {event: churn_table}\n"),
        9, "targets.churn", "needs `tables.churn`", "map that table",
    ),
    "churn by silence of nothing": (
        changed(TARGETS, "targets:\n  churn: {event: no_activity, activity: usages}\n"),
        9, "targets.churn.activity", "not `usages`", "did you mean `usage`?",
    ),
    "snapshot without column": (
        SNAPSHOT.replace(", column: Left, positive: Gone", ""),
        4, "targets.churn", "needs `column` and `positive`", "name the outcome column",
    ),
    "snapshot beside dated tables": (
        changed(TARGETS, "targets:\n  churn: {event: snapshot, column: Left, positive: Gone}\n"),
        9, "targets.churn", "a snapshot has no time", "keep only `tables.accounts`",
    ),
    "snapshot of nothing": (
        SNAPSHOT.replace("accounts: {path: accounts.csv, key: id, attributes: {plan: category}}",
                         "churn: {path: gone.csv, account: id, time: at}"),
        4, "targets.churn", "`snapshot` needs `tables.accounts`", "map the snapshot table",
    ),
    "an answer that YAML takes for true": (
        SNAPSHOT.replace("positive: Gone", "positive: Yes"),
        4, "targets.churn.positive", "YAML reads an unquoted yes", '"Yes"',
    ),
    "an answer in a list that YAML takes for true": (
        SNAPSHOT.replace("positive: Gone", "positive: [Gone, Yes]"),
        4, "targets.churn.positive[1]", "YAML reads an unquoted yes", '"Yes"',
    ),
    "silence without the activity it is of": (
        SNAPSHOT.replace("positive: Gone", "positive: Gone, active_within_days: 30"),
        4, "targets.churn.active_within_days", "needs `event: no_activity`", "drop it",
    ),
    "a feature twice": (
        BASE + f"  - {FEATURE}\n",
        12, "features[1]", "declares `usage__count__30d` a second time", "drop one",
    ),
    "rule that is no feature": (
        changed("detractor: {}", "detractor: {rule: usage__count__31d}"),
        9, "targets.detractor.rule", "there is no feature", "did you mean `usage__count__30d`?",
    ),
    "true where a number is meant": (
        BASE + "quarantine: {max_share: true}\n",
        12, "quarantine.max_share", "should be a number; it is `True`", "larger share",
    ),
    "true in a list of numbers": (
        changed("windows: 30", "windows: [30, on]"),
        11, "features[0].windows", "should be a number", "Window lengths",
    ),
    "a driver that nearly is one": (
        changed("windows: 30", "windows: 30, driver: suport").replace(
            "features:\n", "features:\n  - {source: usage, aggregate: last, measure: logins, driver: support}\n"
        ) + "drivers: {support: {label: Support}}\n",
        12, "features[1].driver", "`suport` is not declared", "did you mean `support`?",
    ),
    "driver without features": (
        BASE + "drivers: {support: {label: Support}}\n",
        12, "drivers.support", "no feature belongs to this driver", "usage",
    ),
    "medium above high": (
        BASE + "worklist: {medium_risk: 0.6, high_risk: 0.5}\n",
        12, "worklist.medium_risk", "is not below `high_risk`", "lower it",
    ),
    "worklist by a target that is not there": (
        BASE + "worklist: {target: churn}\n",
        12, "worklist.target", "there is no target `churn`", "under `targets`",
    ),
    "unknown key": (
        changed("windows: 30", "window: 30"),
        11, "features[0].window", "unknown key `window`", "did you mean `windows`?",
    ),
    "unknown section": (
        BASE + "tabels: {}\n",
        12, "tabels", "unknown key `tabels`", "did you mean `tables`?",
    ),
    "missing key": (
        changed("time: day, ", ""),
        7, "tables.activity.usage.time", "`time` is missing", "when it happened",
    ),
    "value of no choice": (
        changed("plan: category", "plan: text"),
        4, "tables.accounts.attributes.plan", "must be one of 'number' or 'category'", "choose",
    ),
    "name of the wrong form": (
        changed("project: demo", "project: My Demo"),
        1, "project", "not of the form asked for", "^[a-z]",
    ),
    "a column whose name is no name here": (
        changed("measures: [logins, errors]", "measures: [Web Logins]"),
        7, "tables.activity.usage.measures", "`Web Logins` is no name",
        'such as `{web_logins: "Web Logins"}`',
    ),
    "look-up without a file": (
        changed("path: usage.csv", "path: usage.csv, lookup: {by: order, take: id}"),
        7, "tables.activity.usage.lookup[0]", "needs either `path` or `connection`", "exactly one",
    ),
    "two stars": (
        changed("path: usage.csv", "path: usage.csv, wide: {columns: '* of *'}"),
        7, "tables.activity.usage.wide.columns", "more than one `*`", "write one star",
    ),
    "number out of range": (
        changed("windows: 30", "windows: [30, 0]"),
        11, "features[0].windows[1]", "greater than or equal to 1", "Window lengths in days",
    ),
    "key written twice": (
        BASE + "timezone: UTC\n",
        12, "timezone", "is written twice", "keep one of them",
    ),
    "key written twice further down": (
        changed("path: usage.csv", "path: a.csv, path: usage.csv"),
        7, "tables.activity.usage.path", "is written twice", "keep one of them",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_fault_is_named_with_line_key_and_remedy(problems, case):
    text, line, key, what, remedy = case
    (problem,) = problems(text, {"DB": "duckdb://"})
    assert (problem.where, problem.key) == (f"p.yaml:{line}", key)
    assert what in problem.what
    assert remedy in problem.remedy
    assert str(problem).startswith(f"p.yaml:{line} · {key}: ")


def test_faults_of_several_sections_come_together_in_the_order_of_the_file(problems):
    text = BASE.replace("timezone: UTC", "timezone: nowhere")
    text = text.replace(", static: [plan]", "").replace("source: usage", "source: usages")
    found = problems(text + "colour: blue\n")
    assert [p.where for p in found] == ["p.yaml:2", "p.yaml:4", "p.yaml:11", "p.yaml:12"]


def test_features_are_not_blamed_where_tables_are_misspelt(problems):
    found = problems(changed("tables:", "tabels:"))
    assert [(p.key, p.what) for p in found if p.key.startswith("features")] == []
    assert any(p.key == "tabels" and "did you mean `tables`?" in p.remedy for p in found)


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("{horizon_days: -90}", "-90"),
        ("{gap_days: fourteen}", "fourteen"),
        ("{gap_days: 14.5}", "14.5"),
        ("soon", "soon"),
    ],
)
def test_the_value_at_fault_is_named(problems, target, value):
    (problem,) = problems(changed("detractor: {}", f"detractor: {target}"))
    assert problem.what.endswith(f"; it is `{value}`")


def test_a_value_that_should_be_of_a_form_is_not_repeated(problems):
    (problem,) = problems("database: postgresql://u:secret@h/db\n" + BASE)
    assert "secret" not in str(problem)


def test_several_values_of_a_category_have_a_way_out(problems):
    (problem,) = problems(changed("windows: 30", "windows: 30, where: {kind: [a, b]}"))
    assert problem.key == "features[0].where.kind"
    assert "For several values, write a line for each, or `by`" in problem.remedy


def test_what_could_be_used_is_named_in_part_where_it_is_much(problems):
    measures = ", ".join(f"m{i}" for i in range(40))
    wrong = "{source: usage, measure: zzz, aggregate: sum}"
    text = changed("measures: [logins, errors]", f"measures: [{measures}]").replace(FEATURE, wrong)
    (problem,) = problems(text)
    assert problem.remedy.endswith(" and 10 more")


def test_features_of_a_table_at_fault_are_not_blamed(problems):
    found = problems(BASE.replace("measures: [logins", "colour: blue, measures: [logins"))
    assert [p.key for p in found] == ["tables.activity.usage.colour"]


# --- Environment --------------------------------------------------------------------------------


def test_variables_in_paths_are_filled_in(load, tmp_path):
    text = BASE.replace("path: usage.csv", "path: '${DIR}/${NAME}.csv'")
    project = load(text, {"DIR": "/data", "NAME": "u"})
    assert project.tables.activity["usage"].path == "/data/u.csv"
    relative = load(text, {"DIR": "sub", "NAME": "u"})
    assert relative.tables.activity["usage"].path == str(tmp_path / "sub" / "u.csv")


def test_each_missing_variable_is_named(problems):
    text = BASE.replace("path: usage.csv", "path: '${DIR}/${NAME}.csv'")
    found = problems(text.replace("path: answers.csv", "connection: DB_URL, table: t"), {"DIR": ""})
    assert [(p.key, p.what) for p in found] == [
        ("tables.responses[0].connection", "the environment variable `DB_URL` is not set"),
        ("tables.activity.usage.path", "the environment variable `NAME` is not set"),
    ]
    assert "export DB_URL=… with the Ibis connection string" in found[0].remedy


def test_a_connection_string_does_not_belong_in_the_file(problems):
    text = BASE.replace("path: usage.csv", "connection: 'postgres://me:hunter2@host/db', table: t")
    (problem,) = problems(text)
    assert problem.key == "tables.activity.usage.connection"
    assert "hunter2" not in str(problem)


def test_the_process_environment_is_the_default(tmp_path, monkeypatch):
    file = tmp_path / "p.yaml"
    file.write_text(BASE.replace("path: usage.csv", "path: '${NPSIGHT_SOMEWHERE}/u.csv'"))
    monkeypatch.setenv("NPSIGHT_SOMEWHERE", "/data")
    assert load_project(str(file)).tables.activity["usage"].path == "/data/u.csv"


# --- One or several -----------------------------------------------------------------------------


def test_role_and_seniority_are_categories_where_they_are_mapped(load):
    text = changed("score: score}", "score: score, role: job, seniority: level}") + (
        "  - {source: responses, aggregate: [last], measure: score, by: {role: [admin, buyer]}}\n"
        "  - {source: responses, aggregate: share, where: {seniority: executive}, windows: 365}\n"
    )
    names = {spec.name for spec in load(text).features}
    assert {
        "responses__last_score__role_admin",
        "responses__last_score__role_buyer",
        "responses__share__seniority_executive__365d",
    } <= names


def test_whose_answers_and_which_are_foreseen(load):
    plain = load(BASE)
    assert (plain.respondents, plain.touchpoints) == (False, ())
    text = changed("score: score}", "score: score, respondent: who, touchpoint: t}")
    named = load(text.replace("detractor: {}", "detractor: {touchpoints: web}"))
    assert (named.respondents, named.touchpoints) == (True, ("web",))


def test_one_item_may_stand_for_a_list(load):
    single = load(BASE)
    several = load(
        BASE.replace(RESPONSES, f"[{RESPONSES}]").replace(
            "aggregate: count, windows: 30", "aggregate: [count], windows: [30]"
        )
    )
    assert single.tables == several.tables
    assert single.features == several.features


def test_a_list_of_measures_is_short_for_a_mapping(load):
    written = load(BASE.replace("[logins, errors]", "{logins: logins, errors: errors}"))
    assert written.tables == load(BASE).tables


def test_a_target_with_nothing_behind_it_has_all_defaults(load):
    assert load(BASE.replace("detractor: {}", "detractor:")).detractor == load(BASE).detractor
    assert load(BASE.replace("detractor: {}", "detractor:\n  nps:")).nps is True


def test_a_snapshot_needs_no_time(load):
    project = load(SNAPSHOT)
    assert project.is_snapshot
    assert project.churn.positive == ["Gone"]
