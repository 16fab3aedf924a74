"""The three project files in configs/ on real data, from table to model."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from command_line import npsight

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("NPSIGHT_DATA") or ROOT.parent / "shared" / "data").resolve()
SHARE = 5
"""Of CDNOW every fifth customer is taken: 4,714 of them, in a fifth of the time."""
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no real data at {DATA}: set NPSIGHT_DATA to their folder"
)


@dataclass(frozen=True)
class Figures:
    """One line of the printed table."""

    origin: str
    contender: str
    auc: float
    brier: float


def trained(name: str, folder: Path, data: Path = DATA) -> tuple[str, str]:
    """Train a copy of a project file whose state lies in `folder`; output and model card."""
    content = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())
    content["state"] = str(folder / "state")
    # One thread: two of them wait for each other on a machine that tests share.
    content["training"] = {**content.get("training", {}), "threads": 1}
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    out = npsight("train", "-c", file, environment={"NPSIGHT_DATA": str(data)}).succeeded().out
    assert "Registered as version 1, champion" in out
    return out, (folder / "state" / "models" / "v1" / "card.md").read_text()


def figures(card: str, part: str) -> list[Figures]:
    """The lines of a part's table in the model card."""
    section = card.split(f"## {part}\n")[1].split("\n## ")[0]
    lines = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| \d+ \| \d+ \| ([\d.]+) \| ([\d.]+) \|", section, re.M
    )
    found = [Figures(o, c.split(" `")[0], float(a), float(b)) for o, c, a, b in lines]
    assert found, section
    return found


def by_origin(found: list[Figures]) -> dict[str, dict[str, Figures]]:
    origins: dict[str, dict[str, Figures]] = {}
    for f in found:
        if f.origin != "all":
            origins.setdefault(f.origin, {})[f.contender] = f
    return origins


def test_cdnow_beats_the_rule_on_every_origin(tmp_path):
    sample = tmp_path / "data" / "cdnow"
    sample.mkdir(parents=True)
    with (DATA / "cdnow" / "CDNOW_master.txt").open() as whole:
        header = next(whole)
        lines = [line for line in whole if line.strip() and int(line.split()[0]) % SHARE == 0]
    (sample / "CDNOW_master.txt").write_text(header + "".join(lines))
    _, card = trained("cdnow", tmp_path, tmp_path / "data")
    origins = by_origin(figures(card, "Churn risk"))
    assert len(origins) >= 3
    for origin, contenders in origins.items():
        assert contenders["chosen"].auc > contenders["rule"].auc, (origin, card)
        assert contenders["chosen"].auc > 0.75
        assert contenders["chosen"].brier < contenders["base rate"].brier


def test_skytrax_is_never_worse_than_its_prior(tmp_path):
    out, card = trained("skytrax", tmp_path)
    origins = by_origin(figures(card, "Detractor risk"))
    assert len(origins) >= 3
    for origin, contenders in origins.items():
        assert contenders["chosen"].brier <= contenders["prior"].brier + 1e-9, (origin, card)
        for name in ("prior", "lightgbm", "base rate"):
            assert 0 < contenders[name].brier < 1
            assert 0 < contenders[name].auc < 1
    nps = card.split("## Next-period NPS\n")[1]
    for name in ("prior", "lightgbm", "base rate"):
        line = rf"^\| \S+ \| {name} \| [-+][\d.]+ \| [-+][\d.]+ \| [\d.]+"
        assert len(re.findall(line, nps, re.M)) == len(origins)
        assert f"│ {name}" in out
    assert "company error" in out


def test_telco_is_learned_but_said_to_have_no_time(tmp_path):
    out, card = trained("telco", tmp_path)
    pooled = {f.contender: f for f in figures(card, "Churn risk") if f.origin == "all"}
    assert pooled["chosen"].auc >= 0.84, card
    assert "Time cannot be checked on these data." in out
    assert card.split("\n")[2].startswith("**Time cannot be checked on these data.**")
    assert "at random" in out
    assert "fold 5" in out
