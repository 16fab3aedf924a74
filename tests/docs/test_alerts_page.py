"""The page on alerts says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import yaml
from typer.main import get_command

from npsight.cli.app import app
from npsight.config.alertchecks import check_alerts
from npsight.config.outside import ALLOW_VARIABLE
from npsight.config.schema import Alerts
from npsight.config.schema.alerts import Event
from npsight.jobs.messages.digest import WEEK
from npsight.outgoing.alerts import AlertSettings
from npsight.store.alertfacts import LARGE_SHARE
from npsight.store.alertmessages import KEEP_TEXTS, Status
from npsight.worklist.alerting import ANSWER_DAYS
from npsight.worklist.alertwords import MOST_CHARACTERS, MOST_LISTED

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text("utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_settings_are_valid() -> None:
    [text] = [text for kind, text in FENCE.findall(PAGE) if kind == "yaml"]
    alerts = Alerts.model_validate(yaml.safe_load(text)["alerts"])
    assert list(check_alerts(alerts)) == []
    variables = set(re.findall(r"^export (\w+)=", PAGE, re.MULTILINE))
    assert variables == set(alerts.channels.values())


def test_every_event_and_state_is_explained() -> None:
    names = [*get_args(Event), *get_args(Status)]
    assert [name for name in names if f"\n| `{name}` |" not in PAGE] == []


def test_every_command_exists() -> None:
    command = get_command(app).commands["alerts"]  # type: ignore[attr-defined]
    used = set(re.findall(r"npsight alerts (\w+)", PAGE))
    assert used == set(command.commands)
    options = {o for c in command.commands.values() for p in c.params for o in p.opts}
    assert set(re.findall(r"--[a-z-]+", "".join(t for _, t in FENCE.findall(PAGE)))) <= options


def test_the_figures_are_those_of_the_code() -> None:
    settings, page = AlertSettings(), " ".join(PAGE.split())
    assert f"ended after {settings.answer_seconds:g} seconds" in page
    assert f"`uncertain` after {settings.lease_seconds:g} seconds" in page
    assert settings.answer_seconds < settings.lease_seconds
    waits = [
        min(settings.longest_wait_seconds, settings.first_wait_seconds * settings.wait_factor**n)
        for n in range(settings.tries - 1)
    ]
    # Each wait is three quarters of its full length on average.
    assert 0.75 * sum(waits) / 3600 < 15 < sum(waits) / 3600
    assert f"refused {settings.tries} times over about 15 hours" in page
    assert f"in the {ANSWER_DAYS} days before" in page
    assert f"at most {MOST_LISTED} accounts and about {MOST_CHARACTERS:,} characters" in page
    assert f"Texts are kept for {KEEP_TEXTS.days} days" in page
    assert WEEK.days == 7
    assert LARGE_SHARE == 1 / 5
    assert f"`{ALLOW_VARIABLE}`" in page
