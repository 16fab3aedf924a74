"""A model as named files of native text and JSON with digests, and back. No pickle, no I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from npsight.config.specs import DriverSpec, FeatureSpec, OutcomeWindow
from npsight.errors import ModelIntegrityError
from npsight.features.history import history_columns_of
from npsight.models.calibration import Calibration
from npsight.models.design import Column
from npsight.models.encoding import FeatureSchema
from npsight.models.gates import GateReport
from npsight.models.intervals import NpsSpread
from npsight.models.linear import Linear
from npsight.models.model import Model
from npsight.models.part import PartModel
from npsight.models.prior import prior_from_json
from npsight.models.reference import Reference
from npsight.models.response import ResponseModel
from npsight.models.survival import ChurnCurve
from npsight.models.trees import Trees
from npsight.models.typical import Typical

FORMAT = 3
MANIFEST = "manifest.json"
GATES = "gates.json"
REFERENCE = "reference.json"
FIGURES = "figures.json"
NOT_PART_OF_MODEL = frozenset({"card.md", GATES, REFERENCE, FIGURES})
TOLERANCE = 1e-9


def pack(
    model: Model,
    golden: pd.DataFrame,
    card: str,
    gates: GateReport | None = None,
    reference: Reference | None = None,
    figures: Mapping[str, Any] | None = None,
) -> dict[str, bytes]:
    """File name to content. The same model gives the same bytes.

    `golden` are made-up rows (see `golden_rows`); their predictions are stored, so that a loaded
    model can be proved to score as it did here. Beside the model, as the card is, are kept `gates`,
    what features looked like on the newest training day (`reference`), and the `figures` of its
    backtest that pages show (see `npsight.jobs.evaluations.modelfigures`).
    """
    files = {"model.json": _json(_model_json(model)), "card.md": card.encode()}
    if gates is not None:
        files[GATES] = _json(gates.to_json())
    if reference is not None:
        files[REFERENCE] = _json(reference.to_json())
    if figures is not None:
        files[FIGURES] = _json(figures)
    for name, part in _all_parts(model):
        if part.trees is not None:
            files[f"{name}.lgb.txt"] = part.trees.text.encode()
    files["golden.json"] = _json(
        {
            "rows": _records(golden),
            "expected": _expected(model, golden),
        }
    )
    manifest = {
        "format": FORMAT,
        "project": model.project,
        "model_digest": digest_of(files),
        "files": {name: _sha256(content) for name, content in sorted(files.items())},
    }
    files[MANIFEST] = _json(manifest)
    return files


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 of what decides a score: not of manifest, card, gates, reference and figures."""
    total = hashlib.sha256()
    for name in sorted(set(files) - NOT_PART_OF_MODEL - {MANIFEST}):
        total.update(f"{name} {_sha256(files[name])}\n".encode())
    return total.hexdigest()


def verify(files: Mapping[str, bytes]) -> str:
    """The model digest, once every file has the digest that the manifest gives it.

    Raises
    ------
    ModelIntegrityError
        A file is missing, unexpected or altered, or the format is unknown. Check this before
        LightGBM sees a file: a damaged one kills the process.
    """
    try:
        manifest = json.loads(files[MANIFEST])
        listed, version = manifest["files"], manifest["format"]
        claimed = manifest["model_digest"]
    except (KeyError, ValueError, TypeError):
        raise _damaged("its manifest is missing or unreadable") from None
    if version != FORMAT:
        raise ModelIntegrityError(
            f"the model bundle has format {version}, this npsight reads {FORMAT}\n"
            "  → train again, or use the npsight version that made it"
        )
    present = {name: _sha256(content) for name, content in files.items() if name != MANIFEST}
    wrong = sorted(n for n in set(listed) | set(present) if listed.get(n) != present.get(n))
    if wrong:
        raise _damaged(f"not as written: {', '.join(wrong)}")
    if digest_of(files) != claimed:
        raise _damaged("the model digest does not fit its files")
    return str(claimed)


def _damaged(what: str) -> ModelIntegrityError:
    return ModelIntegrityError(
        f"the model bundle is damaged or altered: {what}\n"
        "  → restore it from the registry, or promote another version (`npsight promote`)"
    )


def unpack(files: Mapping[str, bytes]) -> Model:
    """The model of verified files. Raises ModelIntegrityError as `verify` does."""
    verify(files)
    content = json.loads(files["model.json"])
    parts = {
        name: _part(name, fields, files) for name, fields in content["parts"].items() if fields
    }
    spread, response = content["spread"], content["response"]
    return Model(
        project=content["project"],
        detractor=parts.get("detractor"),
        promoter=parts.get("promoter"),
        churn=parts.get("churn"),
        spread=_spread(spread) if spread else None,
        specs=tuple(_spec(fields) for fields in content["specs"]),
        drivers=tuple(DriverSpec(**fields) for fields in content["drivers"]),
        segment=content["segment"],
        windows={k: OutcomeWindow(**v) for k, v in content["windows"].items()},
        trained_through=content["trained_through"],
        churn_curve=_curve(content.get("churn_curve")),
        response=_response(response, files) if response else None,
        typical={name: _typical(fields) for name, fields in content["typical"].items()},
    )


def check_golden(model: Model, files: Mapping[str, bytes]) -> None:
    """Score the golden rows; raises ModelIntegrityError where they differ by more than 1e-9."""
    golden = json.loads(files["golden.json"])
    got = _expected(model, pd.DataFrame(golden["rows"]))
    for name, expected in golden["expected"].items():
        difference = float(np.max(np.abs(np.subtract(got[name], expected)), initial=0.0))
        if not difference <= TOLERANCE:
            raise ModelIntegrityError(
                f"the model scores its golden rows differently: {name} is off by {difference:.2g}\n"
                "  → check the versions of lightgbm and numpy against the model card"
            )


def gates_of(files: Mapping[str, bytes]) -> GateReport | None:
    """What the gates said of a bundle; None for one made before there were gates."""
    return None if GATES not in files else GateReport.from_json(json.loads(files[GATES]))


def reference_of_bundle(files: Mapping[str, bytes]) -> Reference | None:
    """What features looked like in training; None for a bundle made before that was kept."""
    return None if REFERENCE not in files else Reference.from_json(json.loads(files[REFERENCE]))


def figures_of(files: Mapping[str, bytes]) -> dict[str, Any] | None:
    """Figures of a bundle's backtest; None for one made before they were kept."""
    found: dict[str, Any] | None = None if FIGURES not in files else json.loads(files[FIGURES])
    return found


def golden_rows(
    frame: pd.DataFrame, specs: tuple[FeatureSpec, ...], rows: int = 16
) -> pd.DataFrame:
    """Rows that no account has: each column's quantiles, each shifted against the next."""
    columns: dict[str, list[Any]] = {}
    history = history_columns_of(frame.columns)
    for position, name in enumerate([*(s.name for s in specs), *history]):
        values = np.sort(frame[name].dropna().unique())
        if len(values) == 0:
            columns[name] = [None] * rows
            continue
        at = [(position * 5 + row * 3) % rows for row in range(rows)]
        picked = [values[(len(values) - 1) * a // (rows - 1)] for a in at]
        columns[name] = [v.item() if hasattr(v, "item") else v for v in picked]
    return pd.DataFrame(columns)


def _records(golden: pd.DataFrame) -> list[dict[str, Any]]:
    """Its rows to the last digit, null for missing: a tree may part numbers that differ in it."""
    rows = golden.astype(object).where(golden.notna(), None).to_dict(orient="records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _expected(model: Model, frame: pd.DataFrame) -> dict[str, list[float]]:
    expected = {name: part.probability(frame).tolist() for name, part in model.parts()}
    if model.response is not None:
        expected["response"] = model.response.probability(frame).tolist()
        expected["expected_answers"] = model.response.answers(frame).tolist()
    return expected


def _all_parts(model: Model) -> Iterator[tuple[str, PartModel]]:
    yield from model.parts()
    if model.response is not None:
        yield "response", model.response.part


def _model_json(model: Model) -> dict[str, Any]:
    return {
        "project": model.project,
        "parts": {name: _part_json(part) for name, part in model.parts()},
        "spread": asdict(model.spread) if model.spread else None,
        "specs": [asdict(spec) for spec in model.specs],
        "drivers": [asdict(driver) for driver in model.drivers],
        "segment": model.segment,
        "windows": {name: asdict(window) for name, window in model.windows.items()},
        "trained_through": model.trained_through,
        "churn_curve": asdict(model.churn_curve) if model.churn_curve else None,
        "response": _response_json(model.response) if model.response else None,
        "typical": {name: asdict(typical) for name, typical in model.typical.items()},
    }


def _part_json(part: PartModel) -> dict[str, Any]:
    return {
        "prior": part.prior.to_json(),
        "prior_mean": part.prior_mean,
        "schema": asdict(part.schema),
        "calibration": asdict(part.calibration),
        "linear": asdict(part.linear) if part.linear else None,
        "linear_blend": part.linear_blend,
        "trees_start": _trees_start(part.trees) if part.trees else None,
        "tree_blend": part.tree_blend,
        "tree_count": part.tree_count,
        "has_skill": part.has_skill,
    }


def _response_json(response: ResponseModel) -> dict[str, Any]:
    return {
        "part": _part_json(response.part),
        "per_event": response.per_event,
        "people": response.people,
        "dispersion": response.dispersion,
    }


def _response(fields: dict[str, Any], files: Mapping[str, bytes]) -> ResponseModel:
    part = _part("response", fields["part"], files)
    return ResponseModel(part, fields["per_event"], fields["people"], fields["dispersion"])


def _spread(fields: dict[str, Any]) -> NpsSpread:
    periods = tuple((period, weight) for period, weight in fields["periods"])
    return NpsSpread(**{**fields, "periods": periods})


def _part(name: str, fields: dict[str, Any], files: Mapping[str, bytes]) -> PartModel:
    schema = fields["schema"]
    return PartModel(
        name=name,
        prior=prior_from_json(fields["prior"]),
        prior_mean=fields["prior_mean"],
        schema=FeatureSchema(
            names=tuple(schema["names"]),
            categories=tuple(None if c is None else tuple(c) for c in schema["categories"]),
            monotone=tuple(schema["monotone"]),
            fills=tuple(schema["fills"]),
        ),
        calibration=Calibration(**fields["calibration"]),
        linear=_linear(fields["linear"]) if fields["linear"] else None,
        linear_blend=fields["linear_blend"],
        trees=Trees(files[f"{name}.lgb.txt"].decode(), **fields["trees_start"])
        if fields["trees_start"]
        else None,
        tree_blend=fields["tree_blend"],
        tree_count=fields["tree_count"],
        has_skill=fields.get("has_skill", True),
    )


def _typical(fields: dict[str, Any]) -> Typical:
    return Typical(
        groups=tuple(fields["groups"]),
        means=tuple(tuple(row) for row in fields["means"]),
        covariance=tuple(tuple(row) for row in fields["covariance"]),
        shifts=tuple(fields["shifts"]),
    )


def _trees_start(trees: Trees) -> dict[str, float]:
    return {"prior_weight": trees.prior_weight, "prior_mean": trees.prior_mean}


def _linear(fields: dict[str, Any]) -> Linear:
    return Linear(
        columns=tuple(Column(**column) for column in fields["columns"]),
        coefficients=tuple(fields["coefficients"]),
        intercept=fields["intercept"],
        prior_weight=fields["prior_weight"],
    )


def _curve(fields: dict[str, Any] | None) -> ChurnCurve | None:
    if not fields:
        return None
    read: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    return ChurnCurve(**read)


def _spec(fields: dict[str, Any]) -> FeatureSpec:
    where = tuple((column, value) for column, value in fields["where"])
    scale = tuple(fields["scale"]) if fields.get("scale") else None
    return FeatureSpec(**{**fields, "where": where, "scale": scale})


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
