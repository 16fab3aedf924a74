"""Why a number is what it is: a start and signed points of drivers that visibly add up to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from npsight.store import ScoreRow
from npsight.web.charts import Bar, Token, bar_chart
from npsight.web.rendering import signed

Target = Literal["risk", "nps", "churn"]
DIGITS = 1
SIZE = 10.0**DIGITS
NEGLIGIBLE = 0.05


@dataclass(frozen=True)
class Words:
    """What a target is called on the page; `raising_is_bad` says which sign is drawn in red."""

    title: str
    tab: str
    start: str
    total: str
    unit: str
    raising_is_bad: bool


WORDS: Mapping[Target, Words] = {
    "risk": Words(
        "Why this detractor risk",
        "Detractor risk",
        "The mean of the accounts that the model learned from",
        "Detractor risk of this account",
        "%",
        True,
    ),
    "nps": Words(
        "Why this predicted NPS",
        "Predicted NPS",
        "The mean of the accounts that the model learned from",
        "Predicted NPS of this account",
        "",
        False,
    ),
    "churn": Words(
        "Why this churn risk",
        "Churn risk",
        "The mean of the accounts that the model learned from",
        "Churn risk of this account",
        "%",
        True,
    ),
}


@dataclass(frozen=True)
class Share:
    """One driver's part, in the points that are shown; `effect` is `raises`, `lowers` or `` ``."""

    label: str
    points: float
    text: str
    effect: str
    sentence: str
    actionable: bool
    play: str


@dataclass(frozen=True)
class Why:
    """The parts of one number: `start` + Σ `points` = `total`, as shown and to the digit."""

    target: Target
    words: Words
    start: float
    start_text: str
    total: float
    total_text: str
    shares: tuple[Share, ...]

    @property
    def chart(self) -> Markup:
        """The parts as bars, each from where the one before it ended."""
        bars = [Bar("Start", self.start, self.start_text, color="dim")]
        reached = self.start
        for share in self.shares:
            bars.append(Bar(share.label, share.points, share.text, reached, _color(share, self)))
            reached += share.points
        bars.append(Bar(self.words.tab, self.total, self.total_text, color="ink"))
        told = ", ".join(f"{share.label} {share.text}" for share in self.shares)
        description = f"From {self.start_text}: {told}. Together {self.total_text}."
        return bar_chart(bars, title=self.words.title, description=description)


def targets_of(row: ScoreRow) -> list[Target]:
    """The numbers of an account that can be explained."""
    found: list[Target] = []
    if row.detractor_risk is not None and row.base_risk is not None and row.drivers:
        found.append("risk")
    told = all(driver.get("nps_points") is not None for driver in row.drivers)
    if row.predicted_nps is not None and row.base_nps is not None and row.drivers and told:
        found.append("nps")
    if row.churn_risk is not None and row.base_churn is not None and row.churn_drivers:
        found.append("churn")
    return found


def why(row: ScoreRow, target: Target) -> Why:
    """The parts of a number that `targets_of` names."""
    words = WORDS[target]
    start, total, drivers, points = _exact(row, target)
    rest = total - start - sum(points)
    labels = [str(driver["label"]) for driver in drivers]
    if abs(rest) >= NEGLIGIBLE:
        labels, points, drivers = [*labels, "Other"], [*points, rest], [*drivers, {}]
    whole, begun = _rounded(total), _rounded(start)
    shown = adding_up(points, whole - begun, DIGITS)
    shares = tuple(
        Share(
            label,
            value,
            _signed(value),
            "raises" if value > 0 else "lowers" if value < 0 else "",
            str(driver.get("sentence", "")),
            bool(driver.get("actionable", False)),
            str(driver.get("play", "")),
        )
        for label, value, driver in zip(labels, shown, drivers, strict=True)
    )
    return Why(target, words, begun, _plain(begun, words), whole, _plain(whole, words), shares)


def adding_up(values: Sequence[float], total: float, digits: int) -> list[float]:
    """Values rounded to so many decimals that add up to the rounded total (largest remainders).

    Each is the value rounded down or up, where `values` add up to `total`; where they miss it by
    a little, some are off by one more in the last decimal.
    """
    size = 10**digits
    floors = [math.floor(round(value * size, 6)) for value in values]
    missing = round(total * size) - sum(floors)
    remainders = [value * size - low for value, low in zip(values, floors, strict=True)]
    order = sorted(range(len(values)), key=lambda place: (-remainders[place], place))
    each, extra = divmod(missing, len(values)) if values else (0, 0)
    raised = set(order[:extra])
    return [(low + each + (place in raised)) / size for place, low in enumerate(floors)]


def _exact(row: ScoreRow, target: Target) -> tuple[float, float, list[dict[str, Any]], list[float]]:
    """Start, total, drivers and their points, in what is shown: per cent or NPS points."""
    if target == "nps":
        points = [float(driver["nps_points"]) for driver in row.drivers]
        return float(row.base_nps or 0), float(row.predicted_nps or 0), row.drivers, points
    churn = target == "churn"
    drivers = row.churn_drivers if churn else row.drivers
    start = row.base_churn if churn else row.base_risk
    total = row.churn_risk if churn else row.detractor_risk
    points = [100 * float(driver["points"]) for driver in drivers]
    return 100 * float(start or 0), 100 * float(total or 0), drivers, points


def _rounded(value: float) -> float:
    return round(value * SIZE) / SIZE


def _plain(value: float, words: Words) -> str:
    text = f"{value + 0.0:.{DIGITS}f}".replace("-", "−")
    return f"{text} {words.unit}".strip()


def _signed(value: float) -> str:
    return signed(value, DIGITS) if value else f"{0:.{DIGITS}f}"


def _color(share: Share, told: Why) -> Token:
    if not share.points:
        return "dim"
    return "detractor" if (share.points > 0) == told.words.raising_is_bad else "promoter"
