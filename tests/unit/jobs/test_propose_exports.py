"""What `npsight init` proposes for the exports of other makers, each with ways of its own."""

from __future__ import annotations

from datetime import date

import pytest
import yaml
from proposals import CUSTOMERS, LOGINS, SURVEY, TICKETS, folder, proposed

from npsight.config.load import load_project
from npsight.jobs.check import check
from npsight.jobs.proposal.propose import propose


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
    assert tables["accounts"]["key"] == "customer_id"
    assert "account_case" not in tables
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
