"""Draw docs/images/worklist.svg from the demo's latest scores (`make demo` first)."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from npsight.cli.worklist import print_worklist
from npsight.config.load import load_project
from npsight.jobs.export import latest

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "configs" / "demo.yaml"
TARGET = ROOT / "docs" / "images" / "worklist.svg"
WIDTH = 120
SHOWN = 6
MOST_BYTES = 300_000

# Rich's own format fetches a font from the network; a reader's picture should fetch nothing.
FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" \
xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def draw(config: Path = CONFIG, target: Path = TARGET) -> int:
    """Write the picture; returns its size in bytes."""
    project = load_project(config)
    run, rows = latest(project, ranked_only=True)
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    print_worklist(project, run, rows, SHOWN, console)
    svg = console.export_svg(
        title="npsight worklist -c configs/demo.yaml",
        theme=MONOKAI,
        code_format=FORMAT,
        unique_id="npsight",
    )
    content = svg.encode()
    if len(content) > MOST_BYTES:
        raise SystemExit(f"{target.name} would have {len(content):,} bytes: show fewer accounts")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return len(content)


if __name__ == "__main__":
    size = draw()
    print(f"Drew {TARGET.relative_to(ROOT)} ({size:,} bytes)")
    sys.exit(0)
