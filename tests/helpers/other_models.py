"""Champions to promote beside that of the tiny project: other scores, other faults."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tiny_project import SPECS, rows, tiny_model

from npsight.config.specs import FeatureSpec
from npsight.models.bundle import MANIFEST, digest_of, golden_rows, pack
from npsight.models.model import Model
from npsight.tracking import write_cached

Files = dict[str, bytes]


def bundle_of(model: Model) -> Files:
    """The files of a model, sealed."""
    return pack(model, golden_rows(rows(60, seed=2), SPECS), "# Card")


def shifted(shift: float) -> Files:
    """The tiny model with every risk of detractors moved: another digest, other scores."""
    model = tiny_model()
    assert model.detractor is not None
    calibration = replace(
        model.detractor.calibration, shift=model.detractor.calibration.shift + shift
    )
    return bundle_of(replace(model, detractor=replace(model.detractor, calibration=calibration)))


def reads_more() -> Files:
    """A sound model with a feature that no run has stored."""
    more = FeatureSpec(
        source="usage",
        aggregation="sum",
        measure="exports",
        window_days=30,
        driver="product_use",
        label="exports",
    )
    model = tiny_model()
    golden = golden_rows(rows(60, seed=2), SPECS)
    golden[more.name] = 1.0
    return pack(replace(model, specs=(*model.specs, more)), golden, "# Card")


def cut(files: Mapping[str, bytes]) -> Files:
    """Half of one LightGBM file is gone."""
    content = files["detractor.lgb.txt"]
    return {**files, "detractor.lgb.txt": content[: len(content) // 2]}


def sealed(files: Mapping[str, bytes]) -> Files:
    """The files with a manifest whose digests fit: damage that came before packing."""
    rest = {name: content for name, content in files.items() if name != MANIFEST}
    manifest = json.loads(files[MANIFEST])
    manifest["files"] = {n: hashlib.sha256(c).hexdigest() for n, c in rest.items()}
    manifest["model_digest"] = digest_of(rest)
    return {**rest, MANIFEST: json.dumps(manifest).encode()}


def promote_on_disk(config: Path, version: int, files: Mapping[str, bytes]) -> Path:
    """What `npsight promote` leaves beside the service."""
    return write_cached(config.parent / "state", version, files)
