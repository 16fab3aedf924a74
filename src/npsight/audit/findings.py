"""What an audit found, as frozen objects that commands, cards and gates read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from npsight.errors import Problem

Level = Literal["leak", "look"]
Verdict = Literal["clean", "look", "leak", "not judged"]


@dataclass(frozen=True)
class Finding:
    """One suspicion, with the figure it rests on.

    Attributes
    ----------
    level
        `leak` fails the audit; `look` is worth a look and fails nothing.
    check
        The check that found it, as in `Check.name`.
    name
        The feature, or the column as `table.column`.
    figure, threshold
        What was measured, and from where on it is called so; in the unit that `what` names.
    what, remedy
        A plain sentence, and the way out.
    columns
        The columns that a feature reads; accepting one of them accepts the finding.
    can_be_accepted
        False where two computations of the same number differ: no reason makes that right.
    accepted
        The reason written in the project file; "" for none.
    """

    level: Level
    check: str
    name: str
    figure: float
    threshold: float
    what: str
    remedy: str
    columns: tuple[str, ...] = ()
    can_be_accepted: bool = True
    accepted: str = ""

    @property
    def fails(self) -> bool:
        """Whether it stops a training."""
        return self.level == "leak" and not self.accepted

    def problem(self) -> Problem:
        """The finding as one fault of an error."""
        return Problem(self.what, self.remedy, key=self.name)


@dataclass(frozen=True)
class Check:
    """One check: what was looked at, how much of it, and what came out.

    `compared` counts what `unit` names. `not_judged` says what there was too little of, or why it
    cannot be seen in these data; "" where all was judged.
    """

    name: str
    compared: int
    unit: str
    findings: tuple[Finding, ...] = ()
    not_judged: str = ""

    @property
    def verdict(self) -> Verdict:
        """`leak` and `look` by the findings that nobody accepted."""
        open_ = [finding for finding in self.findings if not finding.accepted]
        if any(finding.level == "leak" for finding in open_):
            return "leak"
        if open_:
            return "look"
        return "clean" if self.compared else "not judged"


@dataclass(frozen=True)
class AuditReport:
    """All checks of one project, on the days given.

    `data_digest` is that of the facts, so that a report names what it is about. `rows` and `days`
    are those of training, which the checks after the proofs look at.
    """

    project: str
    as_ofs: tuple[datetime, ...]
    accounts: int
    checks: tuple[Check, ...]
    data_digest: str = ""
    rows: int = 0
    days: int = 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of all checks, in their order."""
        return tuple(finding for check in self.checks for finding in check.findings)

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """What fails the audit."""
        return tuple(finding for finding in self.findings if finding.fails)

    @property
    def passed(self) -> bool:
        """No leak that nobody accepted."""
        return not self.leaks

    @property
    def rows_compared(self) -> int:
        """Values that two independent computations gave, and that were compared."""
        return sum(check.compared for check in self.checks if check.unit == "values")

    def figures(self) -> dict[str, float]:
        """For MLflow."""
        return {
            "audit_passed": float(self.passed),
            "audit_values_compared": float(self.rows_compared),
            "audit_leaks": float(len(self.leaks)),
            "audit_looks": float(len([f for f in self.findings if f.level == "look"])),
            "audit_accepted": float(len([f for f in self.findings if f.accepted])),
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values, the same for the same data."""
        return {
            "project": self.project,
            "passed": self.passed,
            "data_digest": self.data_digest,
            "as_ofs": [as_of.isoformat() for as_of in self.as_ofs],
            "accounts": self.accounts,
            "rows": self.rows,
            "days": self.days,
            "values_compared": self.rows_compared,
            "checks": [
                {
                    "name": check.name,
                    "compared": check.compared,
                    "unit": check.unit,
                    "verdict": check.verdict,
                    "not_judged": check.not_judged,
                    "findings": [asdict(finding) for finding in check.findings],
                }
                for check in self.checks
            ],
        }


def with_accepted(findings: Iterable[Finding], reasons: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings, each with the reason given for its name or for a column it reads."""
    return tuple(_accepted(finding, reasons) for finding in findings)


def _accepted(finding: Finding, reasons: Mapping[str, str]) -> Finding:
    if not finding.can_be_accepted:
        return finding
    named = [name for name in (finding.name, *finding.columns) if name in reasons]
    return replace(finding, accepted=reasons[named[0]]) if named else finding
