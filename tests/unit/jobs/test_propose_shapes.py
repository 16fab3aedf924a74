"""What `npsight init` proposes where columns are many, and named as nobody should name them."""

from __future__ import annotations

import pytest
import yaml
from proposals import CUSTOMERS, LOGINS, SURVEY, folder, proposed

from npsight.config.load import load_project
from npsight.jobs.check import check
from npsight.jobs.proposal.propose import propose

LONG = "How many reports were exported in the department that buys everything part "
EVENTS = "".join(
    f"{1 + n % 4},2023-{1 + n % 12:02}-{1 + n % 28:02},{7_000 + n},{(n * n) % 13},{n % 7},0\n"
    for n in range(60)
)


def test_columns_whose_names_look_alike_are_all_kept(tmp_path):
    header = f"CustomerId,Day,Größe,GRÖSSE,{LONG}1,{LONG}2,As of,Größe\n"
    lines = "".join(
        f"{1 + n % 4},2023-0{1 + n % 9}-1{n % 10},{n % 3},{n % 4},{n % 5},{n % 6},{n % 7},{n % 8}\n"
        for n in range(40)
    )
    place = folder(tmp_path, Customers=CUSTOMERS, Survey=SURVEY, usage=header + lines)
    measures = proposed(place)["tables"]["activity"]["usage"]["measures"]
    assert list(measures.values()) == [
        *("Größe (1)", "GRÖSSE", f"{LONG}1", f"{LONG}2", "As of", "Größe (2)")
    ]
    assert list(measures)[:2] == ["grosse_1", "grosse"]
    assert (list(measures)[4], list(measures)[5]) == ("as_of_2", "grosse_2")
    (tmp_path / "project.yaml").write_text(propose(place, tmp_path))
    assert check(load_project(tmp_path / "project.yaml")).accounts == 4


def test_a_number_that_counts_the_rows_and_one_value_in_all_are_no_measures(tmp_path):
    usage = "CustomerId,Day,Vorgang,minutes,calls,always\n" + EVENTS
    place = folder(tmp_path, Customers=CUSTOMERS, Survey=SURVEY, usage=usage)
    found = proposed(place)
    assert found["tables"]["activity"]["usage"]["measures"] == ["minutes", "calls"]
    assert not [f for f in found["features"] if f.get("measure") in ("vorgang", "always")]


def test_numbers_with_gaps_and_those_that_recur_are_measures(tmp_path):
    usage = "CustomerId,Day,amount\n" + "".join(
        f"{1 + n % 4},2023-0{1 + n % 9}-1{n % 10},{100 + 2 * n}\n" for n in range(60)
    )
    place = folder(tmp_path, Customers=CUSTOMERS, Survey=SURVEY, usage=usage)
    assert proposed(place)["tables"]["activity"]["usage"]["measures"] == ["amount"]


@pytest.mark.parametrize(
    ("header", "scale"),
    [
        ("Weiterempfehlung (0-10)", None),
        ("Recommend us? 1 to 10", [1, 10]),
        ("How satisfied? (1–5), score", [1, 5]),
        ("Score (0 = nie, 7 = immer)", [0, 7]),
        ("score v1-5", [1, 10]),
        ("score 0-5", [1, 10]),
        ("score", [1, 10]),
    ],
)
def test_a_scale_that_the_header_names_is_taken_where_scores_fit(tmp_path, header, scale):
    scores = range(1, 6) if scale in ([1, 5], [0, 7]) else range(1, 11)
    lines = [f"{1 + n % 4},2023-03-{1 + n % 28:02},{s}" for n, s in enumerate([*scores] * 9)]
    survey = f'CustomerId,Date,"{header}"\n' + "\n".join(lines) + "\n"
    place = folder(tmp_path, Customers=CUSTOMERS, Logins=LOGINS, survey=survey)
    bands = proposed(place)["tables"]["responses"].get("bands")
    assert (bands and bands["scale"]) == scale


@pytest.mark.parametrize(
    ("column", "touchpoint"),
    [("survey_type", True), ("Programm", True), ("survey_language", False), ("Survey", True)],
)
def test_the_column_that_tells_surveys_apart_is_the_touchpoint(tmp_path, column, touchpoint):
    lines = "".join(
        f"{1 + n % 4},2023-03-{1 + n % 28:02},{n % 11},{'ab'[n % 2]}\n" for n in range(40)
    )
    survey = f"CustomerId,Date,Score,{column}\n" + lines
    place = folder(tmp_path, Customers=CUSTOMERS, Logins=LOGINS, survey=survey)
    found = proposed(place)["tables"]["responses"]
    assert found.get("touchpoint") == (column if touchpoint else None)


def test_people_who_are_listed_twice_still_lead_to_their_accounts(tmp_path):
    people = [f"p{n}@x.example,{1 + n % 4}" for n in range(60)] + ["P0@x.example,3"]
    contacts = "Email,CustomerId\n" + "\n".join(people) + "\n"
    survey = "Email,Date,Score\n" + "".join(
        f"{'Pp'[n % 2]}{n}@x.example,2023-03-{1 + n % 28:02},{n % 11}\n" for n in range(60)
    )
    place = folder(tmp_path, Customers=CUSTOMERS, contacts=contacts, survey=survey)
    tables = yaml.safe_load(propose(place, tmp_path))["tables"]
    assert "account_case" not in tables
    (lookup,) = tables["responses"]["lookup"]
    assert (lookup["by"], lookup["take"]) == ("Email", "CustomerId")
    (tmp_path / "project.yaml").write_text(propose(place, tmp_path))
    (answers,) = [
        table
        for table in check(load_project(tmp_path / "project.yaml")).tables
        if table.key == "tables.responses"
    ]
    assert (answers.good, answers.quarantined) == (59, 1)


@pytest.mark.parametrize(
    ("column", "days", "hours", "said"),
    [
        ("Month End", ["01-31", "02-28", "03-31", "04-30"], 24, "month or week that ends with"),
        ("week_ending", ["01-01", "01-08", "01-15", "01-22"], 24, "month or week that ends with"),
        ("week", ["01-01", "01-08", "01-15", "01-22"], 168, "the week that begins then"),
        ("month", ["01-01", "02-01", "03-01", "04-01"], 744, "the month that begins then"),
        ("at", ["01-31", "02-28", "03-31", "04-29"], 0, "hours until a row can first be read"),
    ],
)
def test_levels_are_known_when_their_period_is_over(tmp_path, column, days, hours, said):
    usage = f"CustomerId,{column},seats\n" + "".join(
        f"{account},2023-{day},{account + place}\n"
        for place, day in enumerate(days)
        for account in range(1, 5)
    )
    place = folder(tmp_path, Customers=CUSTOMERS, Survey=SURVEY, usage=usage)
    text = propose(place)
    assert yaml.safe_load(text)["tables"]["activity"]["usage"]["delay_hours"] == hours
    assert said in text


def test_what_is_written_in_other_letters_keeps_its_name_as_a_label(tmp_path):
    usage = "CustomerId,Day,错误数,登录次数,Größe\n" + "".join(
        f"{1 + n % 4},2023-0{1 + n % 9}-1{n % 10},{n % 3},{n % 4},{n % 5}\n" for n in range(40)
    )
    place = folder(tmp_path, Customers=CUSTOMERS, Survey=SURVEY, 使用情况=usage)
    found = yaml.safe_load(propose(place, tmp_path))
    (name, table), *_ = found["tables"]["activity"].items()
    first, second, third = table["measures"]
    assert list(table["measures"].values()) == ["错误数", "登录次数", "Größe"]
    labels = {f.get("measure"): f.get("label") for f in found["features"] if f["source"] == name}
    assert labels == {None: "使用情况", first: "错误数", second: "登录次数", third: None}
    assert found["drivers"] == {name: {"label": "使用情况"}}
    (tmp_path / "project.yaml").write_text(propose(place, tmp_path))
    assert load_project(tmp_path / "project.yaml").features
