"""Ctrl-C ends a command even where the exception it raises is dropped or replaced."""

from __future__ import annotations

import io
import signal

import pytest
from rich.console import Console

from npsight.cli import app, interrupted
from npsight.cli.common import steps


@pytest.fixture(autouse=True)
def remembered(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(interrupted, "_asked", False)
    interrupted.remember_interrupts()
    yield
    signal.signal(signal.SIGINT, before)


class Freed:
    """Is interrupted while it is freed, where Python prints the exception and goes on."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def job(steps_after: int) -> None:
    """A job interrupted in its first step, with so many steps after it."""
    with steps(Console(file=io.StringIO())) as step:
        step("first")
        freed = Freed()
        del freed
        assert interrupted.was_interrupted()
        for number in range(steps_after):
            step(f"{number} after it")
            pytest.fail("the job went on")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("steps_after", [0, 1])
def test_dropped_by_a_finaliser_it_ends_the_job_after_the_step(steps_after):
    with pytest.raises(KeyboardInterrupt):
        job(steps_after)


def test_without_an_interrupt_steps_go_on():
    with steps(Console(file=io.StringIO())) as step:
        step("one")
        step("two")


def test_an_engine_that_reports_it_as_an_error_of_its_own_is_no_error(monkeypatch, capsys):
    def query() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("Query interrupted") from None

    monkeypatch.setattr(app, "app", query)
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == app.INTERRUPTED == 130
    assert capsys.readouterr().err == "Aborted.\n"


def test_an_error_without_an_interrupt_is_not_hidden(monkeypatch):
    def query() -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(app, "app", query)
    with pytest.raises(RuntimeError, match="a fault"):
        app.main()
