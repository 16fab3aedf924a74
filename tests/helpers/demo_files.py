"""configs/demo.yaml over the data of a smaller simulated company."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def demo_project(folder: Path, data: Path) -> Path:
    """Write the project file with its state in `folder`, over other data; returns the file."""
    text = (ROOT / "configs" / "demo.yaml").read_text().replace("../var/demo/data", str(data))
    content = yaml.safe_load(text)
    content["state"] = "state"
    # One thread: two of them wait for each other on a machine that tests share.
    content["training"] = {"origins": 2, "max_trees": 60, "threads": 1}
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "demo.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file
