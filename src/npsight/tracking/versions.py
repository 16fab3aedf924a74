"""Model versions as the rest of npsight sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

CHAMPION = "champion"
CHALLENGER = "challenger"
DIGEST_TAG = "npsight.digest"


@dataclass(frozen=True)
class VersionInfo:
    """One registered version.

    `digest` is the model digest of its bundle, `metrics` the newest of its run, `params` the
    settings of that, `created_at` an instant in UTC. `status` is that of the run that made it;
    `promotion` is "passed" or "forced" once it has been promoted, else "". `run_deleted`: somebody
    deleted that run in MLflow; metrics, params and status are empty once it is gone for good.
    """

    version: int
    run_id: str
    created_at: datetime
    aliases: tuple[str, ...] = ()
    digest: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    status: str = "FINISHED"
    promotion: str = ""
    params: dict[str, str] = field(default_factory=dict)
    run_deleted: bool = False

    @property
    def is_interrupted(self) -> bool:
        """Whether training was stopped after it was registered and before it had an alias."""
        stopped = self.status in ("FAILED", "KILLED")
        return stopped and not self.aliases and not self.promotion
