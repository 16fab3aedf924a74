"""Model versions as the rest of npsight sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

CHAMPION = "champion"
CHALLENGER = "challenger"


@dataclass(frozen=True)
class VersionInfo:
    """One registered version.

    `digest` is the model digest of its bundle, `metrics` the newest of its run, `created_at`
    an instant in UTC.
    """

    version: int
    run_id: str
    created_at: datetime
    aliases: tuple[str, ...] = ()
    digest: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
