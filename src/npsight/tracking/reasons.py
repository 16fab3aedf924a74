"""Why a registry cannot be used, in words that say what to mend."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

from npsight.errors import RegistryAwayError, RegistryRefusedError, StateError

_LATER = "then retry; the service keeps its cached champion meanwhile"


def unusable(shown: str, error: Exception, hidden: bool) -> StateError:
    """The error of a registry as one that a user can mend.

    Parameters
    ----------
    shown
        The registry's address without its password.
    hidden
        Whether the error's own words may hold a password, and are left out.
    """
    if _is_full(error):
        return StateError(
            f"{shown}: the disk of the model registry is full\n"
            "  → free some space, then run the same command again; nothing was registered"
        )
    refused = _refusal(error)
    if refused:
        return RegistryRefusedError(f"{shown}: the model registry {refused}")
    absent = _absence(error)
    if absent:
        return away(shown, absent)
    reason = type(error).__name__ if hidden else first_line(error)
    return StateError(
        f"{shown}: the model registry cannot be used ({reason})\n"
        f"  → check that it is running, reachable and writable, {_LATER}"
    )


def away(shown: str, why: str) -> RegistryAwayError:
    """The error of a registry that does not answer."""
    return RegistryAwayError(
        f"{shown}: the model registry cannot be used ({why})\n"
        f"  → check that it is running and reachable, {_LATER}"
    )


def first_line(error: Exception) -> str:
    """The first line of its message, cut; the name of its type where it has none."""
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__


def _refusal(error: Exception) -> str:
    code = getattr(error, "error_code", "")
    if code == "UNAUTHENTICATED":
        return (
            "does not know who asks (401)\n  → export MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    if code == "PERMISSION_DENIED":
        return (
            "does not allow this to who asks (403)\n  → scoring needs the right to read the "
            "project's experiment and model, training and promoting the right to edit both: "
            "docs/mlflow.md"
        )
    return ""


def _absence(error: Exception) -> str:
    """How a registry fails to answer; "" where it did, or where that cannot be told."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                "its certificate is not trusted; MLFLOW_TRACKING_SERVER_CERT_PATH names a file of "
                "certificates that are"
            )
        if isinstance(cause, ssl.SSLError):
            return "it does not speak TLS; is the address http:// and not https://?"
        if isinstance(cause, socket.gaierror):
            return "the name of its host is not known"
        if isinstance(cause, ConnectionRefusedError):
            return "nothing answers there"
        if isinstance(cause, TimeoutError) or "timeout" in type(cause).__name__.lower():
            return "no answer in time"
        if isinstance(cause, ConnectionError):
            return "it hangs up without an answer"
    code = getattr(error, "error_code", "")
    if code == "TEMPORARILY_UNAVAILABLE" or "too many 5" in str(error):
        return "it answers with errors"
    return ""


def _is_full(error: Exception) -> bool:
    """Whether a full disk is what an error came from, however often it was wrapped."""
    return any(
        (isinstance(cause, OSError) and cause.errno == errno.ENOSPC) or "disk is full" in str(cause)
        for cause in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from, the nearest first; urllib3 keeps some in `reason`."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        reason = getattr(error, "reason", None)
        if isinstance(reason, BaseException):
            yield from _causes(reason)
        error = error.__cause__ or error.__context__
