"""The tables that set contenders side by side."""

from __future__ import annotations

from npsight.jobs.reports.tables import (
    AUC,
    BRIER,
    BRIER_GAP,
    COUNT,
    NATS,
    NATS_GAP,
    NPS,
    NPS_ERROR,
    PERCENT,
    POINTS_GAP,
    SCORE,
    SCORE_GAP,
    TIMES,
    TIMES_GAP,
    WEIGHED,
    Cell,
    Reader,
    Style,
    Table,
    table,
)
from npsight.models.contest import ALL

FIGURES: tuple[tuple[str, str, Style, Style], ...] = (
    ("auc", "AUC", AUC, SCORE_GAP),
    ("average_precision", "average precision", SCORE, SCORE_GAP),
    ("brier", "Brier score", BRIER, BRIER_GAP),
    ("log_loss", "log loss", NATS, NATS_GAP),
    ("precision", "precision of the list", PERCENT, POINTS_GAP),
    ("lift", "lift of the list", TIMES, TIMES_GAP),
    ("capture", "revenue held by the list", PERCENT, POINTS_GAP),
)
"""(name, head, style, style of a difference)."""


def against(read: Reader, verdict: str) -> Table:
    """What the verdict rests on."""
    target, rows = read.get(f"{verdict}.target"), read.get(f"{verdict}.rows")
    accounts = read.get(f"{verdict}.accounts")
    lines = []
    for key in read.keys(f"{verdict}.against"):
        lines.append(
            [
                Cell(words=_baseline(read, key)),
                read.number(f"{key}.loss", NATS, rows),
                read.number(f"{key}.baseline_loss", NATS, rows),
                read.number(f"{key}.saved", PERCENT, rows),
                read.number(f"{key}.gap", NATS_GAP, rows, f"{key}.interval"),
                read.words(f"{key}.judgement"),
            ]
        )
    return table(
        f"against-{target}",
        "The figures of this verdict",
        f"Log loss of the chosen model against each baseline, all origins together; n = {rows:,} "
        f"rows of {accounts:,} accounts. Intervals: 95 %, bootstrap by account.",
        [
            ("against", None),
            ("chosen model", NATS),
            ("baseline", NATS),
            ("saved", PERCENT),
            ("gain and interval", NATS_GAP),
            ("judged", None),
        ],
        lines,
    )


def _baseline(read: Reader, key: str) -> str:
    feature = read.get(f"{key}.feature")
    name = str(read.get(f"{key}.baseline"))
    return f"{name}: {feature}" if feature else name


def standings(read: Reader, target: str, together: bool) -> Table:
    """Every contender; on all origins together, or on each of them."""
    title = read.get(f"targets.{target}.title")
    keys = _standing_keys(read, target, together)
    has_revenue = any(read.get(f"{k}.figures.capture") is not None for k in keys)
    figures = [f for f in FIGURES if f[0] != "capture" or has_revenue]
    rows = [_standing(read, key, target, figures, together) for key in keys]
    strong = [i for i, key in enumerate(keys) if read.get(f"{key}.contender") == "chosen"]
    where = "all origins together" if together else "origin by origin"
    return table(
        f"contenders-{target}-{'all' if together else 'origins'}",
        f"Every contender, {where}",
        f"{title}: every contender, {where}. n is the rows (an account on a day) with an outcome; "
        "the chosen model's figures have 95 % intervals (bootstrap by account).",
        [
            *(() if together else (("origin", None),)),
            ("contender", None),
            ("n", COUNT),
            ("events", WEIGHED),
            *((head, style) for _, head, style, _ in figures),
            ("calibration error", POINTS_ABS),
        ],
        rows,
        strong,
    )


POINTS_ABS = Style("percentage points", 1, scale=100)


def _standing_keys(read: Reader, target: str, together: bool) -> list[str]:
    keys = read.keys(f"targets.{target}.standings")
    labels = {read.get(f"{key}.origin") for key in keys}
    wanted = {ALL} if ALL in labels else labels
    if not together:
        return [key for key in keys if read.get(f"{key}.origin") != ALL]
    return [key for key in keys if read.get(f"{key}.origin") in wanted]


def _standing(
    read: Reader,
    key: str,
    target: str,
    figures: list[tuple[str, str, Style, Style]],
    together: bool,
) -> list[Cell]:
    n = read.get(f"{key}.rows")
    known = read.get(f"{key}.intervals")
    name = read.get(f"{key}.contender")
    rule = read.get(f"targets.{target}.rule")
    cells = [] if together else [read.words(f"{key}.origin")]
    cells += [
        Cell(words=f"rule: {rule}" if name == "rule" else name),
        read.number(f"{key}.rows", COUNT, n),
        read.number(f"{key}.events", WEIGHED, n),
    ]
    for figure, _, style, _ in figures:
        interval = f"{key}.intervals.{figure}" if figure in known else ""
        cells.append(read.number(f"{key}.figures.{figure}", style, n, interval))
    cells.append(read.number(f"{key}.calibration_error", POINTS_ABS, n))
    return cells


def against_prior(read: Reader, target: str) -> Table:
    """The chosen model's figures minus the prior's, origin by origin and together."""
    keys = [
        key
        for key in read.keys(f"targets.{target}.standings")
        if read.get(f"{key}.contender") == "chosen"
    ]
    seen = {f for key in keys for f in read.get(f"{key}.against").get("prior", {})}
    figures = [f for f in FIGURES if f[0] in seen]
    rows = []
    for key in keys:
        n = read.get(f"{key}.rows")
        differences = read.get(f"{key}.against").get("prior", {})
        cells = [read.words(f"{key}.origin"), read.number(f"{key}.rows", COUNT, n)]
        for figure, _, _, style in figures:
            place = f"{key}.against.prior.{figure}"
            known = figure in differences
            cells.append(
                read.number(f"{place}.value", style, n, f"{place}.interval")
                if known
                else Cell(words="n/a")
            )
        rows.append(cells)
    prior = "base rate" if target == "churn" else "history prior"
    return table(
        f"difference-{target}",
        "Chosen model minus prior",
        f"Chosen model minus {prior}, on the same rows (n), with 95 % intervals (bootstrap by "
        "account). Brier score and log loss: below 0 is better; all others: above 0.",
        [("origin", None), ("n", COUNT), *((head, style) for _, head, _, style in figures)],
        rows,
        [i for i, key in enumerate(keys) if read.get(f"{key}.origin") == ALL],
    )


def decomposition(read: Reader, target: str) -> Table:
    """The Brier score of every contender, taken apart."""
    keys = _standing_keys(read, target, together=True)
    rows = []
    for key in keys:
        n = read.get(f"{key}.rows")
        rows.append(
            [
                read.words(f"{key}.contender"),
                read.number(f"{key}.rows", COUNT, n),
                read.number(f"{key}.figures.brier", BRIER, n),
                read.number(f"{key}.reliability", BRIER, n),
                read.number(f"{key}.resolution", BRIER, n),
                read.number(f"{key}.uncertainty", BRIER, n),
                read.number(f"{key}.within", BRIER_GAP, n),
            ]
        )
    return table(
        f"brier-{target}",
        "The Brier score taken apart",
        "The Brier score taken apart: reliability (0 is best) − resolution (more is better) + "
        "uncertainty (of the data) + differences within groups. All origins together; n rows.",
        [
            ("contender", None),
            ("n", COUNT),
            ("Brier score", BRIER),
            ("reliability", BRIER),
            ("resolution", BRIER),
            ("uncertainty", BRIER),
            ("within groups", BRIER_GAP),
        ],
        rows,
        [i for i, key in enumerate(keys) if read.get(f"{key}.contender") == "chosen"],
    )


def lists(read: Reader, target: str) -> Table:
    """How long the list is that precision, lift and revenue are about."""
    rows = []
    for key in read.keys(f"targets.{target}.lists"):
        n = read.get(f"{key}.accounts")
        rows.append(
            [
                read.words(f"{key}.origin"),
                read.number(f"{key}.accounts", COUNT, n),
                read.number(f"{key}.calls", COUNT, n),
                read.number(f"{key}.part", PERCENT, n),
            ]
        )
    return table(
        f"list-{target}",
        "How long the list is",
        "The list a team can call: worklist.capacity for each owner. n is the accounts alive "
        "that day; only some have an outcome, so the list is taken as the same part of those.",
        [
            ("origin", None),
            ("accounts alive (n)", COUNT),
            ("on the list", COUNT),
            ("part", PERCENT),
        ],
        rows,
    )


def nps(read: Reader, together: bool) -> Table:
    """Errors of foreseen NPS by contender."""
    keys = read.keys("nps")
    labels = {read.get(f"{k}.origin") for k in keys}
    if together and ALL in labels:
        keys = [k for k in keys if read.get(f"{k}.origin") == ALL]
    elif not together:
        keys = [k for k in keys if read.get(f"{k}.origin") != ALL]
    rows = []
    for key in keys:
        answers, accounts = read.get(f"{key}.answers"), read.get(f"{key}.accounts")
        segments = read.get(f"{key}.segments")
        rows.append(
            [
                read.words(f"{key}.origin"),
                read.words(f"{key}.contender"),
                read.number(f"{key}.answers", COUNT, answers),
                read.number(f"{key}.accounts", COUNT, accounts),
                read.number(f"{key}.observed", NPS, answers),
                read.number(f"{key}.predicted", NPS, answers),
                read.number(f"{key}.company_error", NPS_ERROR, answers),
                read.number(f"{key}.segment_error", NPS_ERROR, segments),
                read.number(f"{key}.account_error", NPS_ERROR, accounts),
            ]
        )
    where = "root mean squares over the origins" if together else "origin by origin"
    return table(
        f"nps-{'all' if together else 'origins'}",
        f"NPS errors, {where}",
        f"NPS of those who answered, foreseen before they did: errors by contender, {where}. "
        "Company: all answers together; segment: root mean square over segments by their answers; "
        "account: root mean square over accounts, most of it the luck of single answers.",
        [
            ("origin", None),
            ("contender", None),
            ("answers (n)", COUNT),
            ("accounts (n)", COUNT),
            ("observed", NPS),
            ("predicted", NPS),
            ("company error", NPS_ERROR),
            ("segment error", NPS_ERROR),
            ("account error", NPS_ERROR),
        ],
        rows,
        [i for i, key in enumerate(keys) if read.get(f"{key}.contender") == "chosen"],
    )


def coverage(read: Reader) -> Table:
    """How often the intervals held."""
    rows = []
    for key in read.keys("coverage"):
        n = read.get(f"{key}.of")
        rows.append(
            [
                read.words(f"{key}.kind"),
                read.words(f"{key}.size"),
                read.number(f"{key}.level", Style("%"), n),
                read.number(f"{key}.of", COUNT, n),
                read.number(f"{key}.covered", COUNT, n),
            ]
        )
    return table(
        "coverage",
        "Coverage of the intervals",
        "How often an interval held the NPS that was answered later. n is the intervals tested.",
        [
            ("of", None),
            ("size", None),
            ("interval", Style("%")),
            ("tested (n)", COUNT),
            ("held", COUNT),
        ],
        rows,
    )
