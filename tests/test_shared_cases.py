"""Small inputs that once failed, beside the project: each has a script that says whether st5 does what is expected."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CASES = ROOT.parent / "shared" / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/run.sh"))

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", NAMES or ["none"])
def test_a_case_is_as_expected(name: str, shared: Path, tmp_path: Path) -> None:
    case = shared / "cases" / name
    if not case.is_dir():
        pytest.skip("the cases (../shared/cases) are not on this machine")
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "st5"
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -P -c 'from engine.commands import main; main()' \"$@\"\n")
    program.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "TMPDIR": str(tmp_path),  # the scripts make files of their own
    }
    ran = subprocess.run(
        ["bash", str(case / "run.sh"), str(tmp_path / "workspace")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, env=environment,
        timeout=240, check=False,
    )  # fmt: skip
    expected = (case / "expected.txt").read_text()
    assert ran.returncode == 0, f"expected: {expected}\nst5 said:\n{ran.stdout}"
