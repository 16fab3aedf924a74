"""Feature rows that were built before: a day whose facts have not changed is not built again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import io
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from npsight.config.specs import ProjectSpec
from npsight.jobs.files import write_atomically

Digests = Callable[[Sequence[datetime]], dict[datetime, str]]
"""As_of dates to the digest of all that can be seen on each."""
FORMAT = 2
KEPT_DEFINITIONS = 6
"""Three of whole projects, and of the tables that are held among their features."""
KEPT_UNUSED = timedelta(days=100)
"""Longer than a period: scoring reads a day once more when it is the one a period earlier."""
CODE = ("npsight.features", "npsight.temporal", "npsight.jobs.building")
ENGINES = ("duckdb", "ibis-framework", "numpy", "pandas")
"""A newer one may round otherwise, and scoring would not be what was learned from."""


@dataclass(frozen=True)
class FeatureCache:
    """One Parquet file for each as_of, below a folder for each set of definitions.

    A file holds every row of the spine of its day. It is used again when the facts visible on
    that day have the same digest, the features are defined the same, and the code that computes
    them is the same; so tomorrow's run builds tomorrow's day, and whatever late news changed. Its
    name ends with the digest of its content: a bit that a disk turned is seen.
    """

    folder: Path
    digests: Digests

    @classmethod
    def of(cls, project: ProjectSpec, digests: Digests) -> FeatureCache:
        """The cache of a project, in its state folder."""
        return cls(project.state_dir / "features" / definitions_digest(project)[:16], digests)

    def files(self, as_ofs: Sequence[datetime]) -> dict[datetime, str]:
        """How the names of each day's files begin, whether there is one or not."""
        digests = self.digests(as_ofs)
        return {as_of: f"{as_of:%Y%m%dT%H%M%S%f}-{digests[as_of][:16]}-" for as_of in as_ofs}

    def read(self, begins: str) -> pd.DataFrame | None:
        """The rows of the file whose name begins so; None where none is whole."""
        for file in self.folder.glob(f"{begins}*.parquet"):
            try:
                content = file.read_bytes()
                if file.name == begins + _ending(content):
                    _note_use(file)
                    return pd.read_parquet(io.BytesIO(content))
            except (OSError, ValueError):
                continue
        return None

    def write(self, begins: str, rows: pd.DataFrame) -> None:
        """Keep the rows of a day, in place of what was kept of it before.

        Raises
        ------
        OSError
            They cannot be written; nothing half-written stays.
        """
        buffer = io.BytesIO()
        rows.to_parquet(buffer, index=False, compression="zstd")
        file = self.folder / (begins + _ending(buffer.getvalue()))
        write_atomically(file, buffer.getvalue())
        day = begins.partition("-")[0]
        for older in self.folder.glob(f"{day}-*.parquet"):
            if older != file:
                older.unlink(missing_ok=True)

    def forget(self) -> None:
        """Drop definitions that were replaced long ago, and days that no run asks for any more."""
        folders = [f for f in self.folder.parent.glob("*") if f.is_dir()]
        newest = sorted(folders, key=lambda f: f.stat().st_mtime, reverse=True)
        for folder in newest[KEPT_DEFINITIONS:]:
            shutil.rmtree(folder, ignore_errors=True)
        oldest = time.time() - KEPT_UNUSED.total_seconds()
        for file in self.folder.glob("*.parquet"):
            with suppress(FileNotFoundError):  # another process was faster
                if file.stat().st_mtime < oldest:
                    file.unlink()


def _note_use(file: Path) -> None:
    """A file's time is that of its last use; where it cannot be set, it is built again one day."""
    with suppress(OSError):
        os.utime(file)


def _ending(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:16]}.parquet"


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
        "engines": {name: importlib.metadata.version(name) for name in ENGINES},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _code_digest() -> str:
    total = hashlib.sha256()
    for package in CODE:
        for file in sorted(importlib.resources.files(package).iterdir(), key=lambda f: f.name):
            if file.name.endswith(".py"):
                total.update(file.read_bytes())
    return total.hexdigest()
