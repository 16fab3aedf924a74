"""Where a run comes from, as tags of MLflow's own names."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from npsight.tracking import origin_tags


def test_a_run_names_npsight_the_project_file_and_its_commit(tmp_path: Path):
    file = tmp_path / "p.yaml"
    file.write_text("project: p\n")
    plain = origin_tags("npsight train", file)
    assert plain["mlflow.source.name"] == "npsight train"
    assert plain["npsight.project_file"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert plain["npsight.version"]
    assert "mlflow.source.git.commit" not in plain
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "m"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert origin_tags("npsight train", file)["mlflow.source.git.commit"] == head.stdout.strip()


def test_what_cannot_be_told_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    file = tmp_path / "p.yaml"
    file.touch()
    assert set(origin_tags("npsight train", file)) == {
        "mlflow.source.name",
        "mlflow.source.type",
        "npsight.version",
        "npsight.project_file",
    }
