"""A scored project whose runs, answers and follow-ups tests write as they need them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from tiny_project import CONFIG

from npsight.config.load import load_project
from npsight.config.specs import ProjectSpec
from npsight.store import ScoreChange, ScoreRow, ScoreRun, Store, record_changes
from npsight.store.marks import mark
from npsight.store.tables import scores

DAY = datetime(2026, 6, 1, 6, tzinfo=UTC)
RISKS = {"low": 0.1, "medium": 0.35, "high": 0.63}
ALERTS = """\
alerts:
  channels: {team: TEAM_URL, ada: ADA_URL}
  default: [team]
  owners: {Ada: [ada]}
  link: https://nps.example.com
"""


def alert_project(folder: Path, alerts: str = ALERTS) -> ProjectSpec:
    """The project of a file in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "tiny.yaml"
    file.write_text(CONFIG + alerts, encoding="utf-8")
    (folder / "accounts.csv").write_text("account\n")
    (folder / "responses.csv").write_text("account,at,score\n")
    return load_project(file)


def account(key: str, level: str = "low", owner: str | None = "Ada", **more: Any) -> ScoreRow:
    """An account of a run."""
    driver = {
        "driver": "use",
        "label": "Use",
        "points": 0.2,
        "nps_points": -9.0,
        "sentence": "Logins fell from 120 to 41 a week.",
        "actionable": True,
        "play": "",
    }
    values: dict[str, Any] = {
        "name": f"Company {key}",
        "owner": owner,
        "revenue": 1000.0,
        "risk_level": level,
        "detractor_risk": RISKS[level],
        "drivers": [driver],
        "as_of": DAY,
        **more,
    }
    return ScoreRow(key, **values)  # fmt: skip


def write_run(store: Store, number: int, rows: Sequence[ScoreRow], project: str = "tiny") -> str:
    """A run of these accounts, a day later than the one before; returns its id."""
    at = DAY + timedelta(days=number)
    run = ScoreRun(f"{project}-r{number}", project, at, at, 1, "digest")
    store.write_run(run, rows, [])
    return run.id


def rise(store: Store, key: str, run_id: str, at: datetime, project: str = "tiny") -> None:
    """An account's risk becomes high by an answer that was posted."""
    before = {"risk_level": "low", "detractor_risk": 0.1}
    after = {"risk_level": "high", "detractor_risk": 0.63}
    with store.writing() as connection:
        mine = (scores.c.run_id == run_id) & (scores.c.account == key)
        connection.execute(
            update(scores).where(mine).values(risk_level="high", detractor_risk=0.63)
        )
        record_changes(
            connection, project, run_id, "response", [ScoreChange(key, before, after)], at
        )


def follow_up(store: Store, key: str, state: str | None, due_on: date | None) -> None:
    """The state of an account's follow-up."""
    with store.writing() as connection:
        mark(connection, "tiny", key, DAY, state=state, due_on=due_on)


def compile_once(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Have the processes that send find Apprise's modules compiled, all but the first."""
    patch.setenv("PYTHONPYCACHEPREFIX", str(folder / "compiled"))
    patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
