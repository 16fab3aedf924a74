"""What commands share: the project option, progress, and a few words for numbers."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from npsight.cli.interrupted import end_if_interrupted

if TYPE_CHECKING:
    from rich.console import Console

    from npsight.config.specs import ProjectSpec
    from npsight.errors import Problem

Config = Annotated[Path, typer.Option("--config", "-c", help="The project file.")]
DEFAULT_CONFIG = Path("npsight.yaml")


UNSEEN_WIDTH = 120


def make_console() -> Console:
    """A console as wide as the terminal, and wide enough for the tables where there is none."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal and "COLUMNS" not in console._environ:
        console = Console(width=UNSEEN_WIDTH)
    return console


@contextmanager
def steps(console: Console) -> Iterator[Callable[[str], None]]:
    """Show each step of a long job with the seconds since it began; on a terminal the current
    one spins. Raises the `KeyboardInterrupt` that was dropped during a step.
    """
    start = time.monotonic()
    last: list[str] = []

    def done() -> None:
        if last:
            console.print(f"[dim]{time.monotonic() - start:6.1f} s[/dim]  {last.pop()}")

    with console.status("starting") as status:

        def step(what: str) -> None:
            from rich.markup import escape

            end_if_interrupted()
            done()
            last.append(escape(what))
            status.update(escape(what))

        yield step
        end_if_interrupted()
        done()


@contextmanager
def until_stopped() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that what is under way is finished."""
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say_engine(project: ProjectSpec, console: Console, what: str = "Features built on") -> None:
    """Where features were computed, unless it was here."""
    if project.engine.kind != "duckdb":
        console.print(f"{what} {project.engine.title}", markup=False, highlight=False)


UNRANKED = {
    "detractor": "The detractor risk does not rank accounts",
    "promoter": "The promoter share does not rank accounts",
    "churn": "The churn risk does not rank accounts",
}


def say_warnings(problems: Iterable[Problem], console: Console) -> None:
    """What a job noticed on its way."""
    from rich.markup import escape

    for problem in problems:
        console.print(f"[bold yellow]![/] {escape(str(problem))}", highlight=False)


def say_unranked(parts: Iterable[str], console: Console) -> None:
    """Which numbers should order nothing: the backtest found no skill in them."""
    for part in parts:
        console.print(
            f"[bold yellow]![/] {UNRANKED[part]}: the backtest found nothing that tells them "
            "apart better than chance. Read it as a level, not as an order.",
            highlight=False,
        )


def percent(value: float | None) -> str:
    """A probability as whole percent; a dash for missing."""
    return "–" if value is None else f"{100 * value:.0f} %"


def signed(value: float | None) -> str:
    """NPS points with their sign; a dash for missing."""
    return "–" if value is None else f"{round(value):+d}"


def money(value: float | None) -> str:
    """Revenue with thousands separators; a dash for missing."""
    return "–" if value is None else f"{value:,.0f}"


def zone_of(project: ProjectSpec) -> ZoneInfo:
    """The zone in which days and clock times are shown: the project's, else UTC."""
    return ZoneInfo(project.timezone or "UTC")


def day(at: datetime, zone: ZoneInfo) -> str:
    """The calendar day of an instant in the zone, such as `2026-03-29`; naive ones are UTC."""
    return f"{_local(at, zone):%Y-%m-%d}"


def minute(at: datetime, zone: ZoneInfo) -> str:
    """Day and clock time of an instant in the zone, such as `2026-03-29 14:05`."""
    return f"{_local(at, zone):%Y-%m-%d %H:%M}"


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(zone)
