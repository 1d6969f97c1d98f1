"""What all tests share: the real datasets where they are, a tiny T5, and a way to run the program."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("st5", deadline=None)  # how long an example takes is this machine's business
settings.load_profile("st5")

pytest_plugins = ["tests.surroundings", "tests.order", "tests.progress_report"]  # in this order: the first cleans up
gc.set_threshold(20_000, 10, 10)  # instead of 700: looking for garbage took a quarter of the workbench's tests
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="module", autouse=True)
def little_garbage() -> None:
    """What is loaded when a file begins is no garbage: libraries collect after each training, half a second a time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the project; the test skips where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the real datasets (../shared/data) are not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def real_data(shared: Path) -> Path:
    return shared / "data"


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder with a random two-layer T5 and a small T5-like tokenizer, reading 64 tokens."""
    from tests.tiny_models import make_tiny_t5

    return make_tiny_t5(tmp_path_factory.mktemp("tiny-t5"))


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a random RoBERTa and a byte-level tokenizer that has no spare tokens for the markers."""
    from tests.tiny_models import make_tiny_roberta

    return make_tiny_roberta(tmp_path_factory.mktemp("tiny-roberta"))


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def st5(tmp_path: Path) -> Run:
    """Run the program in a process of its own, in a workspace of this test; returns what it printed."""

    def run(
        *arguments: str | Path, workspace: Path | None = None, timeout: float = 180
    ) -> subprocess.CompletedProcess[str]:
        environment = dict(
            os.environ, ST5_WORKSPACE=str(workspace or tmp_path / "workspace"), COLUMNS="200", NO_COLOR="1"
        )
        return subprocess.run(
            [sys.executable, "-c", "from engine.commands import main; main()", *map(str, arguments)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=timeout,
            check=False,
            cwd=tmp_path,
        )

    return run
