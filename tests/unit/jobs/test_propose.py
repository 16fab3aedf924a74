"""What `npsight init` proposes, and that it can be used as it stands."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from npsight.config.load import load_project
from npsight.errors import DataError
from npsight.jobs.check import check
from npsight.jobs.propose import propose

CUSTOMERS = """\
CustomerId,Company Name,Country,Plan,ARR,Signup Date
1,A Ltd,DE,pro,1000,2023-01-01
2,B Ltd,DE,pro,2000,2023-01-05
3,C Ltd,FR,basic,500,2023-02-01
4,D Ltd,FR,basic,700,2023-02-01
"""
SURVEY = """\
CustomerId,Date,Score,Comment
1,2023-03-01,9,great support really
2,2023-03-05,0,terrible and slow app
3,2023-06-01,7,ok but nothing special
1,2023-09-01,10,love it so much
"""
LOGINS = "CustomerId,Day,Logins\n1,01/02/2023,5\n2,15/02/2023,7\n3,20/03/2023,1\n"
TICKETS = """\
ticket_id,CustomerId,opened_at,closed_at,hours,kind
t1,1,2023-03-01T00:00:00Z,2023-03-02T00:00:00Z,24,bug
t2,2,2023-03-01T00:00:00Z,,,bug
t3,1,2023-04-01T00:00:00Z,2023-04-02T00:00:00Z,24,question
"""


def folder(tmp_path: Path, **tables: str) -> Path:
    place = tmp_path / "tables"
    place.mkdir(parents=True)
    for name, text in tables.items():
        (place / f"{name}.csv").write_text(text)
    return place


def proposed(place: Path) -> dict:
    text = propose(place, place.parent)
    file = place.parent / "npsight.yaml"
    file.write_text(text)
    check(load_project(file))
    return yaml.safe_load(text)


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
    assert "# left out, because only today's value is known: Plan, ARR" in text


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


# --- Exports of other makers --------------------------------------------------------------------


def test_files_split_by_month_and_folders_are_one_table_each(tmp_path):
    months = {"logins_2023-02": LOGINS, "logins_2023-03": LOGINS}
    place = folder(tmp_path, **months, other1=SURVEY, other2=TICKETS)
    (place / "clicks").mkdir()
    for day in range(2):
        text = f'{{"CustomerId": {day}, "ts": {1_675_209_600_000 + day}}}\n'
        (place / "clicks" / f"part-{day}.json").write_text(text)
    activity = yaml.safe_load(propose(place, place.parent))["tables"]["activity"]
    assert activity["logins"]["path"] == "tables/logins_*.csv"
    assert set(activity) == {"logins", "other2", "other2_ended", "clicks"}
    clicks = activity["clicks"]
    assert clicks["path"] == "tables/clicks/**/*.json"
    assert (clicks["time"], clicks["time_format"]) == ("ts", "epoch_ms")


def test_a_key_is_told_by_its_values_where_no_name_tells_it(tmp_path):
    keys = [f"{n:x}pQ=" for n in range(400, 430)]
    members = "msno,city,registration_init_time\n" + "".join(
        f"{key},{n % 4},20150{1 + n % 9}01\n" for n, key in enumerate(keys)
    )
    payments = "msno,payment_method_id,transaction_date,num_25,num_50,num_75\n" + "".join(
        f"{key},4{day % 2},2015100{day},1,2,3\n" for key in keys for day in range(1, 4)
    )
    labels = "msno,is_churn\n" + "".join(f"{key},{n % 2}\n" for n, key in enumerate(keys))
    text = propose(folder(tmp_path, members=members, payments=payments, train=labels))
    tables = yaml.safe_load(text)["tables"]
    assert tables["activity"]["payments"]["account"] == "msno"
    assert tables["accounts"]["path"].endswith("members.csv")
    assert tables["accounts"]["created_at"] == "registration_init_time"
    assert "left out: train (`is_churn` says who left, but not when" in text


def test_rows_without_a_key_are_left_out_where_they_are_many(tmp_path):
    lines = "InvoiceNo,Quantity,InvoiceDate,CustomerID\n" + "".join(
        f"{n},{n % 9},12/{1 + n % 28}/2010 8:{n % 60:02},{n % 7 if n % 4 else ''}\n"
        for n in range(99)
    )
    place = folder(tmp_path, data=lines)
    orders = proposed(place)["tables"]["activity"]["data"]
    assert (orders["account"], orders["without"]) == ("CustomerID", {"CustomerID": ""})
    assert orders["time_format"] == "%m/%d/%Y %H:%M"
    assert "VERIFY: rows without an account (25%)" in propose(place)


@pytest.mark.parametrize(
    ("outcome", "positive", "others"),
    [
        (("Churn?", "True.", "False."), ["True."], ""),
        (("Exited", "1", "0"), ["1"], ""),
        (("Attrition_Flag", "Attrited Customer", "Existing Customer"), ["Attrited Customer"], ""),
        (("Churn Label", "Yes", "No"), ["Yes"], ",Churn Value"),
    ],
)
def test_a_snapshot_names_the_value_that_means_the_account_left(
    tmp_path, outcome, positive, others
):
    column, left, stayed = outcome
    lines = f"RowNumber,Phone,minutes,{column}{others}\n" + "".join(
        f"{n},{300 + n}-{n},{n / 4},{left if n % 3 else stayed}{',1' if others else ''}\n"
        for n in range(40)
    )
    found = proposed(folder(tmp_path, phones=lines))
    assert found["targets"]["churn"]["positive"] == positive
    assert found["tables"]["accounts"]["key"] == "Phone"
    assert found["tables"]["accounts"]["attributes"] == {"minutes": "number"}


def test_the_end_of_a_period_is_no_end_of_a_subscription(tmp_path):
    head = "Customer ID,Start (UTC),Current Period End (UTC),Trial End (UTC),Canceled At (UTC),Ended At (UTC)\n"
    lines = "".join(
        f"c{n},2024-01-{1 + n % 28:02} 10:00,2025-01-01 10:00,,{f'2024-05-{1 + n % 28:02} 10:00,2024-07-01 10:00' if n % 2 else ','}\n"
        for n in range(40)
    )
    found = proposed(folder(tmp_path, subscriptions=head + lines))["tables"]["subscriptions"]
    assert found["ended_at"] == "Ended At (UTC)"
    assert found["ended_known_at"] == "Canceled At (UTC)"


def test_a_report_with_totals_below_lists_accounts(tmp_path):
    report = "Account ID,Account Name,Created Date,Industry\n" + "".join(
        f"00{n},Firm {n},5/{1 + n}/2023,{'Retail' if n % 2 else 'SaaS'}\n" for n in range(1, 25)
    )
    report += "Grand Totals (24 records),,,\n"
    logins = "Account ID,Day,Logins\n001,1/31/2024,5\n001,2/1/2024,5\n002,2/1/2024,7\n"
    report = f'"All accounts"\nAs of 2024-02-01\n\n{report}'
    found = proposed(folder(tmp_path, report17=report, logins=logins))["tables"]
    assert found["accounts"]["skip_rows"] == 3
    assert found["accounts"]["key"] == "Account ID"
    assert found["accounts"]["without"] == {"Account ID": "Grand Totals*"}
    assert found["accounts"]["created_at"] == "Created Date"


NAMED = [f"cus_{n:03}" for n in range(30)]
PAYERS = "id,Name,Created,Survey Org Number\n" + "".join(
    f"{name},N {n},2022-01-01,{9000 + n}\n" for n, name in enumerate(NAMED)
)
ANSWERED = "Survey Org Number,Date,Score,Comment\n" + "".join(
    f"{9000 + n % 30},2023-{1 + n // 10:02}-{1 + n % 10:02},{n % 11},a comment of some length {n}\n"
    for n in range(90)
)


def test_a_table_that_names_accounts_as_another_system_does_is_bridged(tmp_path):
    """By a table that has both keys, though they are called otherwise there."""
    bills = "id,customer,created_at,amount\n" + "".join(
        f"{n},{NAMED[n % 30]},2023-01-{1 + n % 28:02},5\n" for n in range(60)
    )
    terms = "id,customer,started_at,ended_at\n" + "".join(
        f"{n},{name},2022-01-01,{'2023-02-01' if n < 5 else ''}\n" for n, name in enumerate(NAMED)
    )
    place = folder(tmp_path, payers=PAYERS, nps=ANSWERED, bills=bills, terms=terms)
    found = proposed(place)["tables"]
    way = [
        {"path": "tables/payers.csv", "by": "customer", "key": "id", "take": "Survey Org Number"}
    ]
    assert found["activity"]["bills"]["lookup"] == way
    assert found["subscriptions"]["lookup"] == way
    assert found["accounts"]["key"] == "Survey Org Number"
    assert found["subscriptions"]["account"] == "Survey Org Number"


def test_columns_of_one_name_that_share_no_value_are_no_look_up(tmp_path):
    """An `id` is mostly the row's own."""
    tickets = "id,organization_id,opened_at\n" + "".join(
        f"{n},{9000 + n % 30},2023-01-{1 + n % 28:02}\n" for n in range(60)
    )
    found = proposed(folder(tmp_path, payers=PAYERS, nps=ANSWERED, tickets=tickets))["tables"]
    assert found["accounts"]["key"] == "Survey Org Number"
    assert "lookup" not in found["accounts"]


def test_a_table_of_losses_is_the_target_and_no_activity(tmp_path):
    losses = "CustomerId,churned_at,reason\n" + "".join(
        f"{n},2023-0{1 + n % 9}-01,price\n" for n in range(45)
    )
    found = proposed(folder(tmp_path, nps=SURVEY, churn_events=losses))
    assert found["tables"]["churn"]["time"] == "churned_at"
    assert found["targets"]["churn"]["event"] == "churn_table"
    assert "activity" not in found["tables"]


def test_which_version_is_the_newest_is_no_attribute(tmp_path):
    customers = "CustomerId,plan,is_current,valid_from,valid_to\n" + "".join(
        f"{n},{'pro' if n % 2 else 'free'},false,2022-01-01,2023-01-01\n{n},pro,true,2023-01-01,\n"
        for n in range(1, 5)
    )
    place = folder(tmp_path, customers=customers, nps=SURVEY)
    found = proposed(place)["tables"]["accounts"]
    assert found["attributes"] == {"plan": "category"}
    assert "only later days know which version is the newest: is_current" in propose(place)


def test_trials_of_a_survey_are_left_out_to_be_verified(tmp_path):
    header, *lines = SURVEY.strip().splitlines()
    status = ["Survey Preview", "IP Address", "IP Address", "IP Address"]
    text = "\n".join(
        [f"{header},Status", *(f"{a},{b}" for a, b in zip(lines, status, strict=True))]
    )
    place = folder(tmp_path, nps=text + "\n")
    assert proposed(place)["tables"]["responses"]["without"] == {"Status": ["Survey Preview"]}
    assert "VERIFY: `Survey Preview` are no answers of customers" in propose(place)


def test_keys_typed_in_several_cases_are_read_in_one(tmp_path):
    names = ["Acme Ltd", "ACME LTD", "acme ltd", "Beta AG"]
    lines = "".join(f"{name},2023-0{n}-01,{n}\n" for n, name in enumerate(names * 2, start=1))
    found = proposed(folder(tmp_path, nps="Company,Date,Score\n" + lines))
    assert found["tables"]["account_case"] == "lower"
    ids = "".join(f"00aB{n}{c},2023-0{n}-01,{n}\n" for n in range(1, 9) for c in "xX")
    (tmp_path / "tables" / "nps.csv").write_text("Company,Date,Score\n" + ids)
    assert "account_case" not in propose(tmp_path / "tables")


def test_numbers_of_rows_are_no_measures(tmp_path):
    logins = "Unnamed: 0," + LOGINS.replace("\n", "\n1,").removesuffix("1,")
    found = proposed(folder(tmp_path, nps=SURVEY, logins=logins))
    assert found["tables"]["activity"]["logins"]["measures"] == {"logins": "Logins"}


def test_a_comment_is_not_proposed_as_an_account(tmp_path):
    lines = "".join(
        f"C{n},2023-01-{1 + n % 28},{n % 11},{'too slow and dear' if n % 2 else 'fine and quick'}\n"
        for n in range(60)
    )
    text = propose(folder(tmp_path, nps="Company,Date,Score,Comment\n" + lines))
    assert "nearly every answer is of another account" in text
    assert "such as" not in text.split("nearly every answer")[1].splitlines()[0]


def test_a_small_survey_beside_a_large_one_has_a_history_there(tmp_path):
    small = "Company,Date,Score\n" + "".join(f"C{n},2023-01-01,{n % 11}\n" for n in range(40))
    large = "Company,Date,Score\n" + "".join(
        f"C{n % 40},2023-0{1 + n // 40}-02,{n % 11}\n" for n in range(160)
    )
    text = propose(folder(tmp_path, nps_onboarding=small, nps_relationship=large))
    assert "nearly every answer" not in text
    (tmp_path / "tables" / "nps_relationship.csv").unlink()
    assert "nearly every answer" in propose(tmp_path / "tables")


def test_surveys_of_one_tool_have_one_scale(tmp_path):
    """One in which nobody gave a 0 is on the scale of the other all the same."""
    head = "Company,Date,Score,Comment\n"
    lines = [f"C{n % 9},2023-01-{1 + n % 28:02},{{}},a comment of some length\n" for n in range(60)]
    small = "".join(line.format(1 + n % 10) for n, line in enumerate(lines))
    large = "".join(line.format(n % 11) for n, line in enumerate(lines))
    text = propose(folder(tmp_path, survey_b=head + small, survey_a=head + large))
    assert "bands" not in text
    (tmp_path / "tables" / "survey_a.csv").unlink()
    assert "scale: [1, 10]" in propose(tmp_path / "tables")


def test_the_day_of_an_export_is_no_part_of_a_name(tmp_path):
    place = folder(tmp_path, nps=SURVEY)
    (place / "all-logins-2026-11-01.csv").write_text(LOGINS)
    found = proposed(place)
    assert list(found["tables"]["activity"]) == ["all_logins"]
    assert found["features"][0]["source"] == "all_logins"


INVOICES = "CustomerId,invoice_date,paid_date\n" + "".join(
    f"{1 + n % 4},{1 + n % 12:02}/01/2023,{1 + n % 12:02}/{1 + n % 28:02}/2023\n" for n in range(80)
)


def test_a_column_that_shows_the_order_of_day_and_month_tells_it_for_its_table(tmp_path):
    text = propose(folder(tmp_path, nps=SURVEY, invoices=INVOICES))
    read = yaml.safe_load(text)["tables"]["activity"]["invoices"]
    assert read["time_format"] == "%m/%d/%Y"
    assert "VERIFY: no day above 12 in invoice_date: read month first, as is paid_date" in text


@pytest.mark.parametrize(
    ("survey", "order", "said"),
    [
        ("03/28/2023", "%m/%d/%Y", "No day above 12 tells; read month first, as in nps"),
        ("28/03/2023", "%d/%m/%Y", "No day above 12 tells; read day first, as in nps"),
        ("2023-03-28", "%d/%m/%Y", "No day above 12 tells; read day first\n"),
    ],
)
def test_another_table_tells_the_order_or_it_is_to_be_verified(tmp_path, survey, order, said):
    firsts = "".join(
        line.rsplit(",", 1)[0] + "\n" for line in INVOICES.splitlines() if "CustomerId" not in line
    )
    answers = "CustomerId,Date,Score\n" + f"1,{survey},9\n2,{survey},3\n3,{survey},7\n"
    place = folder(tmp_path, nps=answers, invoices="CustomerId,invoice_date\n" + firsts)
    text = propose(place)
    assert yaml.safe_load(text)["tables"]["activity"]["invoices"]["time_format"] == order
    assert said in text


def test_of_two_orders_in_one_table_one_is_proposed_and_said(tmp_path):
    rows = "".join(f"1,{n}/01/2023,02/{n}/2023,{n}/03/2023\n" for n in range(13, 28))
    place = folder(tmp_path, nps=SURVEY, orders=f"CustomerId,placed,packed,shipped\n{rows}")
    text = propose(place)
    assert yaml.safe_load(text)["tables"]["activity"]["orders"]["time_format"] == "%d/%m/%Y"
    assert "VERIFY: read day first, but packed is written the other way" in text


@pytest.mark.parametrize(
    ("month", "pattern"),
    [
        ("{:02}/2023", "%m/%Y"),
        ("2023-{:02}", "%Y-%m"),
        ("{:02}.2023", "%m.%Y"),
        ("{name} 2023", "%B %Y"),
        ("{name:.3} 2023", "%b %Y"),
        ("{name:.3}-23", "%b-%y"),
    ],
)
def test_a_month_is_a_time_and_is_known_when_it_is_over(tmp_path, month, pattern):
    rows = "".join(
        f"{1 + n % 4},{month.format(n, name=date(2023, n, 1).strftime('%B'))},{n}\n"
        for n in range(1, 13)
    )
    place = folder(tmp_path, nps=SURVEY, nutzung=f"CustomerId,Monat,Logins\n{rows}")
    usage = proposed(place)["tables"]["activity"]["nutzung"]
    assert (usage["time"], usage["time_format"]) == ("Monat", pattern)
    assert usage["delay_hours"] == 744
    assert "a month is read as its first day; 31 days later it is over" in propose(place)


def test_numbers_with_a_point_are_no_months(tmp_path):
    rows = "".join(f"{1 + n % 4},2023-03-{n:02},{n}.{1000 + 17 * n}\n" for n in range(1, 13))
    usage = proposed(folder(tmp_path, nps=SURVEY, usage=f"CustomerId,day,rate\n{rows}"))
    assert usage["tables"]["activity"]["usage"]["measures"] == ["rate"]


GERMAN_CUSTOMERS = """\
Kundennummer,Firma,Kundenbetreuer,Jahresumsatz,Kunde seit,Verlängerung am,Kündigung,Branche
K1,Alpha GmbH,Anna,1000,2022-01-01,2024-01-01,,Handel
K2,Beta AG,Bernd,2000,2022-02-01,2024-02-01,2023-11-05,Handel
K3,Gamma KG,Anna,500,2022-03-01,2024-03-01,,Bau
K4,Delta SE,Bernd,900,2022-04-01,2024-04-01,,Bau
"""
GERMAN_SURVEY = """\
Kundennummer,Datum,"Wie wahrscheinlich ist es, dass Sie uns weiterempfehlen?",Begründung
K1,2023-03-01,9,Der Support ist wirklich gut
K2,2023-04-01,2,Alles dauert viel zu lange
K1,2023-06-01,10,Immer noch sehr zufrieden damit
"""


def test_german_headers_are_recognised(tmp_path):
    tables = proposed(folder(tmp_path, kunden=GERMAN_CUSTOMERS, umfrage=GERMAN_SURVEY))["tables"]
    accounts = tables["accounts"]
    assert {k: accounts[k] for k in ("key", "name", "owner", "revenue")} == {
        "key": "Kundennummer",
        "name": "Firma",
        "owner": "Kundenbetreuer",
        "revenue": "Jahresumsatz",
    }
    assert (accounts["created_at"], accounts["renewal_at"]) == ("Kunde seit", "Verlängerung am")
    assert accounts["static"] == ["branche"]
    assert tables["churn"]["time"] == "Kündigung"
    asked = "Wie wahrscheinlich ist es, dass Sie uns weiterempfehlen?"
    assert (tables["responses"]["score"], tables["responses"]["comment"]) == (asked, "Begründung")


@pytest.mark.parametrize("name", ["Annual Contract Value", "Contract Value", "Chiffre d'affaires"])
def test_revenue_may_be_named_by_several_words(tmp_path, name):
    found = proposed(folder(tmp_path, customers=CUSTOMERS.replace("ARR", name), nps=SURVEY))
    assert found["tables"]["accounts"]["revenue"] == name


def test_persons_are_looked_up_in_the_table_of_contacts(tmp_path):
    contacts = "".join(f"p{n}@x.com,C{n}\n" for n in range(20))
    answers = "".join(
        f"{'P' if k == 2 and n < 3 else 'p'}{n}@x.com,2023-0{k}-01,{n % 11}\n"
        for n in range(20)
        for k in (1, 2)
    )
    place = folder(
        tmp_path,
        contacts=f"email,customer_id\n{contacts}",
        surveys=f"email,answered_at,score\n{answers}",
        usage="customer_id,day,n\n" + "".join(f"C{n % 20},2023-01-01,{n}\n" for n in range(40)),
    )
    tables = proposed(place)["tables"]
    assert tables["activity"]["usage"]["account"] == "customer_id"
    assert "lookup" not in tables["activity"]["usage"]
    assert (tables["accounts"]["key"], tables["account_case"]) == ("customer_id", "lower")
    responses = tables["responses"]
    assert (responses["account"], responses["respondent"]) == ("customer_id", "email")
    assert responses["lookup"] == [
        {"path": "tables/contacts.csv", "by": "email", "take": "customer_id"}
    ]
    assert "each person is an account" not in propose(place)


def test_persons_of_other_contacts_stay_accounts(tmp_path):
    contacts = "".join(f"q{n}@x.com,C{n}\n" for n in range(20))
    answers = "".join(f"p{n % 20}@x.com,2023-01-01,{n % 11}\n" for n in range(40))
    place = folder(
        tmp_path,
        contacts=f"email,customer_id\n{contacts}",
        surveys=f"email,answered_at,score\n{answers}",
    )
    assert yaml.safe_load(propose(place))["tables"]["responses"]["account"] == "email"


@pytest.mark.parametrize("known", ["Canceled At", "Note"])
def test_the_booked_end_is_a_feature_where_its_booking_is_known(tmp_path, known):
    ended = "".join(
        f"c{n},2023-01-01,{'2023-07-01,2023-05-01' if n % 2 else ','}\n" for n in range(40)
    )
    found = proposed(folder(tmp_path, contracts=f"CustomerId,Start,Ended At,{known}\n{ended}"))
    feature = {"source": "subscriptions", "aggregate": "days_until_end"}
    assert (feature in found.get("features", [])) == (known == "Canceled At")


def test_amounts_in_several_currencies_are_to_be_verified_and_warned_of(tmp_path):
    paid = CUSTOMERS.replace(",1000,", ',"USD 1,000.50",').replace(",2000,", ',"£2,000",')
    place = folder(tmp_path, customers=paid, nps=SURVEY)
    text = propose(place, place.parent)
    assert "decimal: .   # VERIFY: ARR holds amounts in GBP and USD, compared as if in one" in text
    file = tmp_path / "npsight.yaml"
    file.write_text(text)
    warned = "\n".join(map(str, check(load_project(file)).warnings))
    assert "amounts in several currencies in column ARR (GBP 1, USD 1)" in warned
    assert "VERIFY: ARR" not in propose(folder(tmp_path / "one", customers=CUSTOMERS, nps=SURVEY))
