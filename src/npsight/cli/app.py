"""The command line: one thin function a command; every heavy import waits for its command."""

from __future__ import annotations

import errno
import os
import sys

import typer

from npsight.cli.alerts import alerts_app
from npsight.cli.audit import audit_command
from npsight.cli.backtest import backtest_command
from npsight.cli.check import check_command
from npsight.cli.compare import compare_command
from npsight.cli.copystore import copy_store_command
from npsight.cli.erase import erase_command
from npsight.cli.explain import explain_command
from npsight.cli.impact import impact_command
from npsight.cli.init import init_command
from npsight.cli.interrupted import remember_interrupts, was_interrupted
from npsight.cli.keys import keys_app
from npsight.cli.monitor import monitor_command
from npsight.cli.promote import models_command, promote_command
from npsight.cli.score import export_command, score_command
from npsight.cli.segments import segments_command
from npsight.cli.serve import serve_command
from npsight.cli.simulate import simulate_command, truth_command
from npsight.cli.train import train_command
from npsight.cli.users import users_app
from npsight.cli.webhooks import deliver_command, webhooks_app
from npsight.cli.worklist import worklist_command
from npsight.cli.writeback import writeback_app
from npsight.config.runtime import let_threads_sleep
from npsight.errors import NpsightError, StateError

INTERRUPTED = 130
"""The exit code that shells give to a command ended by SIGINT."""
_OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
EPILOG = """A first look, without any data of your own:

npsight simulate --to var/demo/data && npsight train -c configs/demo.yaml &&
npsight score -c configs/demo.yaml && npsight worklist -c configs/demo.yaml
"""

app = typer.Typer(
    name="npsight",
    help="Foresees next period's NPS, account by account: whom to call this week, and why.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

START = "Start"
MODELS = "Models"
DAILY = "Every day"
SERVICE = "Service"
app.command("init", rich_help_panel=START)(init_command)
app.command("check", rich_help_panel=START)(check_command)
app.command("simulate", rich_help_panel=START)(simulate_command)
app.command("train", rich_help_panel=MODELS)(train_command)
app.command("audit", rich_help_panel=MODELS)(audit_command)
app.command("backtest", rich_help_panel=MODELS)(backtest_command)
app.command("models", rich_help_panel=MODELS)(models_command)
app.command("compare", rich_help_panel=MODELS)(compare_command)
app.command("promote", rich_help_panel=MODELS)(promote_command)
app.command("monitor", rich_help_panel=MODELS)(monitor_command)
app.command("truth", rich_help_panel=MODELS)(truth_command)
app.command("score", rich_help_panel=DAILY)(score_command)
app.command("worklist", rich_help_panel=DAILY)(worklist_command)
app.command("segments", rich_help_panel=DAILY)(segments_command)
app.command("explain", rich_help_panel=DAILY)(explain_command)
app.command("impact", rich_help_panel=DAILY)(impact_command)
app.command("export", rich_help_panel=DAILY)(export_command)
app.command("erase", rich_help_panel=DAILY)(erase_command)
app.command("serve", rich_help_panel=SERVICE)(serve_command)
app.add_typer(users_app, name="users", rich_help_panel=SERVICE)
app.add_typer(keys_app, name="keys", rich_help_panel=SERVICE)
app.add_typer(writeback_app, name="writeback", rich_help_panel=SERVICE)
app.add_typer(webhooks_app, name="webhooks", rich_help_panel=SERVICE)
app.add_typer(alerts_app, name="alerts", rich_help_panel=SERVICE)
app.command("deliver", rich_help_panel=SERVICE)(deliver_command)
app.command("copy-store", rich_help_panel=SERVICE)(copy_store_command)


def main() -> None:
    """Run the command line; a mendable error ends with its message and its own exit code."""
    let_threads_sleep()
    remember_interrupts()
    try:
        app()
    except Exception as error:
        if was_interrupted():
            print("Aborted.", file=sys.stderr)
            sys.exit(INTERRUPTED)
        if isinstance(error, NpsightError):
            print(f"error: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
        if isinstance(error, OSError) and (error.filename or error.errno in _OF_A_DISK):
            # Of a full disk neither Python nor Arrow names the file.
            place = error.filename or "a file of the state folder, or of the temporary folder"
            print(
                f"error: {place}: {os.strerror(error.errno or 0)}\n"
                "  → check that path, its permissions and the free space there",
                file=sys.stderr,
            )
            sys.exit(StateError.exit_code)
        raise


if __name__ == "__main__":
    main()
