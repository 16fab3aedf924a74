"""What `npsight init` proposes for exports as survey, billing and support tools write them."""

from __future__ import annotations

import json

import yaml
from proposals import folder, proposed

from npsight.jobs.proposal.propose import propose

COMPANIES = "Record ID,Company name,Company owner,Create Date,Company Domain Name,Country\n" + (
    "".join(f"{8000 + n},Firm {n} Ltd,Ada,2023-01-05 10:00,firm{n}.com,DE\n" for n in range(20))
)
ANSWERS = "ID,Email,Score,Comment,Created at\n" + "".join(
    f"{n},ann@firm{n % 20}.com,{n % 11},quite fine so far,2025-0{1 + n % 6}-05 10:00:00 UTC\n"
    for n in range(60)
)


def test_companies_and_answers_of_marketing_tools(tmp_path):
    tables = proposed(folder(tmp_path, all_companies=COMPANIES, delighted=ANSWERS))["tables"]
    accounts = tables["accounts"]
    assert (accounts["key"], accounts["created_at"]) == ("Company name", "Create Date")
    assert "name" not in accounts, "a domain is no name"
    assert tables["responses"]["lookup"][0]["take"] == "Company name"


def test_invoices_and_conversations_are_found_by_domain_beside_keys_of_their_own(tmp_path):
    invoices = "id,Customer,Customer Email,Date (UTC),Total\n" + "".join(
        f"in_{n},cus_{n % 20:04},billing@firm{n % 20}.com,2025-0{1 + n % 6}-05 10:00,{n}\n"
        for n in range(60)
    )
    place = folder(tmp_path, all_companies=COMPANIES, delighted=ANSWERS, invoices=invoices)
    talks = [
        {"id": n, "created_at": 1_740_000_000 + n, "source": {"author": {"email": mail}}}
        for n, mail in enumerate(f"cy@firm{n % 20}.com" for n in range(60))
    ]
    envelope = {"type": "conversation.list", "conversations": talks, "total": 60}
    (place / "talks.json").write_text(json.dumps(envelope, indent=1))
    activity = proposed(place)["tables"]["activity"]
    assert activity["invoices"]["lookup"][0]["by"] == "Customer Email"
    assert activity["talks"]["lookup"][0]["by"] == "source.author.email"
    assert activity["talks"]["time_format"] == "epoch_s"


def test_lists_of_an_accounting_system(tmp_path):
    debtors = "Kundennummer;Name 1;Erfasst am;Branche\n" + "".join(
        f"{10_000 + n};Firma {n};03.01.2023;{'Bau' if n % 2 else 'Handel'}\n" for n in range(20)
    )
    items = "Debitor;Belegnr;Belegdatum;Nettofälligkeit;Betrag;Ausgleich\n" + "".join(
        f"{10_000 + n % 20};{1_800_000_000 + n};{1 + n % 28:02}.0{1 + n % 6}.2025;03.09.2025;"
        f"1.{n:03},50{'-' if n % 9 == 0 else ''};{'' if n % 3 else '04.07.2025'}\n"
        for n in range(60)
    )
    survey = "Kundennummer;Ansprechpartner;Datum;Weiterempfehlung;Kommentar\n" + "".join(
        f"{10_000 + n % 20};Frau {n};{1 + n % 28}. März 2025;{n % 11};Alles in bester Ordnung\n"
        for n in range(60)
    )
    place = folder(tmp_path, debitoren=debtors, posten=items, umfrage=survey)
    tables = proposed(place)["tables"]
    assert (tables["accounts"]["key"], tables["accounts"]["created_at"]) == (
        "Kundennummer",
        "Erfasst am",
    )
    assert tables["responses"]["respondent"] == "Ansprechpartner"
    opened, ended = tables["activity"]["posten"], tables["activity"]["posten_ended"]
    assert (opened["time"], opened["ended_at"]) == ("Belegdatum", "Ausgleich")
    assert ended["measures"] == {"betrag": "Betrag"}, "the number of a document is no amount"


def test_a_survey_and_customers_in_french(tmp_path):
    customers = "Réf client;Société;Site web;Client depuis;Chiffre d'affaires\n" + "".join(
        f'C-{n};Société {n};http://www.s{n}.fr/;{1 + n} févr. 2023;"1 {n:03},00 €"\n'
        for n in range(20)
    )
    question = "Recommanderiez-vous notre service ?"
    answers = f"#,{question},Pourquoi ?,Votre e-mail,Start Date,Submit Date,Network ID\n" + "".join(
        f"x{n},{n % 11},Le support est lent,a@s{n % 20}.fr,2025-03-01 10:00,2025-03-01 10:09,ab1\n"
        for n in range(60)
    )
    text = propose(folder(tmp_path, clients=customers, typeform=answers))
    tables = yaml.safe_load(text)["tables"]
    accounts, responses = tables["accounts"], tables["responses"]
    assert (accounts["key"], accounts["name"]) == ("Réf client", "Société")
    assert (accounts["created_at"], accounts["time_format"]) == ("Client depuis", "%d %B %Y")
    assert (responses["time"], responses["comment"]) == ("Submit Date", "Pourquoi ?")
    assert (responses["account"], responses["respondent"]) == ("Réf client", "Votre e-mail")


def test_surveys_that_call_the_score_an_answer_and_requests_with_months_between_slashes(tmp_path):
    survey = "response_id,customer_id,email,answer,comment,sent,responded\n" + "".join(
        f"{n},acct_{n % 20},p{n}@x.io,{'' if n % 3 else n % 11},{'' if n % 3 else 'works for us'},"
        f"{1_740_000_000 + n * 86_400},{'' if n % 3 else 1_740_090_000 + n * 86_400}\n"
        for n in range(90)
    )
    issues = "Issue key,customer_id,Created,Resolved\n" + "".join(
        f"SUP-{n},acct_{n % 20},{1 + n % 28:02}/Mar/25 9:3{n % 10} PM,"
        f"{'' if n % 5 else '02/Apr/25 8:00 AM'}\n"
        for n in range(60)
    )
    companies = "customer_id,Name,Customer From\n" + "".join(
        f"acct_{n},Firm {n},{1 + n % 28:02}/Jan/24\n" for n in range(20)
    )
    place = folder(tmp_path, asknicely=survey, jira=issues, companies=companies)
    tables = proposed(place)["tables"]
    assert tables["responses"]["score"] == "answer"
    assert tables["responses"]["time"] == "responded"
    assert tables["responses"]["invited_at"] == "sent"
    assert tables["activity"]["jira"]["time"] == "Created"
    assert tables["activity"]["jira"]["time_format"] == "%d/%b/%y %I:%M %p"
    assert tables["accounts"]["created_at"] == "Customer From"
