"""The demo notebook runs from top to bottom in this interpreter, and shows what it promises."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

# nbclient's and zmq's own loops; nothing of npsight runs in this process.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "demo.ipynb"
CELL_SECONDS = 600


@pytest.fixture(scope="module")
def written() -> NotebookNode:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    return notebook


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """The notebook after a run whose `python3` kernel is this interpreter."""
    from nbclient import NotebookClient

    jupyter = tmp_path_factory.mktemp("jupyter")
    own_kernel(jupyter)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(new_code_cell("import sys; print(sys.executable)", id="interpreter"))
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(jupyter))
        patch.setenv("IPYTHONDIR", str(jupyter / "ipython"))
        patch.setenv("TMPDIR", str(jupyter))
        client.execute(env=dict(os.environ))
    left = sorted(path.name for path in jupyter.glob("npsight-notebook-*"))
    assert left == [], "the notebook left its folder behind"
    return notebook


def own_kernel(jupyter: Path) -> None:
    folder = jupyter / "kernels" / "python3"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "this interpreter", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


def text_of(notebook: NotebookNode, cell_id: str) -> str:
    """Everything a cell printed or showed as text."""
    (cell,) = [c for c in notebook.cells if c.id == cell_id]
    printed = [o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout"]
    shown = [o.data.get("text/plain", "") for o in cell.outputs if "data" in o]
    return "".join([*printed, *shown])


def pictures_of(notebook: NotebookNode, cell_id: str) -> int:
    (cell,) = [c for c in notebook.cells if c.id == cell_id]
    return sum("image/png" in o.data for o in cell.outputs if "data" in o)


def test_it_is_checked_in_without_outputs(written: NotebookNode) -> None:
    code = [cell for cell in written.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_no_cell_ends_in_an_error(executed: NotebookNode) -> None:
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert not [o for cell in code for o in cell.outputs if o.output_type == "error"]


def test_the_kernel_was_this_interpreter(executed: NotebookNode) -> None:
    assert text_of(executed, "interpreter").strip() == sys.executable


def test_the_time_rules_are_shown_to_hold_and_to_be_able_to_fail(executed: NotebookNode) -> None:
    text = text_of(executed, "time")
    assert "no feature of 2024-09-01 changed" in text
    assert "usage__sum_logins__90d" in text


def test_tables_features_backtest_and_scores_are_shown(executed: NotebookNode) -> None:
    assert "Answers by period" in text_of(executed, "check")
    assert "responses__last_score" in text_of(executed, "frame")
    assert "base rate" in text_of(executed, "train")
    assert "accounts scored" in text_of(executed, "score")


@pytest.mark.parametrize("cell", ["calibration", "beeswarm", "waterfall"])
def test_pictures_are_drawn(executed: NotebookNode, cell: str) -> None:
    assert pictures_of(executed, cell) == 1


def test_the_points_add_up_and_the_list_is_printed(executed: NotebookNode) -> None:
    lines = text_of(executed, "points").splitlines()
    assert lines[0].split("= ")[1].rstrip(" %") == lines[1].split()[-2]
    assert "accounts are listed" in text_of(executed, "worklist")
