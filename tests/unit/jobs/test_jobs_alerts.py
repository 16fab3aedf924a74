"""Looks: what is an event, for whom, once only; first looks, quiet hours, dry runs, digests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alert_company import ALERTS, DAY, account, alert_project, follow_up, rise, write_run
from postgres_server import postgres_server

from npsight.config.specs import ProjectSpec
from npsight.jobs.alerts import Plan, plan_alerts
from npsight.store import Store, open_project_store, open_store
from npsight.store.alertmessages import AlertMessage, claim_message, messages, settle_message
from npsight.store.alerts import waiting_events
from npsight.store.marks import mark

NOW = DAY + timedelta(hours=3)
HOUR = timedelta(hours=1)


class Company:
    """A project and its store, looked at whenever a test says so."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.folder = folder
        self.project: ProjectSpec = alert_project(folder, ALERTS)
        self.store: Store = open_project_store(self.project) if url is None else open_store(url)

    def told_otherwise(self, alerts: str) -> None:
        self.project = alert_project(self.folder, alerts)

    def look(self, now: datetime = NOW, **more: Any) -> Plan:
        return plan_alerts(self.project, self.store, now, **more)

    def kept(self) -> list[AlertMessage]:
        with self.store.reading() as connection:
            return messages(connection, "tiny", limit=None)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    made = Company(tmp_path)
    yield made
    made.store.close()


def addressed(plan: Plan) -> dict[tuple[str, str], int]:
    return {(m.owner, m.channel): m.events for m in plan.made}


def body(plan: Plan) -> str:
    [message] = plan.made
    return message.body


def begun(company: Company, *rows: Any, number: int = 0) -> str:
    """A first run that was looked at."""
    run = write_run(company.store, number, rows)
    company.look()
    return run


def test_a_first_look_tells_nobody_of_what_was_there(company: Company) -> None:
    rows = [account("A", "high"), account("B", band_now="detractor", last_score=3, revenue=9e5,
            last_answer_at=DAY - HOUR)]  # fmt: skip
    run = write_run(company.store, 0, rows)
    rise(company.store, "B", run, DAY)
    follow_up(company.store, "A", "to contact", date(2026, 5, 1))
    first = company.look()
    assert first.skipped is not None
    skipped = first.skipped
    assert (skipped.high_risk, skipped.detractor_answers, skipped.follow_ups_due) == (2, 1, 1)
    assert (first.made, first.events) == ((), {})
    again = company.look(NOW + HOUR)
    assert (again.skipped, again.made, again.events, company.kept()) == (None, (), {}, [])


def test_a_risk_that_became_high_by_a_run_is_told_once(company: Company) -> None:
    rows = [account("A", "medium"), account("B", "high"), account("C", "low", owner=None)]
    begun(company, *rows)
    assert company.look().made == ()
    write_run(company.store, 1, [account(k, "high", o) for k, o in
                                 (("A", "Ada"), ("B", "Ada"), ("C", None), ("D", "Bo"))])  # fmt: skip
    plan = company.look(NOW + 25 * HOUR)
    # B was high before; D is new, and new accounts come from below.
    assert plan.events == {"high_risk": 3}
    assert addressed(plan) == {("", "team"): 1, ("Ada", "ada"): 1, ("Bo", "team"): 1}
    text = next(m.body for m in plan.made if m.owner == "Ada")
    assert "• Company A (A): risk 63 %, was 35 %\n" in text
    assert "Revenue 1,000. Logins fell from 120 to 41 a week." in text
    assert "\n  https://nps.example.com/accounts/A\n" in text
    for hours in (25, 26, 60):
        assert company.look(NOW + hours * HOUR).made == ()
    assert len(company.kept()) == 3


def test_a_risk_that_became_high_by_a_posted_answer_is_told(company: Company) -> None:
    run = begun(company, account("A"), account("B"))
    rise(company.store, "B", run, NOW)
    plan = company.look(NOW + HOUR)
    assert plan.events == {"high_risk": 1}
    assert "Company B (B): risk 63 %, was 10 %" in body(plan)


def test_of_several_rises_of_an_account_the_last_is_told(company: Company) -> None:
    run = begun(company, account("A"))
    for minutes in (1, 2, 3):
        rise(company.store, "A", run, NOW + timedelta(minutes=minutes))
    plan = company.look(NOW + HOUR)
    assert (plan.events, body(plan).count("• ")) == ({"high_risk": 1}, 1)
    assert company.look(NOW + 5 * HOUR).made == ()


def test_a_rise_that_passed_again_is_told_nobody(company: Company) -> None:
    run = begun(company, account("A"))
    rise(company.store, "A", run, NOW)
    write_run(company.store, 1, [account("A", "low")])
    assert company.look(NOW + 25 * HOUR).made == ()
    # … and a later rise is a new event.
    write_run(company.store, 2, [account("A", "high")])
    assert company.look(NOW + 49 * HOUR).events == {"high_risk": 1}


def test_a_change_that_is_seen_late_is_still_found(company: Company) -> None:
    """On PostgreSQL a change with a smaller number may be seen after one with a greater."""
    run = begun(company, account("A"), account("B"), account("C"))
    with company.store.writing() as connection:
        connection.exec_driver_sql("UPDATE alert_looks SET changes_seq = 0")
    rise(company.store, "A", run, NOW)
    rise(company.store, "B", run, NOW)
    with company.store.writing() as connection:
        connection.exec_driver_sql("UPDATE score_changes SET seq = 7 WHERE seq = 1")
    assert company.look(NOW + timedelta(minutes=1)).events == {"high_risk": 2}
    rise(company.store, "C", run, NOW)
    with company.store.writing() as connection:
        connection.exec_driver_sql("UPDATE score_changes SET seq = 5 WHERE account = 'C'")
    assert company.look(NOW + timedelta(minutes=2)).events == {"high_risk": 1}


def test_an_account_that_is_held_out_is_not_told_as_a_risk(company: Company) -> None:
    run = begun(company, account("A"), account("B"))
    for key in ("A", "B"):
        rise(company.store, key, run, NOW)
    with company.store.writing() as connection:
        mark(connection, "tiny", "A", NOW, held_out_until=NOW + 2 * HOUR)
        mark(connection, "tiny", "B", NOW, held_out_until=NOW + HOUR)
    plan = company.look(NOW + HOUR)
    assert "(B)" in body(plan)
    assert "(A)" not in body(plan)


def answered(key: str, revenue: float, **more: Any) -> Any:
    values = {"band_now": "detractor", "last_score": 3.0, "last_answer_at": DAY - HOUR, **more}
    return account(key, revenue=revenue, **values)


def test_a_detractor_answer_on_a_large_account_is_told_once(company: Company) -> None:
    small = [account(f"S{i}", revenue=float(i)) for i in range(8)]
    begun(company, *small, account("L1", revenue=500.0), account("L2", revenue=600.0))
    # The top fifth of ten are two; S7 is the third.
    others = [answered("S7", 7.0), answered("L1", 500.0)]
    rows = [*small[:7], *others, answered("L2", 600.0, band_now="passive")]
    write_run(company.store, 1, rows)
    plan = company.look(NOW + 25 * HOUR)
    assert plan.events == {"detractor_answer": 1}
    assert "• Company L1 (L1): answered 3 on 1 Jun 2026; risk 10 %" in body(plan)
    write_run(company.store, 2, rows)
    assert company.look(NOW + 49 * HOUR).made == ()
    newer = DAY + 49 * HOUR
    again = [*small[:7], others[0], rows[-1], answered("L1", 500.0, last_answer_at=newer,
             as_of=newer + HOUR)]  # fmt: skip
    write_run(company.store, 3, again)
    assert company.look(NOW + 73 * HOUR).events == {"detractor_answer": 1}


def test_large_is_what_the_project_file_says(company: Company) -> None:
    company.told_otherwise(ALERTS + "  large_revenue: 7\n")
    begun(company, account("A"))
    write_run(company.store, 1, [answered("A", 6.99), answered("B", 7.0), answered("C", 1e6)])
    plan = company.look(NOW + 25 * HOUR)
    assert plan.events == {"detractor_answer": 2}
    assert body(plan).index("(C)") < body(plan).index("(B)")


def test_an_old_answer_is_no_news(company: Company) -> None:
    begun(company, account("A"))
    old = {"last_answer_at": DAY - timedelta(days=30, microseconds=1)}
    write_run(company.store, 1, [answered("A", 9.0, **old)])
    assert company.look(NOW + 25 * HOUR).made == ()
    edge = {"last_answer_at": DAY - timedelta(days=30)}
    write_run(company.store, 2, [answered("A", 9.0, **edge)])
    assert company.look(NOW + 49 * HOUR).events == {"detractor_answer": 1}


def test_without_any_revenue_no_account_is_large(company: Company) -> None:
    begun(company, account("A", revenue=None))
    write_run(company.store, 1, [answered("A", None)])  # type: ignore[arg-type]
    assert company.look(NOW + 25 * HOUR).made == ()


def test_a_follow_up_is_told_on_its_due_day_once(company: Company) -> None:
    company.told_otherwise(ALERTS + "  timezone: Europe/Berlin\n")
    begun(company, account("A"), account("B"))
    follow_up(company.store, "A", "plan in place", date(2026, 6, 3))
    follow_up(company.store, "gone", "to contact", date(2026, 6, 2))
    # The day begins at 22:00 UTC of the day before.
    assert company.look(datetime(2026, 6, 1, 21, 59, tzinfo=UTC)).made == ()
    gone = company.look(datetime(2026, 6, 1, 22, 0, tzinfo=UTC))
    assert addressed(gone) == {("", "team"): 1}
    assert "• gone: to contact, due 2 Jun 2026; risk –" in body(gone)
    plan = company.look(datetime(2026, 6, 2, 22, 0, tzinfo=UTC))
    assert addressed(plan) == {("Ada", "ada"): 1}
    assert "• Company A (A): plan in place, due 3 Jun 2026; risk 10 %" in body(plan)
    assert company.look(datetime(2026, 6, 9, tzinfo=UTC)).made == ()
    follow_up(company.store, "A", "plan in place", date(2026, 6, 9))
    assert company.look(datetime(2026, 6, 9, 1, tzinfo=UTC)).events == {"follow_up_due": 1}


@pytest.mark.parametrize("state", [None, "closed", "recovered", "not recovered"])
def test_nothing_is_due_of_a_follow_up_that_is_over(company: Company, state: str | None) -> None:
    begun(company, account("A"))
    follow_up(company.store, "A", state, date(2026, 6, 1))
    assert company.look(NOW + HOUR).made == ()


def test_an_event_that_nobody_wants_does_not_come_up_later(company: Company) -> None:
    company.told_otherwise(ALERTS + "  events: [follow_up_due]\n")
    run = begun(company, account("A"), account("B", owner="Bo"))
    rise(company.store, "A", run, NOW)
    assert company.look(NOW + HOUR).events == {}
    company.told_otherwise(ALERTS)
    assert company.look(NOW + 2 * HOUR).made == ()
    company.told_otherwise(ALERTS.replace("{Ada: [ada]}", "{Ada: [ada], Bo: []}"))
    rise(company.store, "B", run, NOW + 2 * HOUR)
    plan = company.look(NOW + 3 * HOUR)
    assert (plan.made, plan.unrouted) == ((), 1)
    company.told_otherwise(ALERTS)
    assert company.look(NOW + 4 * HOUR).made == ()


QUIET = ALERTS + '  timezone: Europe/Berlin\n  quiet: {start: "20:00", end: "07:00"}\n'


def test_what_happens_in_quiet_hours_is_told_when_they_end(company: Company) -> None:
    company.told_otherwise(QUIET)
    run = begun(company, account("A"), account("B"))
    # Friday 5 June, 23:00 in Berlin; they end on Monday at 07:00, which is 05:00 UTC.
    night, morning = datetime(2026, 6, 5, 21, tzinfo=UTC), datetime(2026, 6, 8, 5, tzinfo=UTC)
    rise(company.store, "A", run, night)
    quiet = company.look(night)
    assert (quiet.made, quiet.events, quiet.quiet_until) == ((), {"high_risk": 1}, morning)
    rise(company.store, "B", run, night + HOUR)
    assert company.look(morning - timedelta(microseconds=1)).made == ()
    with company.store.reading() as connection:
        assert waiting_events(connection, "tiny") == {"ada": 2}
    plan = company.look(morning)
    assert plan.quiet_until is None
    assert addressed(plan) == {("Ada", "ada"): 2}
    assert company.look(morning + HOUR).made == ()


def test_what_could_not_be_told_for_two_weeks_is_no_news(company: Company) -> None:
    company.told_otherwise(QUIET)
    run = begun(company, account("A"))
    night = datetime(2026, 6, 5, 21, tzinfo=UTC)
    rise(company.store, "A", run, night)
    company.look(night)
    assert company.look(night + timedelta(days=17)).made == ()
    assert company.kept() == []


def test_a_dry_run_shows_exactly_what_a_run_then_makes(company: Company) -> None:
    company.told_otherwise(QUIET + "  digest: {}\n")
    run = begun(company, account("A", rank=1), account("B", owner="Bo", rank=2))
    rise(company.store, "A", run, NOW)
    rise(company.store, "B", run, NOW)
    later = NOW + HOUR
    assert company.look(later, digest_week="2026-W23", dry_run=True).skipped is None
    dry = company.look(later, digest_week="2026-W23", dry_run=True)
    assert company.kept() == []
    assert dry == company.look(later, digest_week="2026-W23")
    assert len(dry.made) == 4
    # In quiet hours it shows what will be sent when they end.
    rise(company.store, "A", run, later)
    night = datetime(2026, 6, 5, 21, tzinfo=UTC)
    assert len(company.look(night, dry_run=True).made) == 1
    assert company.look(night).made == ()


def test_a_dry_run_before_the_first_look_leaves_it_the_first(company: Company) -> None:
    write_run(company.store, 0, [account("A", "high")])
    assert company.look(dry_run=True).skipped is not None
    assert company.look().skipped is not None


def test_an_owner_has_one_message_however_much_happened(company: Company) -> None:
    keys = [f"K{i:03}" for i in range(120)]
    begun(company, *(account(k) for k in keys))
    write_run(company.store, 1, [account(k, "high") for k in keys])
    plan = company.look(NOW + 25 * HOUR)
    assert addressed(plan) == {("Ada", "ada"): 120}
    text = body(plan)
    told = text.count("• ")
    assert 5 < told <= 25
    assert f"and {120 - told} more: https://nps.example.com/worklist" in text
    assert len(text) < 3700
    assert company.look(NOW + 26 * HOUR).made == ()


def test_hostile_names_are_inert(company: Company) -> None:
    evil = "<!channel> @everyone [x](https://evil.example) \u202egnp\r\n" + "x" * 10_000
    owner = "Eve\r\nBcc: a@evil.example"
    key = "a/1?é#<script>"
    begun(company, account(key, owner=owner, name=evil))
    drivers = [{"points": 0.3, "sentence": "plan is <!here> @all https://evil.example"}]
    write_run(company.store, 1, [account(key, "high", owner=owner, name=evil, drivers=drivers)])
    [message] = company.look(NOW + 25 * HOUR).made
    assert "\n" not in message.title + "\r"[1:]
    assert not set(message.title) & set("@<>\r\n")
    ours = "https://nps.example.com/accounts/a%2F1%3F%C3%A9%23%3Cscript%3E"
    assert message.body.count("://") == 1
    assert ours in message.body
    rest = message.body.replace(ours, "")
    assert not set(rest) & set("@<>[]\r\u202e")
    assert "evil.example" not in rest
    assert len(message.body) < 700


DIGEST = ALERTS + "  digest: {}\n"
WEEK, NEXT = "2026-W23", "2026-W24"


def test_a_digest_is_made_once_in_a_week_for_each_owner(company: Company) -> None:
    company.told_otherwise(DIGEST)
    rows = [account(f"A{i:02}", "high", rank=i + 1, band_now="passive") for i in range(15)]
    rows += [account("B", owner="Bo", rank=40), account("C", owner=None, rank=41), account("D")]
    begun(company, *rows)
    follow_up(company.store, "A03", "contacted", date(2026, 5, 30))
    plan = company.look(NOW + HOUR, digest_week=WEEK)
    assert {(m.owner, m.channel, m.kind) for m in plan.made} == {
        ("", "team", "alerts"), ("", "team", "digest"), ("Ada", "ada", "alerts"),
        ("Ada", "ada", "digest"), ("Bo", "team", "digest"),
    } - {("", "team", "alerts")}  # fmt: skip
    text = next(m.body for m in plan.made if (m.owner, m.kind) == ("Ada", "digest"))
    title = next(m.title for m in plan.made if (m.owner, m.kind) == ("Ada", "digest"))
    assert title == "Ada: week 23, 1 to 7 Jun 2026"
    assert text.index("(A00): risk 63 %, passive now") < text.index("(A01)")
    assert "and 3 more: https://nps.example.com/worklist" in text
    assert "Follow-ups that are due (1)\n• Company A03 (A03): contacted, due 30 May 2026" in text
    assert "(D)" not in text
    assert company.look(NOW + 2 * HOUR, digest_week=WEEK).made == ()
    assert len(company.look(NOW + 24 * 7 * HOUR, digest_week=NEXT).made) == 3


def test_accounts_that_step_back_are_not_among_the_calls(company: Company) -> None:
    company.told_otherwise(DIGEST)
    begun(company, *(account(k, rank=i) for i, k in enumerate("ABC", start=1)))
    with company.store.writing() as connection:
        mark(connection, "tiny", "A", NOW, held_out_until=NOW + 2 * HOUR)
        mark(connection, "tiny", "B", NOW, snoozed_until=NOW + 2 * HOUR)
    text = body(company.look(NOW + HOUR, digest_week=WEEK))
    assert [k for k in "ABC" if f"({k})" in text] == ["C"]
    assert "Calls of this week (1)" in text
    later = body(company.look(NOW + 2 * HOUR, digest_week=NEXT))
    assert [k for k in "ABC" if f"({k})" in later] == ["A", "B", "C"]


def test_a_digest_names_messages_that_perhaps_never_came(company: Company) -> None:
    company.told_otherwise(DIGEST)
    run = begun(company, account("A", rank=1))
    rise(company.store, "A", run, NOW)
    [lost] = company.look(NOW + HOUR).made
    taken = claim_message(company.store, "tiny", ["ada"], "me", HOUR, NOW + HOUR)
    assert taken is not None
    plan = company.look(NOW + 3 * HOUR, digest_week=WEEK)
    assert plan.uncertain == 1
    assert f"Perhaps not received, and not sent again (1)\n• message {lost.id} of" in body(plan)
    following = body(company.look(NOW + 24 * 7 * HOUR, digest_week=NEXT))
    assert lost.id not in following


def test_an_owner_without_anything_has_no_digest(company: Company) -> None:
    company.told_otherwise(DIGEST)
    begun(company, account("A"))
    assert company.look(NOW + HOUR, digest_week=WEEK).made == ()
    write_run(company.store, 1, [account("A", owner="Bo", rank=1)])
    company.told_otherwise(DIGEST.replace("{Ada: [ada]}", "{Ada: [ada], Bo: []}"))
    assert company.look(NOW + 2 * HOUR, digest_week=WEEK).made == ()


def test_a_project_that_was_never_scored_has_nothing_to_tell(company: Company) -> None:
    follow_up(company.store, "A", "contacted", date(2026, 1, 1))
    first = company.look()
    assert first.skipped is not None
    assert first.skipped.high_risk == 0
    assert company.look(NOW + HOUR, digest_week=WEEK).made == ()


def test_only_the_projects_own_changes_are_seen(company: Company) -> None:
    run = begun(company, account("A"))
    rise(company.store, "A", run, NOW, project="other")
    assert company.look(NOW + HOUR).made == ()


def test_a_message_that_was_sent_is_not_due(company: Company) -> None:
    run = begun(company, account("A"))
    rise(company.store, "A", run, NOW)
    assert [m.id for m in company.look(NOW + HOUR).due] == [m.id for m in company.kept()]
    taken = claim_message(company.store, "tiny", ["ada"], "me", HOUR, NOW + HOUR)
    assert taken is not None
    settle_message(company.store, "tiny", taken, "me", "sent", None, NOW + HOUR)
    assert company.look(NOW + 2 * HOUR).due == ()


def test_postgresql_finds_and_makes_the_same(company: Company, tmp_path: Path) -> None:
    def told(one: Company) -> list[tuple[str, str]]:
        one.told_otherwise(DIGEST)
        run = begun(one, *(account(k, rank=i) for i, k in enumerate("ABC", 1)), account("D"))
        rise(one.store, "A", run, NOW)
        follow_up(one.store, "B", "contacted", date(2026, 6, 1))
        rows = [answered("C", 9e5, rank=1), account("A", "high", rank=2), account("E", owner=None)]
        write_run(one.store, 1, rows)
        plan = one.look(NOW + 25 * HOUR, digest_week=WEEK)
        assert plan.events == {"high_risk": 1, "detractor_answer": 1, "follow_up_due": 1}
        assert one.look(NOW + 26 * HOUR, digest_week=WEEK).made == ()
        return [(m.title, m.body) for m in plan.made]

    with postgres_server("alerts") as uri:
        other = Company(
            tmp_path / "other", uri.replace("postgresql://", "postgresql+psycopg://", 1)
        )
        assert told(other) == told(company)
        other.store.close()
