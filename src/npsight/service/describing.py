"""`GET /v1/model`: what is served, what it foresees, and what a what-if caller may give it."""

from __future__ import annotations

from datetime import UTC, datetime

from npsight.models.bundle import FORMAT
from npsight.models.model import Model
from npsight.service.instants import instant_text
from npsight.service.scoring import JsonObject, model_facts
from npsight.service.state import ServingState
from npsight.store.listing import segments_of

TARGET_OF = {"detractor": "detractor", "promoter": "nps", "churn": "churn"}
"""Part of a model to the target that it is for."""
SECONDS_A_DAY = 86_400.0


def described(state: ServingState, now: datetime | None = None) -> JsonObject:
    """The served model, and the run whose inputs it scores.

    Raises
    ------
    NotFoundError
        The project was never scored.
    """
    run = state.store.latest_run(state.project)
    age = (now or datetime.now(UTC)) - run.as_of
    model = state.model
    return {
        "project": state.project,
        **model_facts(state),
        "bundle_format": FORMAT,
        "trained_through": _trained_through(model),
        "as_of": instant_text(run.as_of),
        "as_of_age_days": round(age.total_seconds() / SECONDS_A_DAY, 3),
        "account_count": run.account_count,
        "data_digest": run.data_digest,
        "targets": list(_targets(model)),
        "without_skill": list(model.unranked()),
        "segments": segments_of(state.store, run.id),
        "features": _features(model),
        "drivers": [
            {"driver": d.key, "label": d.label, "actionable": d.actionable, "play": d.play}
            for d in model.drivers
        ],
        "card": state.card,
    }


def _trained_through(model: Model) -> str:
    """With an offset, as every instant that callers read."""
    return instant_text(datetime.fromisoformat(model.trained_through).replace(tzinfo=UTC))


def _targets(model: Model) -> list[JsonObject]:
    found = []
    for name, part in model.parts():
        # NPS is of the answers in the window of the detractor target.
        window = model.windows.get("churn" if name == "churn" else "detractor")
        found.append(
            {
                "name": TARGET_OF[name],
                "gap_days": window.gap_days if window else None,
                "horizon_days": window.horizon_days if window else None,
                "has_skill": part.has_skill,
            }
        )
    return found


def _features(model: Model) -> list[JsonObject]:
    parts = dict(model.parts())
    categories: dict[str, list[str]] = {}
    for part in parts.values():
        for name, values in zip(part.schema.names, part.schema.categories, strict=True):
            categories.setdefault(name, []).extend(values or ())
    return [
        {
            "name": spec.name,
            "label": spec.label,
            "kind": spec.dtype,
            "unit": spec.unit,
            "driver": spec.driver,
            "missing": spec.missing,
            "categories": sorted(set(categories.get(spec.name, ()))),
            "targets": [
                TARGET_OF[n] for n, part in parts.items() if spec.name in part.schema.names
            ],
        }
        for spec in model.specs
    ]
