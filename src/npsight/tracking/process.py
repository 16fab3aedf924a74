"""Which process owns a run, so that the runs of dead ones can be told."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

PID_TAG = "npsight.pid"
HOST_TAG = "npsight.host"


def process_tags() -> dict[str, str]:
    """Tags that name this process."""
    return {PID_TAG: str(os.getpid()), HOST_TAG: socket.gethostname()}


def is_orphan(tags: Mapping[str, str]) -> bool:
    """Whether a run's process was on this host and is gone."""
    pid = tags.get(PID_TAG, "")
    if tags.get(HOST_TAG) != socket.gethostname() or not pid.isdecimal() or os.name == "nt":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
