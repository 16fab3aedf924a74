"""The faults that `make mutate-ten` plants can be planted in the code as it stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "mutate_time.py"


def test_ten_faults_have_a_place():
    listed = subprocess.run(
        [sys.executable, str(SCRIPT), "--ten", "--list"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr
    assert len(listed.stdout.splitlines()) == 10
