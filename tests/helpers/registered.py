"""Small sealed bundles in a registry, as far as digests go."""

from __future__ import annotations

import hashlib
import json

from npsight.models.bundle import FORMAT, digest_of
from npsight.tracking import Tracking


def bundle(text: str = "tree") -> dict[str, bytes]:
    """Sealed files, as far as digests go."""
    files = {"model.json": text.encode(), "card.md": b"# Card"}
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = {"format": FORMAT, "project": "p", "model_digest": digest_of(files), "files": listed}
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def registered(tracking: Tracking, files: dict[str, bytes]) -> int:
    run_id = tracking.start_run("train", {})
    version = tracking.register(run_id, files)
    tracking.finish(run_id)
    return version
