"""A folder of small tables, and what `npsight init` proposes for it, checked as it stands."""

from __future__ import annotations

from pathlib import Path

import yaml

from npsight.config.load import load_project
from npsight.jobs.check import check
from npsight.jobs.proposal.propose import propose

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
