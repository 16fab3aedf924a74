"""Alerts in the project file: names that fit each other, hours and zones that are some."""

from __future__ import annotations

from pathlib import Path

import pytest
from alert_company import ALERTS, alert_project

from npsight.errors import ConfigError

GOOD = "alerts:\n  channels: {team: TEAM}\n  default: [team]\n"


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        (GOOD.replace("[team]", "[teem, team]"), ("alerts.default", "did you mean `team`?")),
        (GOOD + "  owners: {Ada: [ada]}\n", ("alerts.owners.Ada", "there is no channel `ada`")),
        (
            GOOD.replace("team: TEAM}", "team: TEAM, idle: IDLE}"),
            ("alerts.channels.idle", "nobody is told anything on this channel"),
        ),
        (GOOD + "  timezone: Mars/Base\n", ("alerts.timezone", "`Mars/Base` is no time zone")),
        (
            GOOD + '  quiet: {start: "09:00", end: "09:00", weekends: false}\n',
            ("alerts.quiet", "nothing is"),
        ),
        (GOOD + '  quiet: {start: "24:00"}\n', ("alerts.quiet.start", "form asked for")),
        (GOOD.replace("TEAM", '"slack://a/b/c"'), ("alerts.channels.team", "form asked for")),
        (GOOD + "  digest: {day: sunday}\n", ("alerts.digest.day", "must be one of")),
        (GOOD + "  events: [rain]\n", ("alerts.events", "must be one of")),
        (GOOD + "  link: https://nps.example.com/\n", ("alerts.link", "form asked for")),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, alerts: str, said: tuple[str, str]
) -> None:
    with pytest.raises(ConfigError, match="in the project file") as error:
        alert_project(tmp_path, alerts)
    key, words = said
    [problem] = error.value.problems
    assert problem.key.startswith(key)
    assert words in str(problem)
    assert problem.remedy
    assert "slack://a" not in str(error.value)


@pytest.mark.parametrize(
    "alerts", ["", GOOD, ALERTS, GOOD + "  owners: {Ada: []}\n", GOOD + "  quiet: {}\n"]
)
def test_what_can_be_meant_is_taken(tmp_path: Path, alerts: str) -> None:
    project = alert_project(tmp_path, alerts)
    # Addresses are looked up when something is sent: no variable is set here.
    assert set(project.alerts.channels.values()) <= {"TEAM", "TEAM_URL", "ADA_URL"}
