"""Plants faults in the rules of time, one after another, and sees whether the tests catch each.

    python scripts/mutate_time.py [--ten] [--quick] [--list] [--only TEXT] [--jobs N]

Sites are found in the syntax trees of `temporal`, `features` and `targets`, so that a comparison
written tomorrow is tried tomorrow. Sources and tests are copied first; the working tree is never
touched. Prints one table; exits with 1 when a fault survives, 2 when the tests fail without any.
"""

from __future__ import annotations

import argparse
import ast
import multiprocessing
import os
import queue
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path("src/npsight")
FOLDERS = ("temporal", "features", "targets")
PROPERTIES = ("tests/time/test_properties.py",)
COPIED = ("src", "tests/time", "tests/unit/features", "tests/unit/temporal", "tests/unit/targets")
NAMED = ("tests/unit/features", "tests/unit/temporal", "tests/unit/targets")
TIME_LIMIT_SECONDS = 240

CPU = "processor seconds: "

# Every fault needs a fresh process, but not to load the libraries anew.
FORKS = multiprocessing.get_context("forkserver")
LIBRARIES = ["pytest", "numpy", "pandas", "pyarrow", "pydantic", "yaml"]
LIBRARIES += ["duckdb", "sqlglot", "ibis", "ibis.backends.duckdb"]

FLIPS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.GtE: (">=", ">"),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
}
JOINS = ("join", "left_join", "anti_join", "beside")

# (file, text that stands in it exactly once, what to put there, the fault in words)
PLANTED = (
    (
        "temporal/windows.py",
        "(facts.occurred_at < as_of) & known_before(as_of, facts)",
        "facts.occurred_at < as_of",
        "known_at ignored",
    ),
    (
        "temporal/windows.py",
        "(facts.occurred_at < as_of) & known_before(as_of, facts)",
        "known_before(as_of, facts)",
        "occurred_at ignored",
    ),
    (
        "temporal/windows.py",
        '("corrected_at", "moved_at")',
        '("moved_at",)',
        "corrections ignored",
    ),
    ("temporal/windows.py", '("corrected_at", "moved_at")', '("corrected_at",)', "merges ignored"),
    (
        "temporal/windows.py",
        "interval(days=back + days)",
        "interval(days=back + days + 1)",
        "window one day longer",
    ),
    (
        "temporal/windows.py",
        "return ~(over & (ended_known_at < as_of))",
        "return ~(over)",
        "ended_known_at ignored",
    ),
    (
        "temporal/windows.py",
        "(occurred_at < then) & ~(over & (ended_known_at < as_of))",
        "(occurred_at < then) & ~(over)",
        "ended_known_at ignored looking back",
    ),
    (
        "temporal/windows.py",
        "interval(days=window.gap_days)",
        "interval(days=0)",
        "outcome starts without its gap",
    ),
    (
        "temporal/windows.py",
        "interval(days=window.gap_days + window.horizon_days)",
        "interval(days=window.horizon_days)",
        "outcome ends without its gap",
    ),
    (
        "features/attributes.py",
        "(ranked.rank_ == 0) & in_force",
        "ranked.rank_ == 0",
        "valid_to ignored",
    ),
    (
        "features/aggregations.py",
        "Span(spec.window_days, spec.window_days)",
        "Span(spec.window_days)",
        "trend against itself",
    ),
    (
        "features/aggregations.py",
        'later.delta(earlier, unit="microsecond")',
        'later.delta(earlier, unit="second") * 1_000_000',
        "days counted in whole seconds",
    ),
    (
        "features/rows.py",
        "ibis.interval(days=longest)",
        "ibis.interval(days=longest - 1)",
        "facts fetched one day short",
    ),
    (
        "features/panes.py",
        "edges_passed(facts.known_at, grid.as_ofs)",
        "edges_passed(facts.occurred_at, grid.as_ofs)",
        "known_at ignored by panes",
    ),
    (
        "features/cells.py",
        "np.clip(apart.seen.astype(np.int64), first, last)",
        "first",
        "known_at ignored by arrays",
    ),
    (
        "features/cells.py",
        "np.clip(apart.until.astype(np.int64), seen, last)",
        "last",
        "corrections ignored by arrays",
    ),
    (
        "features/cells.py",
        "self._running[reads.start]",
        "self._running[reads.start - 1]",
        "arrays begin a window a pane early",
    ),
    (
        "features/extremes.py",
        "(begin <= as_of) & (as_of < end)",
        "begin <= as_of",
        "corrections ignored by extremes",
    ),
    (
        "features/extremes.py",
        "inside = (start < pane) & (pane <= end)",
        "inside = pane <= end",
        "last values older than their window",
    ),
    (
        "features/inorder.py",
        "& (seen <= k)",
        "& (seen <= k + 1)",
        "known_at a day late in sorted facts",
    ),
    (
        "features/inorder.py",
        "sees &= gone > k",
        "sees &= gone >= k",
        "corrections a day late in sorted facts",
    ),
    (
        "features/own.py",
        "still_open.ifelse(ibis.null(rows.ended_at.type()), rows.ended_at)",
        "rows.ended_at",
        "ends not yet known shown to own expressions",
    ),
    (
        "targets/outcomes.py",
        "spine.filter(outcome_end(spine.as_of, window) <= end)",
        "spine",
        "censored windows kept",
    ),
)

# Ten of the faults, one of each kind, for a look that takes minutes.
TEN = (
    "known_at ignored",
    "occurred_at ignored",
    "corrections ignored",
    "merges ignored",
    "window one day longer",
    "ended_known_at ignored",
    "known_at ignored by panes",
    "outcome starts without its gap",
    "valid_to ignored",
    "facts.occurred_at < as_of  becomes <=",
)


@dataclass(frozen=True)
class Mutant:
    """One fault: `old` at `start` of the file (in bytes) becomes `new`."""

    file: str
    line: int
    start: int
    old: str
    new: str
    fault: str

    def planted(self, source: bytes) -> bytes:
        """The file's source with the fault in it, still valid Python."""
        old = self.old.encode()
        assert source[self.start : self.start + len(old)] == old
        mutated = source[: self.start] + self.new.encode() + source[self.start + len(old) :]
        ast.parse(mutated)
        return mutated


@dataclass(frozen=True)
class Outcome:
    """What the tests said to a mutant, and the processor time they took."""

    result: str
    by: str
    seconds: float


class Source:
    """A file, its syntax tree, and the places of its nodes in bytes."""

    def __init__(self, root: Path, file: str) -> None:
        self.file = file
        self.bytes = (root / PACKAGE / file).read_bytes()
        self.lines = [0]
        for line in self.bytes.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def start(self, node: ast.expr) -> int:
        return self.lines[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr) -> int:
        return self.lines[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)

    def text(self, node: ast.expr) -> str:
        return self.bytes[self.start(node) : self.end(node)].decode()

    def mutant(self, start: int, old: str, new: str, fault: str) -> Mutant:
        line = self.bytes.count(b"\n", 0, start) + 1
        return Mutant(self.file, line, start, old, new, fault)

    def replaced(self, node: ast.expr, new: str, fault: str) -> Mutant:
        return self.mutant(self.start(node), self.text(node), new, fault)

    def mutants(self) -> Iterator[Mutant]:
        for node in ast.walk(ast.parse(self.bytes)):
            if isinstance(node, ast.Compare):
                yield from self._comparison(node)
            elif isinstance(node, ast.Call):
                yield from self._call(node)

    def _comparison(self, node: ast.Compare) -> Iterator[Mutant]:
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            if isinstance(operator, ast.Eq) and _is_account(left) and _is_account(right):
                every = f"{self.text(left)}.notnull() == {self.text(right)}.notnull()"
                yield self.replaced(node, every, "account left out of the join")
            elif type(operator) in FLIPS:
                old, new = FLIPS[type(operator)]
                between = self.bytes[self.end(left) : self.start(right)].decode()
                start = self.end(left) + len(between[: between.index(old)].encode())
                shown = f"{_short(self.text(left))} {old} {_short(self.text(right))}"
                yield self.mutant(start, old, new, f"{shown}  becomes {new}")

    def _call(self, node: ast.Call) -> Iterator[Mutant]:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name == "days_between":
            first, second = (self.text(arg) for arg in node.args)
            old = self.bytes[self.start(node.args[0]) : self.end(node.args[1])].decode()
            yield self.mutant(
                self.start(node.args[0]), old, f"{second}, {first}", "sign of the days"
            )
        if name == "desc":
            value = self.text(node.func.value)  # type: ignore[attr-defined]
            yield self.replaced(node, f"{value}.asc()", f"{_short(value)} in rising order")
        if name in JOINS:
            for keys in (arg for arg in node.args if isinstance(arg, ast.List)):
                yield from self._keys(keys)

    def _keys(self, keys: ast.List) -> Iterator[Mutant]:
        names = [key.value for key in keys.elts if isinstance(key, ast.Constant)]
        if len(names) == len(keys.elts) > 1:
            for name in names:
                rest = ", ".join(f'"{other}"' for other in names if other != name)
                yield self.replaced(keys, f"[{rest}]", f"{name} left out of the join")


def _is_account(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "account"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 34 else f"…{text[-33:]}"


def mutants_of(root: Path) -> list[Mutant]:
    """Every fault, in the order of the files."""
    found: list[Mutant] = []
    for folder in FOLDERS:
        for path in sorted((root / PACKAGE / folder).glob("*.py")):
            source = Source(root, f"{folder}/{path.name}")
            found += source.mutants()
            found += _planted(source)
    return sorted(found, key=lambda m: (FOLDERS.index(m.file.split("/")[0]), m.file, m.start))


def _planted(source: Source) -> Iterator[Mutant]:
    for file, old, new, fault in PLANTED:
        if file == source.file:
            if (times := source.bytes.count(old.encode())) != 1:
                raise SystemExit(f"{file}: {old!r} occurs {times} times, not once; mend PLANTED")
            yield source.mutant(source.bytes.index(old.encode()), old, new, fault)


# --- Running ----------------------------------------------------------------------------------


def workspace(folder: Path) -> Path:
    """A copy of the sources and of the tests that are asked."""
    ignore = shutil.ignore_patterns("__pycache__")
    for part in COPIED:
        shutil.copytree(ROOT / part, folder / part, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def ask(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Exit code and output of `pytest -x -q` in a workspace."""
    output = folder / "output.txt"
    process = FORKS.Process(target=_pytest, args=(folder, output, tests))
    process.start()
    process.join(TIME_LIMIT_SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
        return 1, f"FAILED no end within {TIME_LIMIT_SECONDS} s"
    return process.exitcode, output.read_text(encoding="utf-8")


def _pytest(folder: Path, output: Path, tests: Sequence[str]) -> None:
    """In a fresh fork, where the libraries are loaded and npsight is not."""
    with output.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(folder)
    sys.path.insert(0, str(folder / "src"))
    import pytest

    import npsight

    if not str(npsight.__file__).startswith(str(folder)):
        print(f"not the copy in {folder}: {npsight.__file__}")
        os._exit(3)
    status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
    print(f"{CPU}{time.process_time():.2f}", flush=True)
    os._exit(status)


def rounds(mutant: Mutant, quick: bool) -> list[Sequence[str]]:
    """Which tests are asked together: all at once, or the fast ones first, nearest first."""
    if not quick:
        return [(*PROPERTIES, *NAMED)]
    folder, name = mutant.file.split("/")
    own = f"tests/unit/{folder}/test_{folder}_{name}"
    nearest = [own] if (ROOT / own).exists() else []
    near = f"tests/unit/{folder}"
    return [[*nearest, near, *(other for other in NAMED if other != near)], PROPERTIES]


def try_out(mutant: Mutant, folder: Path, quick: bool) -> Outcome:
    """Plant the fault in the workspace, run the tests, take it out again."""
    path = folder / PACKAGE / mutant.file
    source = path.read_bytes()
    seconds = 0.0
    _write(path, mutant.planted(source))
    try:
        for tests in rounds(mutant, quick):
            code, output = ask(folder, tests)
            seconds += float(output.rpartition(CPU)[2]) if CPU in output else 0.0
            if code == 1:
                return Outcome("caught", _first_failure(output), seconds)
            if code != 0:  # not a failing test, but pytest itself: nothing is proved
                return Outcome("BROKEN", output.strip()[-200:], seconds)
        return Outcome("SURVIVED", "", seconds)
    finally:
        _write(path, source)


def _write(path: Path, source: bytes) -> None:
    """Without its compiled file: a mutant of the same size and second is not its neighbour."""
    path.write_bytes(source)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()


def _first_failure(output: str) -> str:
    found = re.search(r"^(?:FAILED|ERROR) (?:\S*::)?(.+?)(?: - .*)?$", output, re.MULTILINE)
    return found.group(1) if found else "?"


def check_baseline(folder: Path) -> None:
    """Without a fault the tests pass."""
    status, output = ask(folder, (*PROPERTIES, *NAMED))
    if status != 0:
        print(output)
        print("the tests fail without any fault: nothing can be said")
        raise SystemExit(2)


def run(mutants: list[Mutant], quick: bool, jobs: int) -> dict[Mutant, Outcome]:
    """Every mutant's outcome; `jobs` at a time, each in a workspace of its own."""
    with tempfile.TemporaryDirectory(prefix="mutate-time-") as temporary:
        free: queue.Queue[Path] = queue.Queue()
        for number in range(jobs):
            free.put(workspace(Path(temporary) / str(number)))
        first = free.get()
        check_baseline(first)
        free.put(first)

        def one(mutant: Mutant) -> Outcome:
            folder = free.get()
            try:
                outcome = try_out(mutant, folder, quick)
            finally:
                free.put(folder)
            print(row(mutant, outcome), flush=True)
            return outcome

        with ThreadPoolExecutor(jobs) as pool:
            return dict(zip(mutants, pool.map(one, mutants), strict=True))


def row(mutant: Mutant, outcome: Outcome | None = None) -> str:
    """One line of the table."""
    place = f"{mutant.file}:{mutant.line}"
    if outcome is None:
        return f"{place:<29} {mutant.fault}"
    result = f"{outcome.result:<9}{outcome.seconds:4.0f} s"
    return f"{place:<29} {mutant.fault:<66} {result}  {outcome.by[:70]}".rstrip()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="named examples first, then the rest")
    parser.add_argument("--ten", action="store_true", help="ten faults of different kinds only")
    parser.add_argument("--list", action="store_true", help="print the faults, run nothing")
    parser.add_argument("--only", default="", help="only faults whose line holds this text")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    mutants = [m for m in mutants_of(ROOT) if options.only in row(m)]
    if options.ten:
        mutants = [next(m for m in mutants if m.fault == fault) for fault in TEN]
    if options.list:
        print("\n".join(row(mutant) for mutant in mutants))
        return 0
    started = time.monotonic()
    FORKS.set_forkserver_preload(LIBRARIES)
    outcomes = run(mutants, options.quick, options.jobs)
    survivors = [row(m, o) for m, o in outcomes.items() if o.result != "caught"]
    caught = len(outcomes) - len(survivors)
    wall, processor = time.monotonic() - started, sum(o.seconds for o in outcomes.values())
    print(f"\n{caught} of {len(outcomes)} faults caught in {wall:.0f} s ({processor:.0f} s of CPU)")
    print("\n".join(survivors))
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
