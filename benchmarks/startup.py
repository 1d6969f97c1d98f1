"""How long `st5 --help` takes beside importing nothing but the libraries it is drawn with."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median
from typing import Any

GOAL = 1.5  # times `python -c "import typer, rich"`
HELP = "import sys; sys.argv = ['st5', '--help']; from engine.commands import main; main()"
COMMANDS = {"st5 --help": HELP, "import typer, rich": "import typer, rich"}


def run(quick: bool) -> list[dict[str, Any]]:
    """Rows of name, value, unit, goal, met; the two in turn, medians of their wall times."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(6 if quick else 21):
        for name, program in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, check=True)
            seconds[name].append(time.perf_counter() - started)
    ours, theirs = (median(seconds[name][1:]) for name in COMMANDS)  # the first fills the disk cache
    return [
        {"name": "st5 --help, times importing typer and rich", "value": ours / theirs, "unit": "×", "goal": GOAL,
         "met": ours <= GOAL * theirs},
        {"name": "  st5 --help", "value": 1000 * ours, "unit": "ms", "goal": None, "met": None},
        {"name": "  import typer, rich", "value": 1000 * theirs, "unit": "ms", "goal": None, "met": None},
    ]  # fmt: skip
