"""Rows of `POST /v1/score/features`, each checked by itself with all its faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from npsight.config.specs import FeatureSpec
from npsight.models.model import Model
from npsight.service.accountkeys import account_fault, key_of, shown_key
from npsight.service.answered import Answer
from npsight.service.instants import instant_of
from npsight.service.problems import Fault
from npsight.service.shapes.base import faults_of, without_blanks
from npsight.service.shapes.features import (
    MAX_ANSWERS,
    MAX_FEATURES,
    FeatureRow,
    FeatureValue,
    GivenAnswer,
)
from npsight.worklist.bands import band_of

Value = float | str | None


@dataclass(frozen=True)
class Row:
    """A row as far as it can be read without the store.

    `features` are those given; `answers` None where none were spoken of.
    """

    id: str
    account: str | None = None
    segment: str | None = None
    features: dict[str, Value] = field(default_factory=dict)
    answers: tuple[Answer, ...] | None = None
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()


class RowReader:
    """Reads rows for one model."""

    def __init__(self, model: Model) -> None:
        self._specs = {spec.name: spec for spec in model.specs}
        self._categories: dict[str, set[str]] = {}
        for _, part in model.parts():
            for name, values in zip(part.schema.names, part.schema.categories, strict=True):
                self._categories.setdefault(name, set()).update(values or ())
        self._seen: set[str] = set()

    def read(self, raw: Any) -> Row:
        """The row, with every fault it has."""
        raw = without_blanks(FeatureRow, raw)
        fields = raw if isinstance(raw, dict) else {}
        given, faults = faults_of(FeatureRow, raw)
        features, of_features, warnings = self._features(fields.get("features"))
        answers, of_answers = _answers(fields.get("answers"))
        faults += [*self._key_faults(fields), *of_features, *of_answers]
        if given is None or faults:
            return Row(id_of(raw), faults=tuple(faults))
        return Row(given.id, given.account, given.segment, features, answers, (), tuple(warnings))

    def _key_faults(self, fields: Mapping[str, Any]) -> list[Fault]:
        faults = []
        identity = key_of(fields.get("id"))
        if isinstance(identity, str):
            if identity in self._seen:
                faults.append(Fault("/id", "is the id of an earlier row, too"))
            self._seen.add(identity)
        for name in ("account", "segment"):
            value = fields.get(name)
            if name == "account":
                value = key_of(value)
            # What is no text at all the shape has told.
            fault = account_fault(value) if isinstance(value, str) else ""
            if fault:
                faults.append(Fault(f"/{name}", fault))
        return faults

    def _features(self, given: Any) -> tuple[dict[str, Value], list[Fault], list[str]]:
        values: dict[str, Value] = {}
        faults: list[Fault] = []
        warnings: list[str] = []
        for i, raw in enumerate(given[:MAX_FEATURES] if isinstance(given, list) else ()):
            item, wrong = faults_of(FeatureValue, raw, f"/features/{i}")
            faults += wrong
            if item is None:
                continue
            spec = self._specs.get(item.name)
            if spec is None:
                what = "is no feature of the model; GET /v1/model lists them"
                faults.append(Fault(f"/features/{i}/name", what))
                continue
            if item.name in values:
                faults.append(Fault(f"/features/{i}/name", "is given before"))
            fault = _kind_fault(spec, item)
            if fault:
                faults.append(Fault(f"/features/{i}/{fault[0]}", fault[1]))
            value = item.text if spec.dtype == "category" else item.number
            if isinstance(value, str) and value not in self._categories.get(spec.name, {value}):
                warnings.append(
                    f"{spec.name}: the model does not know this category; it is missing"
                )
                value = None
            values[item.name] = value
        return values, faults, warnings


def _kind_fault(spec: FeatureSpec, item: FeatureValue) -> tuple[str, str] | None:
    if spec.dtype == "category" and item.number is not None:
        return "number", "this feature is a category: give `text`"
    if spec.dtype == "number" and item.text is not None:
        return "text", "this feature is a number: give `number`"
    return None


def _answers(given: Any) -> tuple[tuple[Answer, ...] | None, list[Fault]]:
    if not isinstance(given, list):
        return None, []
    answers: list[Answer] = []
    faults: list[Fault] = []
    for i, raw in enumerate(given[:MAX_ANSWERS]):
        place = f"/answers/{i}"
        item, wrong = faults_of(GivenAnswer, raw, place)
        faults += wrong
        if item is None:
            continue
        at, band = None, None
        try:
            at = instant_of(item.occurred_at)
        except ValueError as error:
            faults.append(Fault(f"{place}/occurred_at", str(error)))
        try:
            band = band_of(item.score)
        except ValueError as error:
            faults.append(Fault(f"{place}/score", str(error)))
        if at is not None and band is not None:
            answers.append(Answer(item.score, band, at))
    return tuple(answers), faults


def late_faults(row: Row, as_of: datetime) -> list[Fault]:
    """A fault for each answer that as_of does not see."""
    # A row whose answers could not all be read never comes here, so that places are the caller's.
    return [
        Fault(f"/answers/{i}/occurred_at", f"must lie before as_of, {as_of:%Y-%m-%dT%H:%M:%SZ}")
        for i, answer in enumerate(row.answers or ())
        if answer.occurred_at >= as_of
    ]


def id_of(raw: Any) -> str:
    """The row's id as far as it has one that can be given back."""
    return shown_key(raw.get("id") if isinstance(raw, dict) else None)
