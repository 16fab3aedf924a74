"""What `npsight init` proposes where several systems export what they know of the same accounts."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from proposals import CUSTOMERS, SURVEY, folder, proposed

from npsight.jobs.proposal.propose import propose

MONTHS = range(1, 10)


def days(n: int) -> str:
    return f"2025-{1 + n % 9:02}-{1 + n % 28:02}T09:00:00Z"


def lines(place: Path, name: str, objects: list[dict]) -> None:
    (place / name).write_text("\n".join(map(json.dumps, objects)))


def test_tickets_with_their_changes_organizations_users_and_a_survey_of_users(tmp_path):
    """Each table names its accounts in another way, as help desks export them."""
    place = folder(
        tmp_path,
        nps="Recipient ID,Rating,Comment,Responded at\n"
        + "".join(f"{9000 + n % 40},{n % 11},quite fine so far,{days(n)}\n" for n in range(80)),
        changes="Ticket ID,Changed at,From status,To status\n"
        + "".join(
            f"{100 + n % 60},{days(n)},{'new' if n % 2 else 'open'},open\n" for n in range(180)
        ),
    )
    firms = [
        {
            "id": 360 + n,
            "name": f"Firm {n}",
            "created_at": "2023-01-05T10:00:00Z",
            "organization_fields": {
                "ARR": 1000 + n,
                "customer_success_manager": "Ada" if n % 2 else "Ben",
                "region": "EU" if n % 3 else "US",
            },
        }
        for n in range(20)
    ]
    (place / "organizations.json").write_text(json.dumps({"organizations": firms}, indent=1))
    users = [
        {"id": 9000 + n, "organization_id": 360 + n % 20, "email": f"u{n}@x.io"} for n in range(40)
    ]
    (place / "users.json").write_text(json.dumps({"users": users}, indent=1))
    lines(
        place,
        "tickets.jsonl",
        [
            {
                "id": 100 + n,
                "requester_id": 9000 + n % 40,
                "organization_id": 360 + n % 20,
                "created_at": days(n),
            }
            for n in range(60)
        ],
    )
    tables = proposed(place)["tables"]
    accounts = tables["accounts"]
    assert (accounts["path"], accounts["key"]) == ("tables/organizations.json", "id")
    assert accounts["owner"] == "organization_fields.customer_success_manager"
    assert accounts["revenue"] == "organization_fields.ARR"
    way = {
        "path": "tables/users.json",
        "by": "Recipient ID",
        "key": "id",
        "take": "organization_id",
    }
    assert tables["responses"]["lookup"] == [way]
    assert tables["activity"]["tickets"]["account"] == "organization_id"
    changes = tables["activity"]["changes"]
    assert changes["lookup"] == [
        {"path": "tables/tickets.jsonl", "by": "Ticket ID", "key": "id", "take": "organization_id"}
    ]
    assert changes["categories"] == {"from_status": "From status"}, (
        "both sides of a change are facts"
    )


def test_the_key_of_customers_is_the_one_that_other_tables_have(tmp_path):
    """A number in the metadata is named as an account is, but no other table knows it."""
    began = 1_700_000_000
    place = folder(
        tmp_path,
        customers="id,Name,Created (UTC),account_id (metadata)\n"
        + "".join(f"cus_{n},Firm {n},2023-01-0{1 + n % 9} 10:00,ACC-{n}\n" for n in range(40)),
        nps="response_id,customer_id,score,comment,answered_at\n"
        + "".join(f"{n},cus_{n % 40},{n % 11},works for us well,{days(n)}\n" for n in range(80)),
        subscriptions="id,customer,trial_start,start_date,cancel_at,canceled_at,ended_at,status\n"
        + "".join(
            f"sub_{n},cus_{n},{began},{began + 864_000},"
            + (
                f"{began + 9_000_000},{began + 7_000_000},{began + 9_000_000},canceled\n"
                if n % 4 == 0
                else "0,0,0,active\n"
            )
            for n in range(40)
        ),
    )
    tables = proposed(place)["tables"]
    assert tables["accounts"]["key"] == "id"
    assert "lookup" not in tables["responses"]
    contract = tables["subscriptions"]
    assert (contract["started_at"], contract["ended_at"]) == ("start_date", "ended_at")
    assert contract["ended_known_at"] == "canceled_at", "for when it was cancelled is no news"


def test_tables_of_a_warehouse(tmp_path):
    """Surrogate keys, `\\N` for null, partitions in folders."""
    place = folder(
        tmp_path,
        fct_contract="contract_sk,account_sk,start_date,end_date\n"
        + "".join(
            f"{n},{100 + n},2024-01-01,{'2025-06-01' if n % 4 == 0 else chr(92) + 'N'}\n"
            for n in range(40)
        ),
        fct_nps="survey_sk,account_sk,answered_at,nps_score\n"
        + "".join(f"{n},{100 + n % 40},{days(n)},{n % 11}\n" for n in range(80)),
    )
    versions = {
        "account_sk": [100 + n for n in range(40)],
        "account_name": [f"Firm {n}" for n in range(40)],
        "csm_name": ["Ada", "Ben"] * 20,
        "ARR": pa.array([Decimal(n) for n in range(40)], pa.decimal128(18, 2)),
        "valid_from": pa.array([date(2024, 1, 1)] * 40),
    }
    pq.write_table(pa.table(versions), place / "dim_account.parquet")
    for month in MONTHS:
        part = place / "usage" / "year=2025" / f"month={month:02}"
        part.mkdir(parents=True)
        rows = {
            "account_sk": [100 + n for n in range(40)],
            "day": [date(2025, month, 1 + n % 28) for n in range(40)],
            "logins": list(range(40)),
        }
        pq.write_table(pa.table(rows), part / "part-0.parquet")
    tables = proposed(place)["tables"]
    accounts = tables["accounts"]
    assert (accounts["key"], accounts["name"]) == ("account_sk", "account_name")
    assert (accounts["owner"], accounts["revenue"]) == ("csm_name", "ARR")
    assert tables["responses"]["id"] == "survey_sk"
    assert tables["subscriptions"]["ended_at"] == "end_date"
    assert tables["subscriptions"]["blanks"] == ["\\N"]
    assert tables["activity"]["usage"]["measures"] == ["logins"], "month and year part the table"


def test_events_of_product_analytics_with_groups_and_a_survey_in_the_product(tmp_path):
    place = folder(tmp_path)
    moment = 1_740_000_000_000
    lines(
        place,
        "events.jsonl",
        [
            {
                "event": "opened" if n % 2 else "saved",
                "distinct_id": f"u{n % 70}",
                "timestamp": moment + n * 9_000_000,
                "received_at": moment + n * 9_000_000 + 5,
                "group_id": f"g{n % 35}",
            }
            for n in range(140)
        ],
    )
    lines(
        place,
        "survey_sent.jsonl",
        [
            {
                "distinct_id": f"u{n % 70}",
                "timestamp": moment + n * 9_000_000,
                "properties": {
                    "$survey_response": n % 11,
                    "$survey_response_1": f"it is fine {n}",
                    "$group_0": f"g{n % 35}",
                },
            }
            for n in range(90)
        ],
    )
    lines(
        place,
        "groups.jsonl",
        [
            {
                "group_key": f"g{n}",
                "created_at": moment - n * 86_400_000,
                "group_properties": {
                    "name": f"Firm {n}",
                    "MRR": 50 + n,
                    "churned_at": 0 if n % 5 else moment + n * 86_400_000,
                },
            }
            for n in range(35)
        ],
    )
    tables = proposed(place)["tables"]
    responses = tables["responses"]
    assert (responses["account"], responses["respondent"]) == ("properties.$group_0", "distinct_id")
    assert responses["score"] == "properties.$survey_response"
    assert responses["comment"] == "properties.$survey_response_1"
    assert tables["accounts"]["key"] == "group_key"
    assert tables["accounts"]["revenue"] == "group_properties.MRR"
    assert tables["churn"]["time"] == "group_properties.churned_at"
    events = tables["activity"]["events"]
    assert (events["account"], events["known_at"]) == ("group_id", "received_at")


def test_a_list_of_accounts_that_is_bridged_stays_the_list(tmp_path):
    """Rather than the table of two columns that says which key is which."""
    place = folder(
        tmp_path,
        stammdaten="Kundennr.;Firmenname;Kunde seit;Kundenbetreuer\n"
        + "".join(f"{200 + n};Firma {n};0{1 + n % 9}.01.2023;Frau A\n" for n in range(30))
        + "Summe;;;\n",
        zuordnung="CRM-Nummer;Kundennr.\n" + "".join(f"CRM{n};{200 + n}\n" for n in range(30)),
        umfrage="CRM-Nummer;Beantwortet am;Weiterempfehlung;Grund\n"
        + "".join(f"CRM{n % 30};{1 + n % 28}.03.2025;{n % 11};gut\n" for n in range(90)),
    )
    tables = proposed(place)["tables"]
    accounts = tables["accounts"]
    assert (accounts["path"], accounts["key"]) == ("tables/stammdaten.csv", "CRM-Nummer")
    assert accounts["lookup"][0]["by"] == "Kundennr."
    assert accounts["without"] == {"Kundennr.": "Summe"}
    assert accounts["owner"] == "Kundenbetreuer"


@pytest.mark.parametrize("name", ["ARR", "MRR", "ACV", "TotalMRR", "MRRAmount", "ARR (USD)"])
def test_revenue_in_capitals(tmp_path, name):
    customers = CUSTOMERS.replace("ARR", name)
    assert (
        proposed(folder(tmp_path, customers=customers, survey=SURVEY))["tables"]["accounts"][
            "revenue"
        ]
        == name
    )


def test_a_single_file_is_dated_by_its_name_and_a_single_list_is_not(tmp_path):
    place = folder(tmp_path, survey=SURVEY)
    listed = "\n".join(line.rpartition(",")[0] for line in CUSTOMERS.splitlines())
    (place / "customers_2025-01.csv").write_text(listed)
    (place / "usage_2025-01.csv").write_text("CustomerId,Logins\n1,5\n2,7\n3,1\n4,9\n")
    tables = proposed(place)["tables"]
    assert tables["accounts"]["path"] == "tables/customers_2025-01.csv"
    assert "valid_from" not in tables["accounts"]
    usage = tables["activity"]["usage"]
    assert (usage["path"], usage["time"]) == ("tables/usage_{period}.csv", "period_over")


def test_a_snapshot_with_a_year_in_its_name_has_no_time(tmp_path):
    place = folder(tmp_path)
    (place / "churn_2024.csv").write_text(
        "customer_id,plan,Churn\n"
        + "".join(f"{n},{n % 3},{'Yes' if n % 4 else 'No'}\n" for n in range(40))
    )
    text = yaml.safe_load(propose(place, tmp_path))
    assert text["targets"]["churn"]["event"] == "snapshot"
    assert text["tables"]["accounts"]["path"] == "tables/churn_2024.csv"


@pytest.mark.parametrize(
    ("says", "is_said"), [("Churned", True), ("Gekündigt", True), ("Paused", False)]
)
def test_who_left_without_a_day_is_said(tmp_path, says, is_said):
    customers = "CustomerId,Company Name,Status,Signup Date\n" + "".join(
        f"{n},Firm {n},{says if n % 3 == 0 else 'Active'},2023-01-05\n" for n in range(1, 20)
    )
    text = propose(folder(tmp_path, customers=customers, survey=SURVEY), tmp_path)
    assert (f"Status says who left (`{says}`), but not when" in text) is is_said


def test_an_owner_of_accounts_is_no_account(tmp_path):
    """Nor is the one who looks after a customer, though the name has the word."""
    customers = "Customer Success Manager,id,Name,created\n" + "".join(
        f"{'Ada' if n % 2 else 'Ben'},{n},Firm {n},2023-01-05\n" for n in range(1, 21)
    )
    survey = "customer_id,answered_at,score,comment\n" + "".join(
        f"{1 + n % 20},{days(n)},{n % 11},all in good order\n" for n in range(60)
    )
    tables = proposed(folder(tmp_path, customers=customers, survey=survey))["tables"]
    assert tables["accounts"]["key"] == "id"
    assert tables["accounts"]["owner"] == "Customer Success Manager"


@pytest.mark.parametrize(("codes", "is_said"), [(("usd", "eur"), True), (("usd", "usd"), False)])
def test_amounts_beside_a_column_of_currencies_are_to_be_verified(tmp_path, codes, is_said):
    invoices = "invoice_id,CustomerId,created,amount,currency\n" + "".join(
        f"i{n},{1 + n % 4},{days(n)},{n * 10},{codes[n % 2]}\n" for n in range(40)
    )
    text = propose(folder(tmp_path, customers=CUSTOMERS, survey=SURVEY, invoices=invoices))
    assert ("several currencies (currency: eur, usd)" in text) is is_said


def test_revenue_in_cents_is_said(tmp_path):
    customers = CUSTOMERS.replace("ARR", "arr_cents")
    text = propose(folder(tmp_path, customers=customers, survey=SURVEY))
    assert "VERIFY: arr_cents is shown as it stands, in cents" in text


def test_a_survey_tool_names_its_unnamed_columns_in_a_second_line(tmp_path):
    survey = (
        "Respondent ID,End Date,Company,How likely are you to recommend us?,,Anything else?\n"
        ",,,,Group,Open-Ended Response\n"
        + "".join(f"{n},{days(n)},Firm {n % 20},{n % 11},x,quite fine {n}\n" for n in range(60))
    )
    responses = proposed(folder(tmp_path, survey=survey))["tables"]["responses"]
    assert responses["header_rows"] == 2
    assert responses["comment"] == "Anything else?"


def test_a_number_that_no_other_table_knows_is_not_the_account(tmp_path):
    survey = "Company,answered_at,score,comment\n" + "".join(
        f"Firm {n % 20},{days(n)},{n % 11},all in good order\n" for n in range(60)
    )
    contracts = (
        "account_code,company,activated_at,current_period_started_at,expires_at\n"
        + "".join(
            f"rc-{n},Firm {n},2024-01-01T00:00:00Z,{days(n)},"
            f"{'2025-08-01T00:00:00Z' if n % 4 == 0 else ''}\n"
            for n in range(20)
        )
    )
    tables = proposed(folder(tmp_path, survey=survey, contracts=contracts))["tables"]
    assert tables["subscriptions"]["account"] == "company"
    assert tables["subscriptions"]["started_at"] == "activated_at"
    assert tables["subscriptions"]["ended_at"] == "expires_at"


def test_several_amounts_by_month_are_a_table_each(tmp_path):
    """Of the second, each month stood beside every row, also those before it."""
    names = [f"{month}/2025 {what}" for month in range(1, 7) for what in ("Volume", "Fees")]
    wide = f"CustomerId,{','.join(names)}\n" + "".join(
        f"{n},{','.join(str(n + k) for k in range(12))}\n" for n in range(1, 5)
    )
    place = folder(tmp_path, customers=CUSTOMERS, survey=SURVEY, banking=wide)
    activity = proposed(place)["tables"]["activity"]
    assert {
        name: (table["wide"]["columns"], table["measures"]) for name, table in activity.items()
    } == {
        "banking_volume": ("* Volume", ["volume"]),
        "banking_fees": ("* Fees", ["fees"]),
    }


@pytest.mark.parametrize(
    ("header", "time", "known"),
    [
        ("Date Received,Date Resolved", "Date Received", None),
        ("created_at,received_at", "created_at", "received_at"),
    ],
)
def test_when_something_was_received_is_its_time_or_when_it_was_known(
    tmp_path, header, time, known
):
    events = f"CustomerId,{header}\n" + "".join(
        f"{1 + n % 4},{days(n)},{days(n)}\n" for n in range(40)
    )
    place = folder(tmp_path, customers=CUSTOMERS, survey=SURVEY, events=events)
    (table, *_) = proposed(place)["tables"]["activity"].values()
    assert (table["time"], table.get("known_at")) == (time, known)


def test_the_end_of_a_contract_is_the_next_renewal_and_a_termination_a_loss(tmp_path):
    customers = "CustomerId,Company Name,Customer Since,Contract End,Termination Date\n" + "".join(
        f"{n},Firm {n},2023-01-05,2026-05-01,{'2025-03-01' if n % 2 else ''}\n"
        for n in range(1, 100)
    )
    tables = proposed(folder(tmp_path, customers=customers, survey=SURVEY))["tables"]
    assert tables["accounts"]["renewal_at"] == "Contract End"
    assert tables["churn"]["time"] == "Termination Date"
