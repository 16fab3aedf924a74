"""The table and the verdicts, for the terminal and for the benchmarks page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.quality.companies import Clock
from benchmarks.quality.figures import COMPARED, Level, Row, share_to_truth
from benchmarks.quality.noise import Cost

SHARES = {"demo-2000": 0.70, "demo-20000": 0.85}
MOST_OVERALL = 0.02
MOST_GROUP = 0.04
MOST_TIMES = 3.0
MOST_LOST = 0.03
Verdict = tuple[str, bool | None]


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    """One table: company, target, contender."""
    table = Table(title="Out of time; Brier and log loss: lower is better")
    for name in ("company", "target", "n", "contender"):
        table.add_column(name)
    for name in ("Brier", "behind the best ± error", "log loss", "AUC", "ECE"):
        table.add_column(name, justify="right")
    last = None
    for row in rows:
        if last not in (None, (row.company, row.target)):
            table.add_section()
        last = (row.company, row.target)
        table.add_row(*_cells(row))
    console.print(table)


def markdown(rows: Sequence[Row]) -> str:
    """The same as a Markdown table."""
    head = (
        "| company | target | n | contender | Brier | behind the best ± error | log loss | AUC "
        "| ECE |"
    )
    return "\n".join([head, "|---|---|---:|---|---:|---:|---:|---:|---:|", *_lines(rows)])


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        yield "| " + " | ".join(_cells(row)) + " |"


def _cells(row: Row) -> tuple[str, ...]:
    behind = f"{row.behind:+.4f} ± {row.behind_error:.4f}" if row.behind else "best"
    return (
        row.company,
        row.target,
        f"{row.rows:,}",
        row.contender,
        f"{row.brier:.4f}",
        behind if row.contender in COMPARED else "",
        f"{row.log_loss:.4f}",
        "n/a" if row.auc is None else f"{row.auc:.3f}",
        f"{row.calibration_error:.3f}",
    )


def verdicts(
    rows: Sequence[Row],
    levels: Sequence[Level],
    clocks: dict[str, Clock],
    noise: Sequence[Cost] = (),
) -> Iterator[Verdict]:
    """Every goal with its figure, and whether it is met (None: a figure without a goal)."""
    by = {(r.company, r.target, r.contender): r for r in rows}
    for company, target in dict.fromkeys((r.company, r.target) for r in rows):
        ours, prior = by[company, target, "chosen"], by[company, target, "prior"]
        errors = ours.behind / ours.brier_error
        harsher = ours.behind / ours.behind_error if ours.behind_error else 0.0
        yield (
            f"{company} {target}: chosen behind the best by {ours.behind:.5f}, {errors:.2f} "
            f"standard errors of the score ({harsher:.1f} of the difference)",
            errors <= 1.0,
        )
        yield (
            f"{company} {target}: chosen − prior {ours.brier - prior.brier:+.5f}",
            (ours.brier <= prior.brier + 1e-9),
        )
        share = share_to_truth(rows, company, target)
        if share is not None:
            least = SHARES.get(company)
            yield (
                f"{company} {target}: {share:.0%} of the way from the base rate to the truth in "
                "log loss" + (f" (goal {least:.0%})" if least else ""),
                None if least is None else share >= least,
            )
    for level in levels:
        most = MOST_OVERALL if level.group == "all" else MOST_GROUP
        yield (
            f"{level.company} {level.target}, {level.group} ({level.accounts:,} accounts): "
            f"calibration error {level.calibration_error:.4f} (goal {most})",
            level.calibration_error <= most if level.company in SHARES else None,
        )
    for target in dict.fromkeys(cost.target for cost in noise):
        some = [cost for cost in noise if cost.target == target]
        mean = sum(cost.share for cost in some) / len(some)
        each = ", ".join(f"{cost.share:+.1%} ({cost.kept} kept)" for cost in some)
        yield (
            f"{target}: columns of noise cost {mean:+.1%} of the skill; {each} "
            f"(goal at most {MOST_LOST:.0%})",
            mean <= MOST_LOST,
        )
    for company, clock in clocks.items():
        times = clock.total / clock.boosting if clock.boosting else float("nan")
        yield (
            f"{company}: training took {clock.total:.0f} s, {times:.1f} × its {clock.fits} bare "
            f"LightGBM fits ({clock.boosting:.0f} s)"
            + (f" (goal {MOST_TIMES:.0f} ×)" if company == "demo-20000" else ""),
            times <= MOST_TIMES if company == "demo-20000" else None,
        )
