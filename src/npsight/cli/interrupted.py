"""Ctrl-C ends a command, wherever it arrives."""

from __future__ import annotations

import signal
import threading
from types import FrameType

_asked = False


def remember_interrupts() -> None:
    """From now on SIGINT raises `KeyboardInterrupt` and is remembered.

    The exception alone does not do: raised inside a finaliser or a callback of a C library it is
    printed and dropped, and an engine in the midst of a query reports an error of its own.
    Only the main thread may say so; in others nothing happens.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupt)


def was_interrupted() -> bool:
    """Whether SIGINT came since `remember_interrupts`."""
    return _asked


def end_if_interrupted() -> None:
    """Raise the `KeyboardInterrupt` that was dropped on its way, if there was one."""
    if _asked:
        raise KeyboardInterrupt


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt
