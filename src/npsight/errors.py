"""Every error npsight raises on purpose, and the exit code each one has.

An error says what was wrong, where, what was expected and what to do next. The facts are
attributes, so that a caller can act on them; the message is made from the facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class NpsightError(Exception):
    """Base of all errors that a user can mend. `exit_code` is what the command line returns."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One fault, with the place it was found and the way out.

    `where` is a file, or a file and a line; `key` a setting, table or column; both may be "".
    """

    what: str
    remedy: str = ""
    where: str = ""
    key: str = ""

    def __str__(self) -> str:
        place = " · ".join(part for part in (self.where, self.key) if part)
        head = f"{place}: {self.what}" if place else self.what
        return f"{head}\n      → {self.remedy}" if self.remedy else head


class ProblemsError(NpsightError):
    """Several faults reported together, so that one correction round is enough."""

    def __init__(self, headline: str, problems: Sequence[Problem]) -> None:
        self.headline = headline
        self.problems = tuple(problems)
        listing = "\n".join(f"  {i}. {problem}" for i, problem in enumerate(problems, start=1))
        super().__init__(f"{headline}\n{listing}")


class ConfigError(ProblemsError, ValueError):
    """The project file cannot be used."""

    exit_code = 2


class DataError(ProblemsError, ValueError):
    """A table cannot be used, or too many of its rows are bad."""

    exit_code = 3


class NothingToLearnError(ProblemsError, ValueError):
    """The data hold no usable outcomes for a target: too few answers, one class, one day."""

    exit_code = 4


class GateError(NpsightError):
    """A candidate model was refused by the gates."""

    exit_code = 5


class ModelIntegrityError(NpsightError):
    """A model bundle is damaged, altered, or does not fit the data it is asked to score."""

    exit_code = 6


class NotFoundError(NpsightError, LookupError):
    """An account, a score run or a model version that does not exist."""

    exit_code = 7


class StateError(NpsightError, RuntimeError):
    """The store or the registry is locked, full, or of a version this npsight cannot read."""

    exit_code = 8


class RegistryAwayError(StateError):
    """The model registry does not answer: it may later, and what was last known of it may do."""


class RegistryRefusedError(StateError):
    """The model registry does not let this user in, or not do this: waiting does not help."""


class LeakageError(ProblemsError, ValueError):
    """The leakage audit found that a feature or a column knows what came later."""

    exit_code = 9


class NoSkillError(ProblemsError, ValueError):
    """No target can be foreseen from these data better than by one number for everybody."""

    exit_code = 10


class OutgoingError(NpsightError, RuntimeError):
    """A system outside refused, failed or may not be called; progress made before is kept."""

    exit_code = 11


class ForecastMissedError(ProblemsError, ValueError):
    """What came is not what was forecast, and `npsight monitor --strict` was asked to say so."""

    exit_code = 12
