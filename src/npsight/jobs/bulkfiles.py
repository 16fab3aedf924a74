"""Files for Salesforce Bulk API 2.0: CSV parts of bounded size, and a manifest beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from npsight.errors import ConfigError, Problem
from npsight.jobs.writeback import Plan, Record

MAX_PART_BYTES = 100_000_000
"""Salesforce takes 150 MB after Base64, which is 100 MB of CSV."""
NULL = "#N/A"
"""Empties a field; a blank cell would leave it as it is."""
MANIFEST = "manifest.json"
_QUOTED = frozenset(',"\n\r')


@dataclass(frozen=True)
class PartFile:
    """One CSV of the manifest."""

    file: str
    rows: int
    bytes: int
    sha256: str


def parts_of(
    records: Iterable[Record],
    id_field: str,
    fields: Sequence[str],
    max_bytes: int = MAX_PART_BYTES,
) -> Iterator[tuple[bytes, tuple[Record, ...]]]:
    """CSVs of at most `max_bytes`, each with its header and the records in it.

    UTF-8 without a byte-order mark, lines end with LF, null is `#N/A`.

    Raises
    ------
    ValueError
        One record alone is larger.
    """
    header = _line([id_field, *fields])
    lines, size = [header], len(header)
    held: list[Record] = []
    for record in records:
        line = _line([record.id, *(NULL if v is None else v for v in record.values)])
        if len(header) + len(line) > max_bytes:
            raise ValueError("one record alone is larger than a part may be")
        if size + len(line) > max_bytes:
            yield b"".join(lines), tuple(held)
            lines, held, size = [header], [], len(header)
        lines.append(line)
        held.append(record)
        size += len(line)
    if held:
        yield b"".join(lines), tuple(held)


def _line(cells: Sequence[str]) -> bytes:
    return (",".join(_cell(cell) for cell in cells) + "\n").encode("utf-8", "replace")


def _cell(text: str) -> str:
    """Quoted where it must be; a blank at either end would be dropped, too."""
    if text and not _QUOTED & set(text) and text == text.strip():
        return text
    return '"' + text.replace('"', '""') + '"'


def job_parameters(plan: Plan) -> dict[str, Any]:
    """The body that creates the job: an update, so that an unknown id creates nothing."""
    return {
        "object": plan.object,
        "operation": "update",
        "contentType": "CSV",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }


def write_bulk_files(
    plan: Plan, id_field: str, folder: Path, max_bytes: int = MAX_PART_BYTES
) -> list[PartFile]:
    """Write the parts, then the manifest: where that lies, the parts are whole.

    Raises
    ------
    ConfigError
        The folder holds files of an earlier write-back, or something else of that name.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            "nothing was written",
            [Problem(f"{folder} is not an empty folder", "name a new one", key="--to")],
        )
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[PartFile] = []
    for content, held in parts_of(plan.records, id_field, plan.fields, max_bytes):
        name = f"{plan.object}-update-{len(parts) + 1:03d}.csv"
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        parts.append(PartFile(name, len(held), len(content), digest))
    _write_manifest(plan, parts, folder / MANIFEST)
    return parts


def _write_manifest(plan: Plan, parts: Sequence[PartFile], path: Path) -> None:
    manifest = {
        "job": job_parameters(plan),
        "null": NULL,
        "project": plan.run.project,
        "run_id": plan.run.id,
        "as_of": plan.run.as_of.isoformat().replace("+00:00", "Z"),
        "model_version": plan.run.model_version,
        "model_digest": plan.run.model_digest,
        "rows": len(plan.records),
        "skipped": {
            "unchanged": plan.unchanged,
            "without_id": plan.without_id,
            "several_ids": plan.several,
            "shared_id": plan.shared,
        },
        "parts": [asdict(part) for part in parts],
    }
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)
