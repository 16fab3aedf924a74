"""`npsight alerts`: owners are told what happened to their accounts, on the channels they read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console, until_stopped

if TYPE_CHECKING:
    from rich.console import Console

    from npsight.config.specs import ProjectSpec
    from npsight.jobs.alerts import Plan
    from npsight.outgoing.alerts import AlertReport
    from npsight.store import Store

alerts_app = typer.Typer(
    help="Messages to account owners, on Slack, Teams, e-mail and others: at most once each.\n\n"
    "Example: npsight alerts run -c configs/demo.yaml --dry-run",
    rich_markup_mode="rich",
    no_args_is_help=True,
)
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print what would be sent, and change nothing.")
]
SHOWN = ("waiting", "sending", "failed", "uncertain", "sent")


@contextmanager
def _opened(config: Path) -> Iterator[tuple[ProjectSpec, Store]]:
    from npsight.config.load import load_project
    from npsight.errors import ConfigError, Problem
    from npsight.store import open_project_store

    project = load_project(config)
    if not project.alerts.channels:
        remedy = "name one under `alerts.channels` in the project file; see docs/alerts.md"
        raise ConfigError("nobody can be told", [Problem("there is no channel", remedy)])
    with closing(open_project_store(project)) as store:
        yield project, store


@alerts_app.command("run")
def run_command(
    config: Config = DEFAULT_CONFIG,
    dry_run: DryRun = False,
    watch: Annotated[
        float | None,
        typer.Option(min=1, help="Go on, looking again every so many seconds, until stopped."),
    ] = None,
) -> None:
    """Find what is new, and tell owners of it; with --watch also send the digest on its day.

    Example: npsight alerts run -c configs/demo.yaml --watch 300
    """
    from npsight.errors import NpsightError
    from npsight.jobs.alerts import plan_alerts

    console = make_console()
    with _opened(config) as (project, store):
        if dry_run:
            print_plan(project, plan_alerts(project, store, _now(), dry_run=True), console)
            return
        with until_stopped() as stop:
            if watch is None:
                _look_and_send(project, store, stop, console, digest=False)
            while watch is not None and not stop.is_set():
                try:
                    _look_and_send(project, store, stop, console, digest=True)
                except NpsightError as error:
                    # What failed now may succeed at the next look.
                    console.print(f"error: {error}", markup=False, highlight=False)
                stop.wait(watch)


def _look_and_send(
    project: ProjectSpec, store: Store, stop: threading.Event, console: Console, digest: bool
) -> None:
    from npsight.jobs.alerts import plan_alerts, zone_of
    from npsight.worklist.alerting import digest_week

    now, asked = _now(), project.alerts.digest
    week = digest_week(now, asked, zone_of(project)) if digest and asked else None
    say_plan(project, plan_alerts(project, store, now, week), console)
    _say_report(_send(project, store, stop, console), console)


@alerts_app.command("digest")
def digest_command(
    config: Config = DEFAULT_CONFIG,
    dry_run: DryRun = False,
    now: Annotated[
        bool, typer.Option("--now", help="Before its day and time, too; still once a week.")
    ] = False,
) -> None:
    """Send each owner their week, once in an ISO week, from the configured day and time on.

    Example: npsight alerts digest -c configs/demo.yaml --dry-run --now
    """
    from npsight.errors import ConfigError, Problem
    from npsight.jobs.alerts import plan_alerts, zone_of
    from npsight.worklist.alerting import digest_week

    console = make_console()
    with _opened(config) as (project, store):
        digest = project.alerts.digest
        if digest is None and not now:
            remedy = "add `digest: {}` under `alerts`, or ask for one with --now"
            raise ConfigError("no digest was sent", [Problem("no day is set for it", remedy)])
        at = _now()
        week = digest_week(at, None if now else digest, zone_of(project))
        if week is None:
            assert digest is not None
            console.print(
                f"This week's digest is sent from {digest.day.title()} {digest.at} on "
                f"({zone_of(project).key}); --now sends it at once.",
                highlight=False,
            )
            return
        plan = plan_alerts(project, store, at, week, events=False, dry_run=dry_run)
        if dry_run:
            print_plan(project, plan, console)
            return
        say_plan(project, plan, console)
        with until_stopped() as stop:
            report = _send(project, store, stop, console)
    _say_report(report, console)


@alerts_app.command("test")
def try_command(
    channel: Annotated[str, typer.Argument(help="The channel's name in the project file.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Send a channel a message that tells of no account, now.

    Example: npsight alerts test team -c configs/demo.yaml
    """
    from npsight.config.checks import suggest
    from npsight.errors import ConfigError, NotFoundError, OutgoingError, Problem
    from npsight.outgoing.alerts import REASONS, Courier, addresses_of
    from npsight.worklist.alerting import message_id

    with _opened(config) as (project, _):
        channels = project.alerts.channels
        if channel not in channels:
            raise NotFoundError(
                f"there is no channel {channel!r}\n  → {suggest(channel, channels)}"
            )
        found, missing = addresses_of(project.alerts, [channel])
        if missing:
            remedy = f"export {channels[channel]}=… with the address, as Apprise writes it"
            raise ConfigError("nothing was sent", [Problem(missing[channel], remedy)])
        identity = message_id(project.name, "test", channel, _now().isoformat())
        body = f"npsight can reach this channel ({channel} of {project.name}). message {identity}"
        with Courier() as courier:
            problem = courier.problem(found[channel])
            outcome, reason = "", ""
            if not problem:
                outcome, reason = courier.send(found[channel], "A test of npsight", body, identity)
    if outcome != "sent":
        said = problem or REASONS.get(reason, reason)
        raise OutgoingError(
            f"{channel}: {said}\n  → check {channels[channel]}; docs/alerts.md has examples"
        )
    make_console().print(f"{channel} took the message.", highlight=False, markup=False)


@alerts_app.command("list")
def list_command(
    config: Config = DEFAULT_CONFIG,
    top: Annotated[int, typer.Option(min=1, help="How many messages to show.")] = 30,
) -> None:
    """Show messages: waiting, failed, perhaps not received (uncertain), and sent.

    Example: npsight alerts list -c configs/demo.yaml
    """
    from rich.table import Table
    from rich.text import Text

    from npsight.jobs.alerts import zone_of
    from npsight.outgoing.alerts import REASONS
    from npsight.store.alertmessages import message_counts, messages
    from npsight.store.alerts import waiting_events
    from npsight.worklist.alertwords import inert

    with _opened(config) as (project, store), store.reading() as connection:
        counts = message_counts(connection, project.name)
        pending = sum(waiting_events(connection, project.name).values())
        rows = [
            row
            for status in SHOWN
            for row in messages(connection, project.name, (status,), limit=top)
        ][:top]
    console, zone = make_console(), zone_of(project)
    table = Table(
        "message", "made", "state", "kind", "owner", "channel", "tells of", "tries", "why"
    )
    for row in rows:
        known = row.channel in project.alerts.channels
        why = "" if row.status == "sent" else REASONS.get(row.outcome or "", row.outcome or "")
        table.add_row(
            row.id,
            f"{row.created_at.astimezone(zone):%Y-%m-%d %H:%M}",
            row.status,
            row.kind,
            Text(inert(row.owner, 60) or "–"),
            row.channel,
            str(row.events),
            str(row.attempts),
            why if known else "the channel is no longer in the project file",
        )
    console.print(table if rows else "No message was made yet.")
    told = ", ".join(f"{counts[status]:,} {status}" for status in SHOWN if counts.get(status))
    if told:
        console.print(f"{told}.", highlight=False)
    if pending:
        console.print(
            f"{pending:,} events wait to be put into a message (quiet hours, or no run since).",
            highlight=False,
        )


@alerts_app.command("retry")
def retry_command(
    message: Annotated[str, typer.Argument(help="Id of a failed or uncertain message.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Have a failed or uncertain message sent once more; an uncertain one may arrive twice.

    Example: npsight alerts retry 3f2a9c51d0e4b7a8 -c configs/demo.yaml
    """
    from npsight.store.alertmessages import revive_message

    with _opened(config) as (project, store):
        revive_message(store, project.name, message, "npsight alerts retry", _now())
    make_console().print(
        f"{message} waits again; `npsight alerts run` sends it.", highlight=False, markup=False
    )


def print_plan(project: ProjectSpec, plan: Plan, console: Console) -> None:
    """Exactly what would be sent, and to whom."""
    from npsight.worklist.alertwords import counted

    say_plan(project, plan, console)
    if not plan.due:
        console.print("Nothing would be sent.")
    for message in plan.due:
        later = message.next_at is not None and message.next_at > _now()
        when = f", not before {message.next_at:%Y-%m-%d %H:%M}Z" if later else ""
        console.rule(f"to {message.channel}{when}", align="left", characters="─")
        console.print(message.title, style="bold", markup=False, highlight=False, soft_wrap=True)
        console.print(message.body, markup=False, highlight=False, soft_wrap=True)
    if plan.due:
        console.rule(characters="─")
        count = counted(len(plan.due), "message", "messages")
        console.print(f"{count}; nothing was sent or changed.", highlight=False)


def say_plan(project: ProjectSpec, plan: Plan, console: Console) -> None:
    """What was found, in a line or two."""
    from npsight.jobs.alerts import zone_of
    from npsight.worklist.alertwords import counted

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    names = {
        "high_risk": ("risk that became high", "risks that became high"),
        "detractor_answer": (
            "detractor answer on a large account",
            "detractor answers on large accounts",
        ),
        "follow_up_due": ("follow-up that is due", "follow-ups that are due"),
    }
    if plan.skipped is not None:
        skipped = plan.skipped
        say(
            "First look: alerts start from now. Not told, for they were there before: "
            f"{counted(skipped.high_risk, 'account', 'accounts')} at high risk, "
            f"{counted(skipped.detractor_answers, *names['detractor_answer'])}, "
            f"{counted(skipped.follow_ups_due, *names['follow_up_due'])}."
        )
    else:
        found = [counted(plan.events[kind], *names[kind]) for kind in names if kind in plan.events]
        say(f"New: {', '.join(found)}." if found else "Nothing new.")
    if plan.unrouted:
        say(f"{plan.unrouted:,} of them have no channel: see `alerts.default`.")
    if plan.quiet_until is not None:
        local = plan.quiet_until.astimezone(zone_of(project))
        say(f"Quiet hours: nothing is sent before {local:%Y-%m-%d %H:%M} ({zone_of(project).key}).")
    if plan.uncertain:
        say(
            f"{plan.uncertain:,} messages were being sent when their job ended: perhaps not "
            "received, and not sent again. See `npsight alerts list`."
        )


def _send(
    project: ProjectSpec, store: Store, stop: threading.Event, console: Console
) -> AlertReport:
    from npsight.jobs.alerts import zone_of
    from npsight.outgoing.alerts import AlertReport, AlertSender, Courier, addresses_of
    from npsight.store.alertmessages import waiting_channels
    from npsight.worklist.alerting import quiet_until

    zone, quiet = zone_of(project), project.alerts.quiet
    now = _now()
    with store.reading() as connection:
        due = waiting_channels(connection, project.name, now)
    wanted = [name for name in project.alerts.channels if name in due]
    if not wanted or quiet_until(now, quiet, zone) is not None:
        return AlertReport()
    found, missing = addresses_of(project.alerts, wanted)
    with Courier() as courier, console.status("sending") as status:
        sender = AlertSender(store, project.name, courier, found)
        report = sender.run(
            stop,
            lambda at: quiet_until(at, quiet, zone) is not None,
            lambda r: status.update(f"sent {r.sent:,}, failed {r.retried + r.failed:,}"),
        )
    report.unusable.update(missing)
    return report


def _say_report(report: AlertReport, console: Console) -> None:
    """Counts; raises OutgoingError where something could not be sent."""
    from npsight.errors import OutgoingError
    from npsight.outgoing.alerts import REASONS

    console.print(f"Sent {report.sent:,}.", highlight=False)
    if report.is_clean:
        return
    lines = [
        f"{count:,} {words}"
        for count, words in (
            (report.retried, "failed and will be tried again"),
            (report.failed, "failed for the last time"),
            (report.uncertain, "perhaps not received, and not sent again"),
        )
        if count
    ]
    lines += [f"{name}: {why}" for name, why in sorted(report.unusable.items())]
    lines += [f"{name}: {REASONS.get(w, w)}" for name, w in sorted(report.reasons.items())]
    raise OutgoingError(
        f"not everything could be sent: {'; '.join(lines)}\n"
        "  → `npsight alerts list` shows each message, `npsight alerts test CHANNEL` tries one"
    )


def _now() -> datetime:
    return datetime.now(UTC)
