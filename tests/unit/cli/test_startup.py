"""Nothing heavy is imported before a command needs it, and every command shows an example."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from npsight.cli.app import app

HEAVY = ("lightgbm", "mlflow", "bentoml", "shap", "ibis", "duckdb", "pandas", "sklearn", "scipy",
         "matplotlib", "sqlalchemy", "textblob", "pyarrow")  # fmt: skip
GROUPS = {group.name: group.typer_instance for group in app.registered_groups}
COMMANDS = [command.name for command in app.registered_commands] + [
    f"{name} {command.name}"
    for name, group in GROUPS.items()
    for command in group.registered_commands
]


def loaded(code: str) -> list[str]:
    """The heavy packages that a fresh interpreter has loaded after the code."""
    check = (
        f"import sys\n{code}\nprint([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", check],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found: list[str] = eval(done.stderr.strip().splitlines()[-1])
    return found


def run(*arguments: str) -> str:
    """Code that runs the command line in a fresh interpreter."""
    return (
        f"sys.argv = ['npsight', *{arguments!r}]\n"
        "from npsight.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )


def test_the_check_sees_a_heavy_import():
    assert loaded("import duckdb") == ["duckdb"]


def test_importing_the_package_is_light():
    assert loaded("import npsight") == []


def test_help_is_light():
    assert loaded(run("--help")) == []


def test_help_of_a_command_is_light():
    assert loaded(run("train", "--help")) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example(command):
    from typer.testing import CliRunner

    done = CliRunner().invoke(
        app, [*command.split(), "--help"], env={**os.environ, "COLUMNS": "200"}
    )
    assert done.exit_code == 0
    assert "Example:" in done.output
    assert f"npsight {command} " in done.output
    assert "--help" in done.output


def test_all_commands_are_in_the_help():
    from typer.testing import CliRunner

    output = CliRunner().invoke(app, ["--help"]).output
    named = [command for command in COMMANDS if " " not in command] + list(GROUPS)
    assert sorted(named) == sorted(
        ["alerts", "init", "check", "simulate", "audit", "backtest", "train", "models", "compare", "monitor", "promote", "truth", "score", "worklist",
         "segments", "explain", "export", "erase", "serve", "keys", "writeback", "deliver", "webhooks", "users", "impact", "copy-store"]
    )  # fmt: skip
    assert all(f" {command} " in output for command in named)
