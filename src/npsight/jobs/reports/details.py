"""The tables about one target: groups, history, drivers, scores; and about the data."""

from __future__ import annotations

from collections.abc import Iterator

from npsight.jobs.reports.tables import (
    AUC,
    BRIER,
    COUNT,
    LOG_ODDS,
    NATS,
    NPS,
    PERCENT,
    POINTS,
    POINTS_GAP,
    RANK,
    WEIGHED,
    Cell,
    Reader,
    Style,
    Table,
    table,
)


def groupings(read: Reader, target: str) -> Iterator[Table]:
    """One table for each grouping of accounts."""
    keys = read.keys(f"targets.{target}.groups")
    for grouping in dict.fromkeys(read.get(f"{key}.grouping") for key in keys):
        yield _grouping(
            read, target, grouping, [k for k in keys if read.get(f"{k}.grouping") == grouping]
        )


def _grouping(read: Reader, target: str, grouping: str, keys: list[str]) -> Table:
    with_nps = read.get(f"{keys[0]}.answers") is not None
    columns: list[tuple[str, Style | None]] = [
        (grouping, None),
        ("n", COUNT),
        ("predicted", PERCENT),
        ("observed", PERCENT),
        ("gap", POINTS_GAP),
        ("AUC", AUC),
        ("Brier score", BRIER),
        ("events", WEIGHED),
        ("accounts", COUNT),
    ]
    if with_nps:
        columns += [
            ("answers (n)", COUNT),
            ("NPS observed", NPS),
            ("NPS predicted", NPS),
            ("NPS error", NPS),
        ]
    number = read.get(f"targets.{target}.title")
    return table(
        f"groups-{target}-{_slug(grouping)}",
        f"By {grouping}",
        f"{number} by {grouping}, all origins together. n is the rows with an outcome. "
        "The gap is observed minus predicted, its interval 95 %, clustered by account.",
        columns,
        [_group(read, key, with_nps) for key in keys],
    )


def _group(read: Reader, key: str, with_nps: bool) -> list[Cell]:
    n = read.get(f"{key}.rows")
    cells = [
        read.words(f"{key}.group"),
        read.number(f"{key}.rows", COUNT, n),
        read.number(f"{key}.predicted", PERCENT, n),
        read.number(f"{key}.observed", PERCENT, n),
        read.number(f"{key}.gap", POINTS_GAP, n, f"{key}.interval"),
        read.number(f"{key}.auc", AUC, n),
        read.number(f"{key}.brier", BRIER, n),
        read.number(f"{key}.events", WEIGHED, n),
        read.number(f"{key}.accounts", COUNT, n),
    ]
    if with_nps:
        answers = read.get(f"{key}.answers")
        cells += [
            read.number(f"{key}.answers", COUNT, answers),
            read.number(f"{key}.nps_observed", NPS, answers),
            read.number(f"{key}.nps_predicted", NPS, answers),
            read.number(f"{key}.nps_error", NPS, answers),
        ]
    return cells


def _slug(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text.lower())


def learning(read: Reader, target: str) -> Table:
    """The newest origin, learned from parts of the history."""
    place = f"targets.{target}.learning"
    what = "history" if read.get(f"{place}.by_time") else "accounts"
    rows = []
    for key in read.keys(f"{place}.points"):
        n, learned = read.get(f"{key}.tested"), read.get(f"{key}.rows")
        rows.append(
            [
                read.number(f"{key}.part", Style("%", scale=100), learned),
                read.words(f"{key}.since"),
                read.number(f"{key}.rows", COUNT, learned),
                read.number(f"{key}.events", WEIGHED, learned),
                read.number(f"{key}.tested", COUNT, n),
                read.number(f"{key}.auc", AUC, n),
                read.number(f"{key}.brier", BRIER, n),
                read.number(f"{key}.log_loss", NATS, n, f"{key}.interval"),
            ]
        )
    origin = read.get(f"{place}.origin")
    return table(
        f"learning-{target}",
        "Less and less history",
        f"The origin {origin}, learned from parts of the {what} before it; tested on the same n "
        "rows each time. Intervals 95 %, bootstrap by account.",
        [
            (f"part of the {what}", Style("%")),
            ("from", None),
            ("rows learned from", COUNT),
            ("events", WEIGHED),
            ("tested on (n)", COUNT),
            ("AUC", AUC),
            ("Brier score", BRIER),
            ("log loss and interval", NATS),
        ],
        rows,
    )


def drivers(read: Reader, place: str) -> Table:
    """How much each driver moves the displayed number."""
    n, target = read.get(f"{place}.rows"), read.get(f"{place}.target")
    sizes, means = (NPS_SIZE, NPS) if target == "nps" else (POINTS, POINTS_GAP)
    rows = []
    for key in read.keys(f"{place}.drivers"):
        rows.append(
            [
                read.words(f"{key}.label"),
                Cell(words="yes" if read.get(f"{key}.actionable") else "no"),
                read.number(f"{key}.size", sizes, n),
                read.number(f"{key}.mean", means, n),
                read.number(f"{key}.raises", PERCENT, n),
            ]
        )
    shown = "foreseen NPS" if target == "nps" else "displayed risk"
    return table(
        f"drivers-{target}",
        "Drivers",
        f"How far each driver moves the {shown}, over n = {n:,} accounts of the newest training "
        "day: exact Shapley points. They contribute to a prediction; they are no causes.",
        [
            ("driver", None),
            ("CS can act", None),
            ("mean size", sizes),
            ("mean", means),
            ("accounts it raises", PERCENT),
        ],
        rows,
    )


NPS_SIZE = Style("NPS points", 1)


def stability(read: Reader, place: str) -> Table:
    """Each driver's size by every origin's own model."""
    target = read.get(f"{place}.target")
    style = NPS_SIZE if target == "nps" else POINTS
    origins, counts = read.get(f"{place}.origins"), read.get(f"{place}.origin_rows")
    rows = []
    for key in read.keys(f"{place}.drivers"):
        cells = [read.words(f"{key}.label")]
        cells += [
            read.number(f"{key}.by_origin.{i}", style, count) for i, count in enumerate(counts)
        ]
        rows.append(cells)
    heads = [f"{origin}, n = {count:,}" for origin, count in zip(origins, counts, strict=True)]
    return table(
        f"stability-{target}",
        "Drivers, origin by origin",
        "Mean size of each driver by the model of every origin, on the n rows it was tested on.",
        [("driver", None), *((head, style) for head in heads)],
        rows,
    )


def agreement(read: Reader, place: str) -> Table:
    """How alike each origin and the next rank the drivers."""
    origins, count = read.get(f"{place}.origins"), len(read.get(f"{place}.drivers"))
    rows = [
        [
            Cell(words=f"{origins[i]} and {origins[i + 1]}"),
            read.number(key, RANK, count),
            Cell(words=f"{count}"),
        ]
        for i, key in enumerate(read.keys(f"{place}.stability"))
    ]
    return table(
        f"agreement-{read.get(f'{place}.target')}",
        "Do the origins agree on the drivers",
        "Rank correlation of the drivers' mean sizes between an origin and the next: 1 is the same "
        "order, 0 none. n is the number of drivers.",
        [("origins", None), ("rank correlation", RANK), ("drivers (n)", None)],
        rows,
    )


def features(read: Reader, place: str) -> Table:
    """The features that move the log-odds most."""
    n, target = read.get(f"{place}.rows"), read.get(f"{place}.target")
    rows = []
    for key in read.keys(f"{place}.features"):
        rows.append(
            [
                read.words(f"{key}.label"),
                read.words(f"{key}.feature"),
                read.number(f"{key}.size", LOG_ODDS, n),
                read.number(f"{key}.direction", RANK, n),
            ]
        )
    return table(
        f"features-{target}",
        "Features",
        f"Features by mean |contribution| over n = {n:,} accounts. Direction is the rank "
        "correlation of value and contribution: above 0, more of it means more risk; n/a for "
        "categories.",
        [("feature", None), ("name", None), ("mean size", LOG_ODDS), ("direction", RANK)],
        rows,
    )


def scores(read: Reader, target: str) -> Table:
    """Levels and quantiles of the risks of the newest day."""
    place = f"targets.{target}.scores"
    n = read.get(f"{place}.accounts")
    rows = [
        [Cell(words=f"{level} risk"), read.number(f"{place}.levels.{level}", COUNT, n), _n(read, n)]
        for level in read.get(f"{place}.levels")
    ]
    return table(
        f"levels-{target}",
        "Levels of risk",
        f"Accounts by level of risk on {read.get(f'{place}.day')}, n = {n:,} accounts alive.",
        [("level", None), ("accounts", COUNT), ("of (n)", None)],
        rows,
    )


def quantiles(read: Reader, target: str) -> Table:
    """Quantiles of the risks of the newest day."""
    place = f"targets.{target}.scores"
    n = read.get(f"{place}.accounts")
    names = list(read.get(f"{place}.quantiles"))
    return table(
        f"quantiles-{target}",
        "Quantiles of risk",
        f"Risk that this part of the n = {n:,} accounts stays below.",
        [("", None), *((f"{name} of accounts", PERCENT) for name in names)],
        [
            [
                Cell(words="risk"),
                *(read.number(f"{place}.quantiles.{name}", PERCENT, n) for name in names),
            ]
        ],
    )


def _n(read: Reader, n: object) -> Cell:
    return Cell(words=f"{n:,}")


def audit(read: Reader) -> Table:
    """The leakage audit, check by check."""
    rows = []
    for key in read.keys("audit"):
        n = read.get(f"{key}.compared")
        rows.append(
            [
                read.words(f"{key}.check"),
                read.number(f"{key}.compared", COUNT, n),
                read.words(f"{key}.unit"),
                read.words(f"{key}.verdict"),
                read.words(f"{key}.note"),
            ]
        )
    return table(
        "audit",
        "Leakage audit",
        "Leakage audit: what was compared (n), and what came of it.",
        [
            ("check", None),
            ("compared (n)", COUNT),
            ("of", None),
            ("verdict", None),
            ("not judged", None),
        ],
        rows,
    )
