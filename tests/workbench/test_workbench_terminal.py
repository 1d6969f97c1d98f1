"""The real program in a real terminal, and what it imports."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.workspace import Workspace

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
WAIT_S = 20.0  # a loaded machine with two slow cores


class Terminal:
    """A tmux server of its own with one window."""

    def __init__(self, socket: Path, command: str) -> None:
        self._socket = str(socket)
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", "120", "-y", "40", command)

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-S", self._socket, *arguments], capture_output=True, text=True, check=False)
        return done.stdout

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "t", *keys)

    def wait_for(self, words: str) -> str:
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            text = self.tmux("capture-pane", "-p", "-t", "t")
            if words in text:
                return text
            time.sleep(0.1)
        raise AssertionError(f"{words!r} did not appear in:\n{text}")


@pytest.fixture
def terminal(workspace: Workspace, tmp_path: Path) -> Iterator[Terminal]:
    program = "import sys; from engine.commands import main; main()"
    # pytest's readline exports LINES and COLUMNS, which would stand above the terminal's real size.
    clean = "env -u LINES -u COLUMNS TERM=xterm-256color"
    command = f"{clean} {sys.executable} -c '{program}' --workspace shop; echo ended $?; sleep 60"
    found = Terminal(tmp_path / "tmux", command)
    yield found
    found.tmux("kill-server")


@needs_tmux
def test_st5_in_a_terminal_walks_all_areas_resizes_and_quits(terminal: Terminal) -> None:
    terminal.wait_for("Evaluations  7")
    terminal.keys("4")
    terminal.wait_for("0.2714¹")
    terminal.keys("x")
    terminal.wait_for("seen items kept")
    terminal.keys("5")
    terminal.wait_for("before the target")
    terminal.keys("/", "user0001")
    terminal.wait_for("Users  10")
    terminal.keys("Enter")
    terminal.wait_for("user00010  1 event")
    terminal.tmux("resize-window", "-t", "t", "-x", "60", "-y", "15")
    terminal.wait_for("st5 needs 80×24, has 60×15")
    terminal.tmux("resize-window", "-t", "t", "-x", "80", "-y", "24")
    assert len(terminal.wait_for("a  only").splitlines()) == 24
    terminal.keys("?")
    terminal.wait_for("Esc closes")
    terminal.keys("Escape")
    time.sleep(0.5)  # a lone Escape is told from an escape sequence by waiting
    terminal.keys("q")
    terminal.wait_for("ended 0")


def test_the_workbench_imports_nothing_heavy(workspace: Workspace) -> None:
    heavy = ["torch", "transformers", "sentence_transformers", "sklearn", "umap", "numba", "polars", "typer"]
    program = f"""
import asyncio, sys
from pathlib import Path
from store.workspace import Workspace
from workbench.application import Workbench

async def walk():
    app = Workbench(Workspace(Path("shop")), readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert not {{"numpy", "engine"}} & set(sys.modules), "Home needs no arrays"
        for key in ("3", "5", "4", "space", "j", "space", "a", "escape", "e", "e", "escape", "?"):
            await pilot.press(key)
            await pilot.pause()
            while any(not worker.is_finished for worker in app.workers):
                await pilot.pause(0.01)
            await pilot.pause()
    assert {{"engine.measuring.contrasts", "engine.experiments.outcome"}} <= set(sys.modules)

asyncio.run(walk())
print([name for name in {heavy!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr[-2000:]


def test_a_wrong_option_is_a_usage_error(workspace: Workspace) -> None:
    program = "from workbench.entry import main; main(['--nope'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--nope" in done.stderr
