"""A damaged champion is refused before LightGBM sees it, and nothing starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_project import make_project

from npsight.config.load import load_project
from npsight.config.runtime import registry_uri, serving_config, serving_environment
from npsight.errors import ConfigError, ModelIntegrityError, NotFoundError
from npsight.models.bundle import MANIFEST, digest_of
from npsight.models.trees import Trees
from npsight.service.serve import prepare, serve
from npsight.service.state import load_state
from npsight.service.verify import verify_in_child
from npsight.tracking.cache import cached_folder


@pytest.fixture
def project_file(tmp_path: Path) -> Path:
    return make_project(tmp_path, count=3)


def champion(config: Path) -> Path:
    found = cached_folder(load_project(config).state_dir)
    assert found is not None
    return found[1]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
def test_a_damaged_file_is_refused_before_lightgbm(
    project_file: Path, damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = champion(project_file)
    damage(folder / "detractor.lgb.txt")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    monkeypatch.setattr(Trees, "log_odds", lambda *_: pytest.fail("LightGBM was reached"))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a child was started"))
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("it was started"))
    with pytest.raises(ModelIntegrityError, match=r"not as written: detractor\.lgb\.txt") as error:
        serve(project_file)
    assert error.value.exit_code == 6
    with pytest.raises(ModelIntegrityError, match="not as written"):
        load_state(project_file)
    assert champion(project_file) == folder
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def reseal(folder: Path) -> None:
    """Make the digests fit again: damage that came before packing."""
    manifest = json.loads((folder / MANIFEST).read_text())
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != MANIFEST}
    manifest["files"] = {k: __import__("hashlib").sha256(v).hexdigest() for k, v in files.items()}
    manifest["model_digest"] = digest_of(files)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_a_file_that_kills_its_reader_kills_the_child_alone(project_file: Path) -> None:
    folder = champion(project_file)
    truncate(folder / "detractor.lgb.txt")
    reseal(folder)
    with pytest.raises(ModelIntegrityError, match="cannot be served: loading it"):
        verify_in_child(folder)


def test_golden_rows_that_score_otherwise_are_refused(project_file: Path) -> None:
    folder = champion(project_file)
    golden = json.loads((folder / "golden.json").read_text())
    golden["expected"]["detractor"][0] += 1e-6
    (folder / "golden.json").write_text(json.dumps(golden))
    reseal(folder)
    with pytest.raises(ModelIntegrityError, match="golden rows differently: detractor"):
        verify_in_child(folder)


def test_a_child_that_takes_too_long_is_refused(project_file: Path) -> None:
    with pytest.raises(ModelIntegrityError, match="took more than 0.01 seconds"):
        verify_in_child(champion(project_file), seconds=0.01)


def test_a_sound_champion_passes(project_file: Path) -> None:
    prepare(load_project(project_file))


def test_no_champion_names_the_remedy(tmp_path: Path) -> None:
    config = make_project(tmp_path, count=3)
    (tmp_path / "state" / "champion" / "current.json").unlink()
    with pytest.raises(NotFoundError, match="npsight train -c"):
        load_state(config)


def test_the_environment_tells_which_project() -> None:
    with pytest.raises(ConfigError, match="NPSIGHT_CONFIG"):
        serving_config({})
    assert serving_config({"NPSIGHT_CONFIG": "a.yaml"}) == Path("a.yaml")
    assert registry_uri({"NPSIGHT_TRACKING_URI": ""}) is None
    assert serving_environment(Path("a.yaml"))["BENTOML_DO_NOT_TRACK"] == "true"


def test_importing_the_packages_loads_nothing_heavy() -> None:
    code = (
        "import sys, npsight.store, npsight.tracking, npsight.service, npsight.config.runtime;"
        "heavy = {'mlflow', 'bentoml', 'lightgbm', 'shap', 'sklearn', 'ibis'};"
        "sys.exit(', '.join(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
