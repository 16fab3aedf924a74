"""`make demo`: from made-up tables to the accounts to call, every step a command you can repeat."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

CONFIG = "configs/demo.yaml"
DATA = "var/demo/data"
STEPS = (
    ("A company of 2,000 accounts over three years", ["simulate", "--to", DATA]),
    ("What the tables hold", ["check", "-c", CONFIG]),
    ("Train and compare with simpler ways", ["train", "-c", CONFIG]),
    ("How near the truth that the simulation knows", ["truth", "-c", CONFIG, "--truth", DATA]),
    ("Score every account", ["score", "-c", CONFIG, "-o", "var/demo/scores.csv"]),
    ("Whom to call this week, and why", ["worklist", "-c", CONFIG, "--top", "10"]),
)


def main() -> int:
    """Run the steps; the first that fails ends the demo with its exit code."""
    began = time.monotonic()
    npsight = Path(sys.executable).with_name("npsight")
    for title, arguments in STEPS:
        print(f"\n\033[1m{title}\033[0m\n\033[2m$ npsight {' '.join(arguments)}\033[0m", flush=True)
        code = subprocess.run([npsight, *arguments], check=False).returncode
        if code:
            return code
    print(
        f"\nDone in {time.monotonic() - began:.0f} s. What was made:\n"
        f"  {DATA}               the tables\n"
        "  var/demo/scores.csv         every account's scores and drivers\n"
        "  var/demo/npsight.db         the scores as the service reads them\n"
        "  var/demo/models             model cards\n"
        "  var/demo/mlflow.db          runs, figures and pictures:\n"
        "      .venv/bin/mlflow server --backend-store-uri sqlite:///var/demo/mlflow.db\n"
        "Open the pages:\n"
        f"  .venv/bin/npsight serve -c {CONFIG}\n"
        "      then http://127.0.0.1:3000 in a browser; the login and password it prints at its\n"
        "      first start let you in\n"
        "Next:\n"
        f"  .venv/bin/npsight explain ACCOUNT -c {CONFIG}\n"
        f"  .venv/bin/npsight keys create me --scope admin -c {CONFIG}\n"
        "  your own data: .venv/bin/npsight init --from DIR"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
