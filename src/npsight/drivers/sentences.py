"""Driver points -> notes a CS manager can read: one sentence a driver, with the account's numbers.

A driver's sentence tells the one or two of its features that contribute most to its points. It
states the data; a driver "contributes to" a risk, and nothing here says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from npsight.config.specs import NPS_HISTORY, DriverSpec, FeatureSpec
from npsight.drivers.advice import WORTH_ADVICE, fits
from npsight.drivers.explain import Explanation, groups_of
from npsight.drivers.history_note import (
    answered,
    extra_sentences,
    history_sentences,
    is_core,
    speaks_against,
)
from npsight.drivers.peers import Peers
from npsight.drivers.points import Points
from npsight.drivers.readings import LONGEST_SENTENCE, Readings, Rows, sentences_of
from npsight.drivers.shown import capital
from npsight.models.encoding import Matrix
from npsight.models.logits import Vector
from npsight.models.model import Model
from npsight.models.part import PRIOR_TERM, Contributions
from npsight.models.rows import Features, absent, rows_of
from npsight.models.rows import Rows as FeatureRows

Target = Literal["detractor", "churn"]
Sentences = NDArray[np.object_]
Flags = NDArray[np.bool_]

WORTH_TELLING = 0.002
ALWAYS_TOLD = 4
SECOND_SHARE = 0.4
"""A second feature is told when it contributes at least this share of the first."""
OWN_STORY = {
    "open": "open",
    "oldest_open": "open",
    "mean_duration": "duration",
    "max_duration": "duration",
    "days_until_end": "end",
    "days_until_next": "ahead",
    "days_until_renewal": "renewal",
    "age": "age",
}
"""Aggregations that say something else than the others of the same source, and what."""
LITTLE = "Contributes little here."


@dataclass(frozen=True, slots=True)
class DriverNote:
    """What one driver contributes to one account's risk.

    Attributes
    ----------
    points
        Of the risk, in probability; positive raises it.
    nps_points
        Of the predicted NPS, −100 to 100; None where the model or the target has no NPS.
    play
        The driver's advice where it raises the risk noticeably by a finding that the advice is
        about, else "".
    """

    driver: str
    label: str
    points: float
    nps_points: float | None
    sentence: str
    actionable: bool
    play: str

    def as_dict(self) -> dict[str, Any]:
        """By attribute; many times faster than `dataclasses.asdict`, which copies deeply."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True)
class _Table:
    """Points by driver, shape (rows, drivers), and the log-odds that tell which features matter.

    `evidence` has a column for each of `terms`, shape (rows, terms), signed so that positive
    raises the risk.
    """

    drivers: tuple[str, ...]
    points: Matrix
    nps: Matrix | None
    terms: tuple[str, ...]
    evidence: Matrix


def notes(
    model: Model,
    explanation: Explanation,
    now: Features,
    past: Features,
    peer_medians: Peers,
    target: Target,
) -> list[list[DriverNote]]:
    """All drivers of each row of `now`, those with the most points (of either sign) first.

    Parameters
    ----------
    now
        One row a row of the explanation: `account`, `as_of` and a column a feature; with
        `segment_` peers are the segment's, and with decayed counts a never-asked account's
        segment is described.
    past
        The same accounts one period before, aligned by row; missing where there was none.

    Raises
    ------
    ValueError
        The model has no such target, or the three are not aligned.
    """
    table = _table(model, explanation, target)
    here, there = rows_of(now), rows_of(past)
    _check_aligned(table, here, there)
    readings = Readings(model.specs, here, there, peer_medians)
    size = np.abs(table.points)
    order = np.argsort(-size, axis=1, kind="stable")
    place = np.argsort(order, axis=1, kind="stable")
    told = (_effect(table) >= WORTH_TELLING) | (place < ALWAYS_TOLD)
    sentences = np.full(table.points.shape, LITTLE, dtype=object)
    advised = np.zeros(table.points.shape, dtype=np.bool_)
    for position, driver in enumerate(table.drivers):
        rows = np.flatnonzero(told[:, position])
        findings = _findings(model, readings, table, driver, rows, target)
        sentences[rows, position] = findings.sentences
        advised[rows, position] = findings.fit
    advised &= table.points >= WORTH_ADVICE
    return _assemble(_driver_specs(model, table.drivers), table, sentences, advised, order)


def _table(model: Model, explanation: Explanation, target: Target) -> _Table:
    risk = explanation.risk if target == "detractor" else explanation.churn
    if risk is None:
        raise ValueError(f"the explanation has no target {target!r}: the model does not predict it")
    nps = explanation.nps if target == "detractor" else None
    drivers = tuple(dict.fromkeys([*risk.groups, *(nps.groups if nps else ())]))
    moving = {g for g, column in zip(risk.groups, risk.values.T, strict=True) if column.any()}
    terms, evidence = _evidence(model, explanation.contributions, target, moving)
    return _Table(
        drivers, _columns(risk, drivers), _columns(nps, drivers) if nps else None, terms, evidence
    )


def _columns(points: Points, drivers: tuple[str, ...]) -> Matrix:
    """Values in the order of `drivers`; 0 for a driver that the number does not depend on."""
    result = np.zeros((len(points.values), len(drivers)))
    for column, group in enumerate(points.groups):
        result[:, drivers.index(group)] = points.values[:, column]
    return result


def _evidence(
    model: Model, contributions: dict[str, Contributions], target: Target, in_risk: set[str]
) -> tuple[tuple[str, ...], Matrix]:
    """The target's own log-odds; for drivers of the NPS alone those of the promoter part."""
    split = contributions[target]
    group_of = groups_of(model)
    promoter = contributions.get("promoter") if target == "detractor" else None
    if promoter is None:
        return split.terms, split.values
    kept = [i for i, term in enumerate(split.terms) if group_of[term] in in_risk]
    terms, blocks = [split.terms[i] for i in kept], [split.values[:, kept]]
    extra = [i for i, term in enumerate(promoter.terms) if group_of[term] not in in_risk]
    terms += [promoter.terms[i] for i in extra]
    blocks.append(-promoter.values[:, extra])
    return tuple(terms), np.hstack(blocks)


def _effect(table: _Table) -> Matrix:
    """Size of the larger effect, on the risk or on NPS / 100."""
    size = np.abs(table.points)
    return size if table.nps is None else np.maximum(size, np.abs(table.nps) / 100.0)


def _check_aligned(table: _Table, now: FeatureRows, past: FeatureRows) -> None:
    lengths = (len(table.points), len(now), len(past))
    if len(set(lengths)) > 1:
        raise ValueError(
            "explanation, now and past must have one row an account: they have "
            + ", ".join(f"{n:,}" for n in lengths)
        )
    if "account" in now.columns and "account" in past.columns:
        both = zip(now.texts("account"), past.texts("account"), strict=True)
        for row, (here, there) in enumerate(both):
            if not absent(there) and here != there:
                raise ValueError(
                    f"past is not aligned with now: row {row} is account {there!r} there, "
                    f"{here!r} here"
                )


@dataclass(frozen=True)
class _Findings:
    """A finished sentence of each row, and whether the driver's advice fits what it says first."""

    sentences: list[str]
    fit: Flags


def _findings(
    model: Model, readings: Readings, table: _Table, driver: str, rows: Rows, target: Target
) -> _Findings:
    group_of = groups_of(model)
    columns = [i for i, term in enumerate(table.terms) if group_of.get(term) == driver]
    sign = np.sign(_lean(table, driver)[rows])
    score = np.maximum(table.evidence[rows][:, columns] * sign[:, None], 0.0)
    terms = [table.terms[i] for i in columns]
    if driver == NPS_HISTORY:
        pieces = _history(readings, terms, score, rows, sign > 0, target == "detractor")
        fit = answered(readings, rows)
    else:
        specs = [readings.by_name[t] for t in terms]
        first, second = _picked(specs, score)
        told = (_tell(readings, specs, picked, rows) for picked in (first, second))
        pieces = list(zip(*told, strict=True))
        fit = _fitting(readings, specs, first, rows, target)
    return _Findings([_join(first, second) for first, second in pieces], fit)


def _fitting(
    readings: Readings, specs: list[FeatureSpec], picked: Rows, rows: Rows, target: Target
) -> Flags:
    """Whether the picked feature of each row is on its worse side; False where none is picked."""
    sides = readings.peers.worse.get(target, {})
    fit = np.zeros(len(rows), dtype=np.bool_)
    for position, spec in enumerate(specs):
        chosen = np.flatnonzero(picked == position)
        if spec.dtype == "category":
            # A kind has no worse side.
            fit[chosen] = True
        elif len(chosen):
            at = rows[chosen]
            usual, _ = readings.usual(spec.name, at)
            now = readings.number(spec.name, at)
            past = readings.number(spec.name, at, past=True)
            fit[chosen] = fits(spec, sides.get(spec.name, 0), now, past, usual)
    return fit


def _lean(table: _Table, driver: str) -> Vector:
    """Positive where the driver raises the risk, or lowers the NPS without touching the risk."""
    position = table.drivers.index(driver)
    points = table.points[:, position]
    if table.nps is None:
        return points
    return np.where(points == 0.0, -table.nps[:, position], points)


def _picked(specs: list[FeatureSpec], score: Matrix) -> tuple[Rows, Rows]:
    """Positions of the features with the most and the next most score; −1 for none.

    The second is never about the same thing as the first: two windows of logins are one story.
    """
    if not specs:
        nothing = np.full(len(score), -1)
        return nothing, nothing
    every = np.arange(len(score))
    first = score.argmax(axis=1)
    best = score[every, first]
    stories: dict[object, int] = {}
    story = np.array([stories.setdefault(_story(spec), len(stories)) for spec in specs])
    other = np.where(story[None, :] == story[first][:, None], 0.0, score)
    second = other.argmax(axis=1)
    enough = (other[every, second] >= SECOND_SHARE * best) & (other[every, second] > 0)
    return np.where(best > 0, first, -1), np.where(enough, second, -1)


def _story(spec: FeatureSpec) -> object:
    apart = OWN_STORY.get(spec.aggregation, "")
    return spec.source, spec.measure, spec.where, spec.category, spec.expression, apart


def _tell(readings: Readings, specs: list[FeatureSpec], picked: Rows, rows: Rows) -> list[str]:
    told = np.full(len(rows), "", dtype=object)
    for position, spec in enumerate(specs):
        chosen = np.flatnonzero(picked == position)
        if len(chosen):
            told[chosen] = sentences_of(readings, spec, rows[chosen])
    return told.tolist()


def _history(
    readings: Readings,
    terms: list[str],
    score: Matrix,
    rows: Rows,
    raises: Flags,
    detractors: bool,
) -> list[tuple[str, str]]:
    """The core sentence, then the most telling feature that it does not hold already.

    `raises`, one boolean a row: whether the driver raises the risk.
    """
    prior = [i for i, term in enumerate(terms) if term == PRIOR_TERM]
    strongest = np.zeros(len(rows), dtype=bool)
    if prior and detractors:
        own = score[:, prior[0]]
        strongest = (own > 0) & (own >= score.max(axis=1))
    core = history_sentences(readings, rows, strongest)
    specs = {i: readings.by_name[t] for i, t in enumerate(terms) if t != PRIOR_TERM}
    extras = [i for i, spec in specs.items() if not is_core(spec)]
    more = np.full(len(rows), "", dtype=object)
    if extras:
        at_odds = [speaks_against(readings, specs[i], rows, raises) for i in extras]
        among = np.where(np.column_stack(at_odds), 0.0, score[:, extras])
        picked = np.where(among.max(axis=1) > 0, among.argmax(axis=1), -1)
        for position, column in enumerate(extras):
            chosen = np.flatnonzero(picked == position)
            if len(chosen):
                more[chosen] = extra_sentences(readings, specs[column], rows[chosen])
    return list(zip(core, more.tolist(), strict=True))


def _join(first: str, second: str) -> str:
    """The first piece, and the second where both fit in `LONGEST_SENTENCE` characters."""
    if not first:
        first, second = second, ""
    if not first:
        return LITTLE
    if second and len(first) + len(second) + 3 <= LONGEST_SENTENCE:
        return f"{first}. {capital(second)}."
    return f"{first}."


def _driver_specs(model: Model, keys: tuple[str, ...]) -> list[DriverSpec]:
    """Declared drivers by key; a key that no driver declares is described by itself."""
    declared = {driver.key: driver for driver in model.drivers}
    return [declared.get(k) or DriverSpec(k, _label_of_key(k), k != NPS_HISTORY) for k in keys]


def _label_of_key(key: str) -> str:
    return "NPS history" if key == NPS_HISTORY else capital(key.replace("_", " "))


def _assemble(
    specs: list[DriverSpec], table: _Table, sentences: Sentences, advised: Flags, order: Rows
) -> list[list[DriverNote]]:
    points, texts, fit = table.points.tolist(), sentences.tolist(), advised.tolist()
    nps: list[list[float | None]] = (
        [[None] * len(specs)] * len(points) if table.nps is None else table.nps.tolist()
    )
    about = [(s.key, s.label, s.actionable, s.play) for s in specs]
    result = []
    for row, places in enumerate(order.tolist()):
        of_risk, of_nps, said, fitting = points[row], nps[row], texts[row], fit[row]
        made = []
        for i in places:
            key, label, actionable, advice = about[i]
            play = advice if fitting[i] else ""
            made.append(DriverNote(key, label, of_risk[i], of_nps[i], said[i], actionable, play))
        result.append(made)
    return result
