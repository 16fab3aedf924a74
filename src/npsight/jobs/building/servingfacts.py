"""The checked rows of a project's tables as `npsight score` read them, kept for the service.

Reading and checking all tables takes too long for a request. So a run of all accounts leaves what
it read: one Parquet file a table, sorted by account, before facts are put together from it. A new
fact then goes the same way as in a run, only that the rows beside it need not be read again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt

from npsight.config.specs import ProjectSpec
from npsight.jobs.building.featurecache import definitions_digest
from npsight.jobs.files import write_atomically
from npsight.tables.prepare import Prepared

if TYPE_CHECKING:
    import ibis.expr.types as ir

FORMAT = 1
CURRENT, MANIFEST = "current.json", "manifest.json"
KEPT = 2
"""The one in use, and the one before it, which a service may still be reading."""
ROW_GROUP = 8_192
"""Small groups, so that the rows of one account are read and few others."""
WAY_OUT = "run `npsight score`, then send the next fact or start the service again"


@dataclass(frozen=True)
class ServingFacts:
    """Where the rows lie: table (see `CheckedRows.named`) to its file.

    `through` is the number of the newest posted fact among them. `written` tells the files from
    others of the same names: an account that is erased is taken out of them where they lie.
    `held_at` says of each held table the instant (UTC, without a zone) that its features were
    taken at, see `npsight.temporal.loads`; `held_before` those of one period earlier.
    """

    folder: Path
    files: Mapping[str, Path]
    through: int
    written: tuple[tuple[int, int], ...] = ()
    held_at: Mapping[str, datetime] = field(default_factory=dict)
    held_before: Mapping[str, datetime] = field(default_factory=dict)


class ServingFactsError(Exception):
    """There are none that this project can use; the message says why."""


@dataclass(frozen=True)
class NewServingFacts:
    """Written, but not yet in use."""

    folder: Path

    def install(self) -> None:
        """Put them in use, and drop what is older than the one before."""
        root = self.folder.parent
        content = json.dumps({"folder": self.folder.name})
        write_atomically(root / CURRENT, f"{content}\n".encode())
        (root / CURRENT).chmod(0o600)
        folders = sorted(
            (f for f in root.iterdir() if f.is_dir() and f != self.folder),
            key=lambda f: f.stat().st_mtime,
        )
        for old in folders[: len(folders) - (KEPT - 1)]:
            shutil.rmtree(old, ignore_errors=True)


def write_serving_facts(
    project: ProjectSpec,
    prepared: Prepared,
    held_at: Mapping[str, datetime],
    held_before: Mapping[str, datetime],
) -> NewServingFacts:
    """Write the rows of every table; only the user who runs npsight can read them."""
    folder = _root(project) / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    files = {}
    for place, (name, rows) in enumerate(prepared.checked.named().items()):
        file = folder / f"{place}.parquet"
        _slim(project, name, rows).order_by("account").to_parquet(
            file, compression="zstd", row_group_size=ROW_GROUP
        )
        file.chmod(0o600)
        files[name] = file.name
    manifest = {
        "digest": serving_digest(project),
        "through": prepared.posted_through,
        "files": files,
        "held_at": _texts(held_at),
        "held_before": _texts(held_before),
    }
    write_atomically(folder / MANIFEST, f"{json.dumps(manifest, indent=2)}\n".encode())
    (folder / MANIFEST).chmod(0o600)
    return NewServingFacts(folder)


def find_serving_facts(project: ProjectSpec) -> ServingFacts:
    """The rows in use.

    Raises
    ------
    ServingFactsError
        There are none, or they were read by another project file or another npsight.
    """
    root = _root(project)
    try:
        folder = root / json.loads((root / CURRENT).read_text())["folder"]
        manifest = json.loads((folder / MANIFEST).read_text())
        files = {name: folder / file for name, file in manifest["files"].items()}
        kept = [file.stat() for file in files.values()]
        held_at, held_before = (_instants(manifest.get(k, {})) for k in ("held_at", "held_before"))
    except (OSError, ValueError, KeyError):
        raise ServingFactsError("the last run of all accounts left no facts here") from None
    if manifest["digest"] != serving_digest(project):
        raise ServingFactsError("tables or features are declared otherwise than in the last run")
    written = tuple((file.st_ino, file.st_mtime_ns) for file in kept)
    return ServingFacts(folder, files, manifest["through"], written, held_at, held_before)


def _texts(instants: Mapping[str, datetime]) -> dict[str, str]:
    return {source: at.isoformat() for source, at in instants.items()}


def _instants(texts: Mapping[str, str]) -> dict[str, datetime]:
    return {source: datetime.fromisoformat(at) for source, at in texts.items()}


def serving_digest(project: ProjectSpec) -> str:
    """SHA-256 over all that says how rows are read, and features made of them."""
    content = {
        "format": FORMAT,
        "definitions": definitions_digest(project),
        "tables": _meaning(project.tables.model_dump(mode="json")),
        "timezone": project.timezone,
        "comments": project.comments.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _meaning(tables: Any) -> Any:
    """What tables are declared to mean, wherever they lie: a project may be moved."""
    if isinstance(tables, dict):
        return {key: _meaning(value) for key, value in tables.items() if key != "path"}
    return [_meaning(item) for item in tables] if isinstance(tables, list) else tables


def reads_comments(project: ProjectSpec) -> bool:
    """Whether a feature may read the comments themselves: an own expression over answers."""
    return any(s.source == "responses" and s.aggregation == "own" for s in project.features)


def _root(project: ProjectSpec) -> Path:
    return project.state_dir / "serving"


def _slim(project: ProjectSpec, name: str, rows: ir.Table) -> ir.Table:
    """The rows without what no feature reads."""
    if name.startswith("responses.") and not reads_comments(project):
        return rows.mutate(comment=ibis.null(dt.string))
    return rows
