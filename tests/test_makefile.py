"""What `make demo` prints beside what the demo says, with stand-ins for the programs that install and run it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"
INSTALLING = "Installing st5 and what it needs into .venv …\n"
DEMO = "the demo's own words\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_demo_says_one_line_when_it_installs_and_none_of_its_commands(tmp_path: Path) -> None:
    shutil.copy(MAKEFILE, tmp_path)
    (tmp_path / "pyproject.toml").touch()
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, script in (("python", 'echo "$@" >> calls'), ("st5", f'test "$1" = demo && echo "{DEMO.strip()}"')):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    assert make(tmp_path) == INSTALLING + DEMO
    calls = (tmp_path / "calls").read_text()
    assert calls.count("pip install") == 2
    assert make(tmp_path) == DEMO
    assert (tmp_path / "calls").read_text() == calls  # nothing is installed again


def make(folder: Path) -> str:
    """Both outputs of `make demo`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "demo"], cwd=folder, env=own, text=True, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.stdout
