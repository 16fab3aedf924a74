"""Damaged champions are offered: cut, flipped, exchanged, forged, and sealed anew over damage."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.chaos.load import Load
from benchmarks.chaos.outcome import Outcome
from benchmarks.chaos.running import served
from benchmarks.chaos.workspace import Files, make_workspace, sealed
from npsight.models.bundle import MANIFEST

TREES = ("detractor.lgb.txt", "promoter.lgb.txt", "churn.lgb.txt")


def damaged_offers(folder: Path, count: int = 60) -> Outcome:
    """No damaged champion is served, none ends the service, and no score is wrong."""
    outcome = Outcome(f"{count} mutated model files offered")
    workspace = make_workspace(folder)
    refused = 0
    served_all_the_same: list[str] = []
    with served(workspace) as running:
        before = running.processes()
        load = Load(running, workspace)
        with load.on():
            for number, (kind, files) in enumerate(mutations(workspace.champions[1], count)):
                workspace.promote(200 + number, files)
                if running.wait_refused(200 + number):
                    refused += 1
                else:
                    served_all_the_same.append(kind)
        outcome.must(running.processes() == before, "a process was replaced")
        said = running.ready()
        outcome.must(said.get("model_version") == 7, "another version is served")
        outcome.must(bool(said.get("degraded")), "readiness does not say so")
        workspace.promote(300, workspace.champions[2])
        outcome.must(running.wait_for(300), "a good champion was not taken up afterwards")
    outcome.count("refused", refused)
    outcome.count("requests", load.counts["requests"])
    outcome.count("failed", load.failed)
    outcome.count("wrong scores", load.counts["wrong"])
    outcome.must(refused == count, f"served: {served_all_the_same}")
    outcome.must(load.failed == 0, f"requests failed: {dict(load.failures)}")
    outcome.must(load.counts["wrong"] == 0, "wrong scores")
    return outcome


def mutations(files: Files, count: int) -> Iterator[tuple[str, Files]]:
    """Kind and files of `count` damaged bundles, the kinds in turn; the same each time."""
    chance = random.Random(7)
    kinds = (_cut, _flip, _exchange, _forge, _cut_and_seal, _garble_and_seal)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        yield kind.__name__.strip("_"), kind(dict(files), chance)


def _cut(files: Files, chance: random.Random) -> Files:
    name = chance.choice(sorted(files))
    return {**files, name: files[name][: chance.randrange(len(files[name]))]}


def _flip(files: Files, chance: random.Random) -> Files:
    name = chance.choice(sorted(set(files) - {MANIFEST}))
    return {**files, name: _flipped(files[name], chance)}


def _exchange(files: Files, chance: random.Random) -> Files:
    one, other = chance.sample(TREES, 2)
    return {**files, one: files[other], other: files[one]}


def _forge(files: Files, chance: random.Random) -> Files:
    manifest = json.loads(files[MANIFEST])
    if chance.random() < 0.5:
        manifest["model_digest"] = "0" * 64
    else:
        manifest["files"][chance.choice(TREES)] = "f" * 64
    return {**files, MANIFEST: json.dumps(manifest).encode()}


def _cut_and_seal(files: Files, chance: random.Random) -> Files:
    name = chance.choice(TREES)
    content = files[name]
    # The trees themselves: LightGBM needs nothing of what stands behind them.
    end = content.index(b"end of trees")
    return sealed({**files, name: content[: chance.randrange(10, end)]})


def _garble_and_seal(files: Files, chance: random.Random) -> Files:
    """Every leaf of one tree file is lost: what a half-written page leaves."""
    name = chance.choice(TREES)
    lines = files[name].split(b"\n")
    for place, line in enumerate(lines):
        if line.startswith(b"leaf_value="):
            lines[place] = _flipped(line, chance, at=len(b"leaf_value=") + 3)
    return sealed({**files, name: b"\n".join(lines)})


def _flipped(content: bytes, chance: random.Random, at: int | None = None) -> bytes:
    changed = bytearray(content)
    place = chance.randrange(len(changed)) if at is None else at
    changed[place] ^= 1 << chance.randrange(4)
    return bytes(changed)
