"""The audit end to end: clean companies pass, planted leaks stop training, faults of code show."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import ibis
import pytest
import yaml
from command_line import npsight
from planted import LEAKS, plant
from small_company import SmallCompany

from npsight.audit.findings import AuditReport
from npsight.config.load import load_project
from npsight.errors import ConfigError
from npsight.features import compile as compiled
from npsight.jobs.audit import audit
from npsight.jobs.audits.cut import CHECK as CUT
from npsight.jobs.audits.cut import check_cut
from npsight.jobs.audits.oracle import CHECK as LOOP
from npsight.jobs.audits.run import spread
from npsight.jobs.building import frames
from npsight.jobs.building.frames import FeatureBuilder, silent
from npsight.jobs.training.trainingdata import open_tables, training_data
from npsight.tables.engine import run
from npsight.tracking import Tracking


@pytest.fixture(scope="module")
def planted(tmp_path_factory, demo_config: Path) -> Path:
    """The simulated company with eleven columns that know what came later."""
    folder = tmp_path_factory.mktemp("planted")
    return plant(folder / "company", demo_config.parent / "data")


@pytest.fixture(scope="module")
def refused(planted: Path):
    """What training on them says."""
    return npsight("train", "-c", planted).failed(9, "the leakage audit failed")


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.column)
def test_training_refuses_each_planted_leak_by_its_name(refused, leak):
    assert f"{leak.name}: `{leak.name}`" in refused.err


def test_nothing_else_of_the_company_is_called_a_leak(refused):
    named = {line.split(":")[0].split(". ", 1)[1] for line in refused.err.splitlines()
             if line.lstrip()[:1].isdigit()}  # fmt: skip
    assert named == {leak.name for leak in LEAKS}


def test_nothing_is_registered_and_the_report_is_kept(planted, refused):
    state = planted.parent / "state"
    assert not (state / "mlflow.db").exists()
    assert not (state / "champion").exists()
    report = json.loads((state / "audit.json").read_text())
    assert report["passed"] is False
    assert report["values_compared"] > 1_000


def test_the_command_says_what_it_found_and_ends_with_its_own_code(planted, tmp_path):
    said = npsight("audit", "-c", planted, "--rows", "5", "--json", tmp_path / "audit.json")
    said.failed(9, *(leak.column for leak in LEAKS))
    assert "✗ something leaks" in said.out
    assert "`audit.accepted`" in said.out
    assert "holds the future" in said.out
    written = json.loads((tmp_path / "audit.json").read_text())
    names = {f["name"] for check in written["checks"] for f in check["findings"]}
    assert {leak.name for leak in LEAKS} <= names


def test_a_clean_company_passes_and_is_told_so(small):
    said = npsight("audit", "-c", small.config, "--rows", "5").succeeded()
    assert "marks the newest" in said.out
    assert "✓ nothing leaks" in said.out
    assert "✗" not in said.out


def test_card_and_registry_hold_the_verdict(demo_config):
    project = load_project(demo_config)
    text = (project.state_dir / "models" / "v1" / "card.md").read_text()
    assert "## Leakage audit\n" in text
    assert "| nothing later changes it |" in text
    run_id = Tracking(project.name, project.state_dir).versions()[0].run_id
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=f"sqlite:///{project.state_dir}/mlflow.db")
        figures = client.get_run(run_id).data.metrics
    assert figures["audit_passed"] == 1
    assert figures["audit_leaks"] == 0
    assert figures["audit_values_compared"] > 1_000


# --- Reasons --------------------------------------------------------------------------------------


@pytest.fixture
def leaking(tmp_path) -> SmallCompany:
    """A small company whose usage says at once how many answers the next month brings."""
    company = SmallCompany(tmp_path, days=420)
    answers = company.tables["answers"][1:]
    ahead = {}
    for _, account, at, score in answers:
        ahead.setdefault(account, []).append((at, score))
    usage = company.tables["usage"]
    usage[0].append("mood")
    for row in usage[1:]:
        later = [score for at, score in sorted(ahead.get(row[0], [])) if at > row[1]]
        row.append(later[0] if later else "")
    company.project["tables"]["activity"]["usage"]["measures"].append("mood")
    company.project["features"].append({"source": "usage", "measure": "mood", "aggregate": "last"})
    return company


def test_a_reason_lets_it_pass_and_stands_in_the_card(leaking):
    npsight("train", "-c", leaking.write()).failed(9, "usage.mood")
    leaking.project["audit"] = {"accepted": {"usage.mood": "agreed with the customer beforehand"}}
    npsight("train", "-c", leaking.write()).succeeded()
    text = (leaking.state / "models" / "v1" / "card.md").read_text()
    assert "accepted because: agreed with the customer beforehand" in text


def test_a_reason_for_nothing_is_refused_with_the_name_meant(leaking):
    leaking.project["audit"] = {"accepted": {"usage.moood": "agreed with the customer beforehand"}}
    with pytest.raises(ConfigError, match=r"usage\.moood.*\n.*usage\.mood"):
        load_project(leaking.write())


def test_a_reason_must_say_something(leaking):
    leaking.project["audit"] = {"accepted": {"usage.mood": "ok"}}
    with pytest.raises(ConfigError, match="at least 10 characters"):
        load_project(leaking.write())


def test_thresholds_in_order(leaking):
    leaking.project["audit"] = {"too_good_auc": 0.8, "suspicious_auc": 0.85}
    with pytest.raises(ConfigError, match="is above `too_good_auc`"):
        load_project(leaking.write())


# --- Faults of the code ---------------------------------------------------------------------------

FEATURE = "usage__sum_logins__30d"


@pytest.fixture(scope="module")
def report(small) -> AuditReport:
    """What the audit finds in a clean company."""
    return audit(load_project(small.config), rows=10)


def test_a_clean_small_company_passes(report):
    assert report.passed
    verdicts = {check.name: check.verdict for check in report.checks}
    assert verdicts[CUT] == verdicts[LOOP] == "clean"
    assert verdicts["told long before"] == "not judged"
    assert all(check.not_judged for check in report.checks if check.verdict == "not judged")
    assert (report.rows, report.days) == (600, 10)


@pytest.fixture
def unbuilt(tmp_path) -> Path:
    """A small company of which no day has been built and kept."""
    return SmallCompany(tmp_path).write()


@pytest.mark.parametrize("microseconds", [1, 86_400_000_000], ids=["up to as_of", "a day ahead"])
def test_one_feature_that_reads_the_future_is_named_by_both(unbuilt, monkeypatch, microseconds):
    honest = compiled.compile_features

    def leaky(facts, spine, specs, *rest):
        """The one feature sees what happens up to as_of itself, or a day later."""
        usage = facts.sources["usage"]
        step = ibis.interval(microseconds=microseconds)
        early = usage.mutate(occurred_at=usage.occurred_at - step, known_at=usage.known_at - step)
        late = dataclasses.replace(facts, sources={**facts.sources, "usage": early})
        one = [spec for spec in specs if spec.name == FEATURE]
        others = [spec for spec in specs if spec.name != FEATURE]
        return honest(facts, spine, others, *rest) + honest(late, spine, one, *rest)

    monkeypatch.setattr(frames, "pane_groups", lambda *_: [])
    monkeypatch.setattr(frames, "compile_features", leaky)
    report = audit(load_project(unbuilt), rows=30)
    found = {check.name: [f.name for f in check.findings] for check in report.checks}
    assert found[CUT] == [FEATURE]
    assert found[LOOP] == [FEATURE]
    assert not report.passed
    assert not any(f.can_be_accepted for f in report.leaks if f.check in (CUT, LOOP))


def test_a_spine_that_knows_who_will_leave_is_caught(unbuilt, monkeypatch):
    honest = frames.spine_expr

    def knowing(facts, as_ofs):
        """Accounts that will not log in any more are left out."""
        usage = facts.sources["usage"]
        last = usage.group_by("account").agg(last=usage.occurred_at.max())
        spine = honest(facts, as_ofs)
        kept = spine.join(last, "account")
        return kept.filter(kept.last >= kept.as_of + ibis.interval(days=60)).select(
            "account", "as_of"
        )

    monkeypatch.setattr(frames, "spine_expr", knowing)
    report = audit(load_project(unbuilt), rows=5)
    assert "account" in {f.name for check in report.checks for f in check.findings
                         if check.name == CUT}  # fmt: skip


# --- Too little, and nothing dated ----------------------------------------------------------------


def test_tiny_data_are_told_so_and_fail_nothing(tmp_path):
    company = SmallCompany(tmp_path, accounts=8, days=90)
    said = npsight("audit", "-c", company.write(), "--rows", "3").succeeded()
    assert "not judged" in said.out
    assert "✓ nothing leaks" in said.out


def snapshot(folder: Path, why) -> Path:
    """300 accounts without any date; every third left. Returns the project file."""
    rows = ["id,plan,bill,why,left"]
    rows += [f"c{i},{'ab'[i % 2]},{i % 37},{why(i)},{'Yes' if i % 3 == 0 else 'No'}"
             for i in range(300)]  # fmt: skip
    (folder / "accounts.csv").write_text("\n".join(rows) + "\n")
    attributes = {"plan": "category", "bill": "number", "why": "category"}
    config = folder / "npsight.yaml"
    config.write_text(yaml.safe_dump({
        "project": "snap", "state": "state",
        "tables": {"accounts": {"path": "accounts.csv", "key": "id", "attributes": attributes}},
        "targets": {"churn": {"event": "snapshot", "column": "left", "positive": ["Yes"]}},
        "features": [{"source": "accounts", "aggregate": "value", "measure": name}
                     for name in attributes],
    }))  # fmt: skip
    return config


def test_a_snapshot_says_that_time_cannot_be_judged(tmp_path):
    config = snapshot(tmp_path, lambda i: "cd"[i % 5 == 0])
    report = audit(load_project(config))
    verdicts = {check.name: check.verdict for check in report.checks}
    assert verdicts[CUT] == verdicts[LOOP] == "not judged"
    assert verdicts["too good alone: churn"] == verdicts["undated columns"] == "clean"
    assert report.passed


def test_a_snapshot_is_asked_which_values_only_the_lost_have(tmp_path):
    config = snapshot(tmp_path, lambda i: "price" if i % 6 == 0 else "")
    (found,) = audit(load_project(config)).leaks
    assert (found.check, found.name) == ("undated columns", "accounts.why")
    assert "`accounts.why` has a value for 50 accounts, and 50 of them left" in found.what


def test_the_same_data_give_the_same_report(small, report):
    assert audit(load_project(small.config), rows=10).to_json() == report.to_json()


def test_days_are_the_oldest_the_newest_and_some_between():
    assert spread(range(10), 3) == [0, 4, 9]
    assert spread(range(10), 1) == [9]
    assert spread(range(2), 3) == [0, 1]
    assert spread(range(1), 3) == [0]


def tables_of(builder: FeatureBuilder) -> set[str]:
    return {name for (name,) in run(builder.backend, "SELECT table_name FROM duckdb_tables()")}


def test_the_copies_of_the_cut_are_dropped(unbuilt):
    with open_tables(load_project(unbuilt), silent) as (builder, _):
        data = training_data(builder)
        before = tables_of(builder)
        made = []

        class Counting(FeatureBuilder):
            def keep(self, expression):
                made.append(super().keep(expression))
                return made[-1]

        counting = Counting(builder.backend, builder.facts, builder.project)
        check_cut(counting, data.frame, [data.as_ofs[-1]], silent)
        left = tables_of(builder) - before
    assert len(made) >= 4
    # The spines stay, as everywhere; the copies of facts are gone.
    assert len(left) <= 2
