"""What `npsight init` proposes, and that it can be used as it stands."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import yaml
from proposals import CUSTOMERS, LOGINS, SURVEY, TICKETS, folder, proposed

from npsight.config.load import load_project
from npsight.errors import DataError
from npsight.jobs.check import check
from npsight.jobs.proposal.propose import propose


def test_a_typical_folder(tmp_path):
    place = folder(tmp_path, customers=CUSTOMERS, nps=SURVEY, logins=LOGINS, tickets=TICKETS)
    found = proposed(place)
    tables = found["tables"]
    assert tables["accounts"] == {
        "path": "tables/customers.csv",
        "key": "CustomerId",
        "created_at": "Signup Date",
        "name": "Company Name",
        "revenue": "ARR",
        "attributes": {"country": "category"},
        "columns": {"country": "Country"},
        "static": ["country"],
        "segments": ["country"],
    }
    assert tables["responses"] == {
        "path": "tables/nps.csv",
        "account": "CustomerId",
        "time": "Date",
        "delay_hours": 0,
        "score": "Score",
        "comment": "Comment",
    }
    assert tables["activity"]["logins"]["time_format"] == "%d/%m/%Y"
    assert found["targets"] == {"detractor": {"gap_days": 14, "horizon_days": 90}, "nps": {}}
    assert found["timezone"] == "UTC"


def test_numbers_of_a_thing_that_ends_are_read_at_its_end(tmp_path):
    activity = proposed(folder(tmp_path, nps=SURVEY, tickets=TICKETS))["tables"]["activity"]
    assert activity["tickets"]["ended_at"] == "closed_at"
    assert "measures" not in activity["tickets"]
    assert activity["tickets_ended"]["time"] == "closed_at"
    assert activity["tickets_ended"]["measures"] == ["hours"]


MONTHS = [f"{2023 + m // 12}-{m % 12 + 1:02}-01" for m in range(14)]
WEEKS = [str(date(2024, 1, 1) + timedelta(days=7 * n)) for n in range(20)]
DAILY = [str(date(2024, 1, 1) + timedelta(days=n)) for n in range(60)]


@pytest.mark.parametrize(
    ("days", "means", "hours"),
    [
        (MONTHS, True, 744),
        ([d[:7] for d in MONTHS], True, 744),
        ([f"{d[8:]}.{d[5:7]}.{d[:4]}" for d in WEEKS], True, 168),
        ([f"{d[:8]}{15 + n}" for n, d in enumerate(MONTHS)], True, 0),
        (DAILY, False, 0),
    ],
    ids=["months", "names-of-months", "weeks", "days-of-months", "daily"],
)
def test_levels_noted_by_week_or_month_are_read_as_means(tmp_path, days, means, hours):
    rows = [f"c{n},{day},{9 + n}" for day in days for n in range(12)]
    usage = "account_id,period,active_users\n" + "\n".join(rows) + "\n"
    answers = "account_id,date,nps_score\n" + "".join(
        f"c{n % 12},2024-0{n % 9 + 1}-11,{n % 11}\n" for n in range(40)
    )
    found = proposed(folder(tmp_path, usage=usage, nps=answers))
    assert found["tables"]["activity"]["usage"]["delay_hours"] == hours
    features = found["features"]
    (read,) = [f for f in features if f.get("measure") == "active_users"]
    assert read["aggregate"] == (["mean", "mean_trend"] if means else ["sum", "trend"])
    assert read["windows"] == ([90, 180] if means else [30, 90])


def test_events_of_few_days_are_no_levels(tmp_path):
    rows = [f"c{n % 12},{MONTHS[n % 14]},{n}" for n in range(20)]
    orders = "account_id,ordered_at,amount\n" + "\n".join(rows) + "\n"
    answers = "account_id,date,nps_score\n" + "".join(
        f"c{n % 12},2024-0{n % 9 + 1}-11,{n % 11}\n" for n in range(40)
    )
    features = proposed(folder(tmp_path, orders=orders, nps=answers))["features"]
    assert ["sum", "trend"] in [f.get("aggregate") for f in features]


def test_todays_values_are_left_out_and_named(tmp_path):
    text = propose(folder(tmp_path, customers=CUSTOMERS, nps=SURVEY))
    assert "# left out, because only today's value is known: Plan\n" in text


@pytest.mark.parametrize(
    ("scores", "scale"),
    [
        ((0, 10, 5), None),
        ((1, 5, 3), [1, 5]),
        ((1, 7, 3), [1, 7]),
        ((1, 10, 3), [1, 10]),
        ((3, 10, 8), None),
    ],
)
def test_other_scales_are_to_be_confirmed(tmp_path, scores, scale):
    lines = "".join(
        f"{n},2023-03-0{n + 1},{score},fine enough text\n" for n, score in enumerate(scores)
    )
    text = propose(folder(tmp_path, reviews="account_id,date,rating,comment\n" + lines))
    bands = yaml.safe_load(text)["tables"]["responses"].get("bands")
    assert (bands and bands["scale"]) == scale
    assert ("confirm the scale" in text) == (scale is not None)


def test_a_snapshot_is_told_by_its_single_table_without_times(tmp_path):
    lines = "".join(f"c{n},{n},{'Yes' if n % 3 else 'No '}\n" for n in range(30))
    found = proposed(folder(tmp_path, customers="customerID,tenure,Churn\n" + lines))
    assert found["targets"]["churn"]["event"] == "snapshot"
    assert found["targets"]["churn"]["column"] == "Churn"
    assert found["tables"]["accounts"]["attributes"] == {"tenure": "number"}


def test_activity_alone_gives_churn_by_silence(tmp_path):
    found = proposed(folder(tmp_path, logins=LOGINS))
    silence = {"event": "no_activity", "activity": "logins", "gap_days": 0, "horizon_days": 90}
    assert found["targets"] == {"churn": silence | {"active_within_days": 90}}


EXPORT = """\
Company ID;E-mail;Sent at;Responded at;Score;Comment
010;a@a.example;30/12/2024 14:05;31/12/2024 14:05;9;Sehr gut und schnell
017;b@b.example;12/01/2025 09:30;13/01/2025 09:30;N/A;La qualité baisse
034;c@c.example;13/02/2025 10:00;14/02/2025 10:00;3;Trop cher pour nous
"""
BILLS = "Kundennummer;Rechnungsdatum;Betrag\n" + "".join(
    f"{n:03};{1 + n % 28:02}.03.2025;{n}.234,50 €\n" for n in range(1, 40)
)


def test_exports_of_european_tools_are_read_as_they_are_written(tmp_path):
    crm = "Account ID;ARR;Closed Date\n" + "".join(
        f"{n:03};{n},50 €;{'12.02.2025' if n < 5 else ''}\n" for n in range(1, 40)
    )
    place = folder(tmp_path, accounts=crm)
    (place / "survey.csv").write_text(EXPORT, encoding="utf-8-sig")
    (place / "bills.csv").write_text(BILLS, encoding="windows-1252")
    found = proposed(place)["tables"]
    survey = found["responses"]
    assert (survey["delimiter"], survey["time_format"]) == (";", "%d/%m/%Y %H:%M")
    assert (survey["blanks"], survey["respondent"]) == (["N/A"], "E-mail")
    bills = found["activity"]["bills"]
    assert (bills["encoding"], bills["delimiter"], bills["decimal"]) == ("windows-1252", ";", ",")
    assert (bills["account"], bills["measures"]) == ("Kundennummer", {"betrag": "Betrag"})
    assert found["accounts"]["revenue"] == "ARR"
    assert found["churn"]["time"] == "Closed Date"


@pytest.mark.parametrize(("losses", "foreseen"), [(39, False), (40, True)])
def test_few_losses_are_no_target(tmp_path, losses, foreseen):
    crm = "account_id,Closed Date\n" + "".join(
        f"{n},{'2023-05-02' if n < losses else ''}\n" for n in range(60)
    )
    found = proposed(folder(tmp_path, accounts=crm, nps=SURVEY.replace("CustomerId", "account_id")))
    assert "churn" in found["tables"]
    assert ("churn" in found["targets"]) == foreseen


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("12/31/2024 02:05 PM", "%m/%d/%Y %I:%M %p"),
        ("31.12.2024 14:05:59", "%d.%m.%Y %H:%M:%S"),
        ("31-12-2024", "%d-%m-%Y"),
        ("12/31/24", "%m/%d/%y"),
        ('"July 5, 2015"', "%B %d, %Y"),
        ("21st July 2015", "%d %B %Y"),
        ("2019-4", "%Y-%m"),
        ("12. März 2025", "%d. %B %Y"),
        ("3. Dez. 2024", "%d. %B %Y"),
        ("1er août 2025", "%d %B %Y"),
        ("5 de mayo de 2025", "%d de %B de %Y"),
        ("mayo de 2025", "%B de %Y"),
        ("Dez 24", "%B %y"),
        ("12 Mar 2025 14:05", "%d %b %Y %H:%M"),
        ('"Mar 12, 2025 02:05 PM"', "%b %d, %Y %I:%M %p"),
        ('"12. Oktober 2025, 14:05"', "%d. %B %Y, %H:%M"),
    ],
)
def test_times_of_other_countries_are_recognised(tmp_path, written, pattern):
    place = folder(tmp_path, logins=f"account_id,day,n\n1,{written},5\n2,{written},6\n")
    assert proposed(place)["tables"]["activity"]["logins"]["time_format"] == pattern


def test_a_table_with_two_ways_to_write_times_has_both(tmp_path):
    text = "account_id,opened,closed\n1,31.12.2024,31.12.2024 14:05\n2,30.12.2024,\n"
    tickets = proposed(folder(tmp_path, tickets=text))["tables"]["activity"]["tickets"]
    assert tickets["time_format"] == ["%d.%m.%Y", "%d.%m.%Y %H:%M"]


def test_scores_of_a_survey_out_of_a_hundred_are_to_be_confirmed(tmp_path):
    text = propose(folder(tmp_path, survey=SURVEY.replace(",9,", ",90,").replace(",7,", ",70,")))
    assert yaml.safe_load(text)["tables"]["responses"]["bands"]["scale"] == [0, 100]


def test_persons_are_the_accounts_where_there_are_no_others(tmp_path):
    text = propose(folder(tmp_path, nps=SURVEY.replace("CustomerId", "Recipient Email")))
    assert yaml.safe_load(text)["tables"]["responses"]["account"] == "Recipient Email"
    assert "VERIFY: each person is an account" in text


def test_what_is_left_out_has_its_reason(tmp_path):
    notes = "CustomerId,Note\n1,a\n1,b\n2,c\n"
    text = propose(folder(tmp_path, nps=SURVEY, accounts=CUSTOMERS, notes=notes, empty=""))
    assert "left out: notes (no column with the time of an event was recognised)" in text
    assert "left out: empty (holds no rows" in text


def test_the_status_of_today_explains_no_event(tmp_path):
    text = propose(folder(tmp_path, nps=SURVEY, tickets=TICKETS.replace("kind", "status")))
    assert "only today's value is known: status" in text
    assert "categories" not in yaml.safe_load(text)["tables"]["activity"]["tickets"]


def test_tables_without_times_give_no_proposal(tmp_path):
    with pytest.raises(DataError, match="no column with the time of an event"):
        propose(folder(tmp_path, sums="Account ID,total\n1,5\n1,6\n"))


def test_columns_of_months_and_waves_become_rows(tmp_path):
    usage = "Account ID,2024-11,2024-12,2025-01\n" + "1,5,6,7\n2,5,,8\n"
    waves = "Account ID,Region,NPS Q1 2024,NPS Q2 2024,NPS Q3 2024\n1,EU,9,3,\n2,US,10,,7\n"
    tables = proposed(folder(tmp_path, usage=usage, waves=waves))["tables"]
    assert tables["responses"]["wide"] == {"columns": "NPS *", "value": "nps"}
    assert (tables["responses"]["time"], tables["responses"]["score"]) == ("period_end", "nps")
    assert tables["activity"]["usage"]["wide"]["columns"] == "*"
    # A month is complete when its last day is over.
    assert tables["activity"]["usage"]["delay_hours"] == 24


def test_a_header_of_three_lines_under_a_title_is_found(tmp_path):
    head = "EndDate,ResponseId,ExternalReference,Q1_NPS_GROUP,Q1,Q2\n"
    head += 'End Date,Response ID,Reference,Group,"How likely are you\nto recommend us?",Reason\n'
    head += (
        ",".join(f'"{{""ImportId"":""QID{n}"",""timeZone"":""America/Denver""}}"' for n in range(6))
        + "\n"
    )
    lines = "".join(
        f"2024-0{n}-01 10:00:00,R_{n},A{n % 3},Promoter,{n} - likely,because {n} times\n"
        for n in range(1, 10)
    )
    survey = "Export of the survey\n\n" + head + lines.replace(",7 - likely", ",")
    found = proposed(folder(tmp_path, export=survey))["tables"]["responses"]
    assert (found["skip_rows"], found["header_rows"]) == (2, 3)
    assert (found["account"], found["score"], found["comment"]) == ("ExternalReference", "Q1", "Q2")
    assert (found["unscored"], found["timezone"]) == ("skip", "America/Denver")


def test_whole_thousands_are_to_be_verified(tmp_path):
    sales = "Kundennr;Tag;Umsatz\n1;31.12.2024;1.000\n2;30.12.2024;45.000\n"
    text = propose(folder(tmp_path, sales=sales))
    assert 'decimal: ","   # VERIFY: 45.000 in Umsatz is read as 45000; without this' in text


def test_reviews_of_things_with_parts_of_scores(tmp_path):
    lines = "".join(
        f"{n}/13/2024,Hotel {n % 3},{n + 0.5},A long enough text {n},{n % 5}\n"
        for n in range(1, 10)
    )
    head = "Review_Date,Hotel_Name,Reviewer_Score,Review,staff_rating\n"
    found = proposed(folder(tmp_path, hotels=head + lines))["tables"]
    assert found["responses"]["account"] == "Hotel_Name"
    assert found["responses"]["bands"]["detractor"] == [1, 6.9]
    assert found["activity"]["hotels_ratings"]["measures"] == ["staff_rating"]


def test_an_account_is_looked_up_where_the_reviews_have_none(tmp_path):
    orders = "order_id,customer_id,bought\n" + "".join(
        f"o{n},c{n},2024-01-0{n}\n" for n in range(1, 10)
    )
    people = "customer_id,customer_unique_id\n" + "".join(f"c{n},u{n % 3}\n" for n in range(1, 10))
    reviews = "review_id,order_id,review_score,review_comment,answered\n" + "".join(
        f"r{n},o{n},{n % 5 + 1},a long comment {n},2024-02-0{n}\n" for n in range(1, 10)
    )
    found = proposed(folder(tmp_path, orders=orders, people=people, reviews=reviews))["tables"]
    assert found["responses"]["account"] == "customer_unique_id"
    assert found["responses"]["comment"] == "review_comment"
    assert [hop["take"] for hop in found["responses"]["lookup"]] == [
        "customer_id",
        "customer_unique_id",
    ]
    assert "accounts" not in found


def test_many_answers_without_a_time_are_said_and_do_not_stop_the_check(tmp_path):
    lines = "".join(
        f"park {n % 3},{f'2019-{n % 9 + 1}' if n % 10 else 'missing'},{n % 5 + 1},a fair text {n}\n"
        for n in range(60)
    )
    found = proposed(folder(tmp_path, parks="Branch,Year_Month,Rating,Review_Text\n" + lines))
    assert found["quarantine"] == {"max_share": 0.15}
    # A month is read as its first day.
    assert found["tables"]["responses"]["delay_hours"] == 744


def test_answers_that_never_recur_are_said(tmp_path):
    lines = "".join(
        f"{n},{'US' if n % 2 else 'UK'},{n % 12 + 1}/{n % 28 + 1}/2024,Ann {n},{n % 11}\n"
        for n in range(60)
    )
    text = propose(folder(tmp_path, nps="ID,Market,Survey date,Customer_Name,NPS\n" + lines))
    assert "nearly every answer is of another account" in text
    assert "such as Market" in text


def test_a_duckdb_file(tmp_path):
    import duckdb

    place = folder(tmp_path, nps=SURVEY)
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute(f"CREATE TABLE nps AS SELECT * FROM '{place / 'nps.csv'}'")
    found = yaml.safe_load(propose(tmp_path / "w.duckdb"))
    assert found["tables"]["responses"]["table"] == "nps"


def test_databases_in_a_folder(tmp_path):
    """A DuckDB file stands for its tables; a SQLite file is named with the way out."""
    import sqlite3

    import duckdb

    place = folder(tmp_path, logins=LOGINS, nps="a,b\n1,2\n")
    (tmp_path / "answers.csv").write_text(SURVEY)
    with duckdb.connect(str(place / "w.duckdb")) as connection:
        connection.execute(f"CREATE TABLE nps AS SELECT * FROM '{tmp_path / 'answers.csv'}'")
    with sqlite3.connect(place / "app.db") as database:
        database.execute("CREATE TABLE t (a text)")
    database.close()
    found = proposed(place)["tables"]
    assert found["responses"]["path"] == "tables/w.duckdb"
    assert found["responses"]["table"] == "nps"
    assert list(found["activity"]) == ["logins"]
    text = propose(place)
    assert "left out: app.db (is not read; a SQLite database; export its tables" in text
    assert "left out: nps (" in text
    with pytest.raises(DataError, match=r"sqlite:////.*app\.db"):
        propose(place / "app.db")


def test_a_folder_without_tables(tmp_path):
    with pytest.raises(DataError, match="no table can be read here"):
        propose(tmp_path)
    (tmp_path / "nps.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match="save it again as .xlsx or CSV"):
        propose(tmp_path)


def test_a_table_without_rows_is_said_to_hold_none(tmp_path):
    place = folder(tmp_path, nps=SURVEY.splitlines()[0] + "\n")
    with pytest.raises(DataError, match="it holds no rows"):
        propose(place)


def test_files_of_one_export_are_one_table(tmp_path):
    place = folder(tmp_path, nps_2023=SURVEY, nps_2024=SURVEY.replace("2023", "2024"))
    found = proposed(place)["tables"]
    assert found["responses"]["path"] == "tables/nps_*.csv"
    (place / "nps_old.csv").write_text("a,b\n1,2\n")
    several = yaml.safe_load(propose(place, tmp_path))["tables"]["responses"]
    assert [table["path"] for table in several] == ["tables/nps_2023.csv", "tables/nps_2024.csv"]


def test_the_demo_company(tmp_path):
    from npsight.simulate.run import simulate
    from npsight.simulate.settings import SimulationSettings

    place = tmp_path / "demo"
    simulate(place, SimulationSettings(accounts=60, days=400, start=date(2023, 1, 1)))
    found = proposed(place)
    tables = found["tables"]
    assert set(tables) == {"accounts", "responses", "activity", "subscriptions"}
    assert tables["accounts"]["valid_from"] == "valid_from"
    assert tables["responses"]["known_at"] == "synced_at"
    assert tables["responses"]["invited_at"] == "invited_at"
    assert tables["subscriptions"]["ended_known_at"] == "cancelled_at"
    assert not any(name.startswith("truth") for name in tables["activity"])
    assert found["targets"]["churn"]["event"] == "subscription_end"
    assert {"source": "subscriptions", "aggregate": "days_until_end"} in found["features"]
    warned = "\n".join(map(str, check(load_project(tmp_path / "npsight.yaml")).warnings))
    assert "no account has a row" not in warned
    assert "no day above 12" not in warned
