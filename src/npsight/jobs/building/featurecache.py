"""Feature rows that were built before: a day whose facts have not changed is not built again."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from npsight.config.specs import ProjectSpec

Digests = Callable[[Sequence[datetime]], dict[datetime, str]]
"""As_of dates to the digest of all that can be seen on each."""
FORMAT = 1
KEPT_DEFINITIONS = 3
CODE = ("npsight.features", "npsight.temporal")


@dataclass(frozen=True)
class FeatureCache:
    """One Parquet file for each as_of, below a folder for each set of definitions.

    A file holds every row of the spine of its day. It is used again when the facts visible on
    that day have the same digest, the features are defined the same, and the code that computes
    them is the same; so tomorrow's run builds tomorrow's day, and whatever late news changed.
    """

    folder: Path
    digests: Digests

    @classmethod
    def of(cls, project: ProjectSpec, digests: Digests) -> FeatureCache:
        """The cache of a project, in its state folder."""
        return cls(project.state_dir / "features" / definitions_digest(project)[:16], digests)

    def files(self, as_ofs: Sequence[datetime]) -> dict[datetime, Path]:
        """Where the rows of each day are, or would be."""
        digests = self.digests(as_ofs)
        return {
            as_of: self.folder / f"{as_of:%Y%m%dT%H%M%S%f}-{digests[as_of][:16]}.parquet"
            for as_of in as_ofs
        }

    def read(self, file: Path) -> pd.DataFrame | None:
        """The rows of a file; None where there is none, or it cannot be read."""
        try:
            return pd.read_parquet(file)
        except (OSError, ValueError):
            return None

    def write(self, file: Path, rows: pd.DataFrame) -> None:
        """Keep the rows of a day, in place of what was kept of it before.

        Raises
        ------
        OSError
            They cannot be written; nothing half-written stays.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        try:
            rows.to_parquet(partial, index=False, compression="zstd")
            partial.replace(file)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        day = file.name.partition("-")[0]
        for older in self.folder.glob(f"{day}-*.parquet"):
            if older != file:
                older.unlink(missing_ok=True)

    def forget_old_definitions(self) -> None:
        """Drop the folders of definitions that were replaced long ago."""
        folders = [f for f in self.folder.parent.glob("*") if f.is_dir()]
        newest = sorted(folders, key=lambda f: f.stat().st_mtime, reverse=True)
        for folder in newest[KEPT_DEFINITIONS:]:
            shutil.rmtree(folder, ignore_errors=True)


def definitions_digest(project: ProjectSpec) -> str:
    """SHA-256 over the features' definitions, the segment, and the code that computes them."""
    content = {
        "format": FORMAT,
        "features": [asdict(spec) for spec in project.features],
        "segment": project.segment,
        "left_after": project.left_after,
        "history": bool(project.tables.responses),
        "respondents": project.respondents,
        "touchpoints": project.touchpoints,
        "code": _code_digest(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _code_digest() -> str:
    total = hashlib.sha256()
    for package in CODE:
        for file in sorted(importlib.resources.files(package).iterdir(), key=lambda f: f.name):
            if file.name.endswith(".py"):
                total.update(file.read_bytes())
    return total.hexdigest()
