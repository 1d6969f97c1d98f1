"""What an installed st5 consists of: a wheel, built here without a package index, holds every file of the packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest

from engine import __version__
from tests.conftest import Run

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("engine", "store", "workbench")
ABOUT = ("pyproject.toml", "README.md", "LICENSE")
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
LEFT_BY_PYTHON = {"__pycache__"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """The wheel of a copy of the tree: setuptools leaves files beside what it builds."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns(*LEFT_BY_PYTHON))
    for name in ABOUT:
        shutil.copy(ROOT / name, source)
    subprocess.run([sys.executable, "-c", BUILD, out], cwd=source, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return ZipFile(built)


def test_the_wheel_holds_every_file_of_the_packages(wheel: ZipFile) -> None:
    there = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and not LEFT_BY_PYTHON & set(path.parts)
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == there
    assert any(name.endswith(".toml") for name in packed)  # recipes and experiments


def test_the_wheel_says_what_it_is(wheel: ZipFile) -> None:
    about = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
    metadata = message_from_bytes(wheel.read(about))
    assert (metadata["Name"], metadata["Version"]) == ("st5", __version__)
    assert "st5 = engine.commands:main" in wheel.read(about.replace("METADATA", "entry_points.txt")).decode()
    assert str(metadata.get_payload()).startswith("# st5")


def test_the_version_is_printed_without_opening_the_workbench(st5: Run) -> None:
    done = st5("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"st5 {__version__}\n", "")
