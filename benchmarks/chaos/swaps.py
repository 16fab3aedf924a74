"""A champion after the other is promoted while callers ask."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.chaos.load import Load
from benchmarks.chaos.outcome import Outcome
from benchmarks.chaos.running import served
from benchmarks.chaos.workspace import make_workspace
from npsight.models.bundle import verify


def champion_swaps(folder: Path, swaps: int = 100) -> Outcome:
    """Every answer's numbers belong to the model version it names; none is lost."""
    outcome = Outcome(f"{swaps} champion swaps under load")
    workspace = make_workspace(folder)
    named: dict[int, str] = {7: verify(workspace.champions[0])}
    with served(workspace) as running:
        before = running.processes()
        load = Load(running, workspace)
        done, started = 0, time.monotonic()
        with load.on():
            for number in range(1, swaps + 1):
                files = workspace.champions[number % len(workspace.champions)]
                workspace.promote(100 + number, files)
                named[100 + number] = verify(files)
                done += running.wait_for(100 + number)
        outcome.count("seconds", round(time.monotonic() - started))
        outcome.must(running.processes() == before, "a process was replaced")
        outcome.must(running.ready().get("degraded") == [], "the service is degraded")
    outcome.count("swaps", done)
    outcome.count("requests", load.counts["requests"])
    outcome.count("failed", load.failed)
    outcome.count("wrong scores", load.counts["wrong"])
    outcome.count("versions seen", len(load.versions))
    outcome.must(done == swaps, "not every champion was taken up")
    outcome.must(load.failed == 0, f"requests failed: {dict(load.failures)}")
    outcome.must(load.counts["wrong"] == 0, "scores of another model than named")
    outcome.must(set(load.versions) <= set(named), "a version nobody promoted")
    outcome.must(len(load.versions) > swaps // 2, "too few versions were seen under load")
    return outcome
