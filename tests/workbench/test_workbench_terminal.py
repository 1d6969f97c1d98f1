"""The real program in a real terminal, and what it imports."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import MOMENT, SNAPSHOTS

from store.workspace import Workspace
from tests.program import Program

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

    def shown(self) -> str:
        """The rows, as the snapshots have them."""
        rows = self.tmux("capture-pane", "-p", "-t", "t").splitlines()
        return MOMENT.sub("YYYY-MM-DD hh:mm", "\n".join(row.rstrip() for row in rows))

    def attached(self) -> Client:
        """A client that looks at it from a terminal of its own."""
        client = Client(self._socket)
        self.until(lambda: self.tmux("list-clients") != "")
        return client

    def until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < end, self.tmux("capture-pane", "-p", "-t", "t")
            time.sleep(0.1)


class Client:
    """A tmux client in a terminal that can be hung up; what it is sent is read all the time."""

    def __init__(self, socket: str) -> None:
        self._keyboard, screen = pty.openpty()
        termios.tcsetwinsize(screen, (41, 120))  # tmux keeps a line for itself
        self._process = subprocess.Popen(
            ["tmux", "-S", socket, "attach"], stdin=screen, stdout=screen, stderr=screen, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"}, preexec_fn=_own_terminal,
        )  # fmt: skip
        os.close(screen)

    def until(self, words: str) -> str:
        """Wait until the words were sent to this terminal; returns all that was."""
        sent, end = b"", time.monotonic() + WAIT_S
        while words.encode() not in sent:
            assert time.monotonic() < end, sent
            if select.select([self._keyboard], [], [], 0.1)[0]:
                sent += os.read(self._keyboard, 65_536)
        return sent.decode(errors="replace")

    def hang_up(self) -> None:
        """Close the terminal under the client: the kernel sends it SIGHUP."""
        os.close(self._keyboard)
        assert self._process.wait(WAIT_S) is not None


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def snapshot(name: str) -> str:
    return (SNAPSHOTS / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


def command(*options: str) -> str:
    """Runs `st5` in the folder of the workspace, and says how it ended."""
    program = "import sys; from engine.commands import main; main()"
    # pytest's readline exports LINES and COLUMNS, which would stand above the terminal's real size.
    clean = "env -u LINES -u COLUMNS TERM=xterm-256color"
    return f"{clean} {sys.executable} -c '{program}' --workspace shop {' '.join(options)}; echo ended $?; sleep 60"


@pytest.fixture
def terminal(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("PAGER", f"sh -c 'cat > {tmp_path}/paged'")
    monkeypatch.setenv("EDITOR", 'sh -c \'printf "[keys]\\n\\"app.map\\" = \\"f6\\"\\n" > $0\'')
    monkeypatch.setenv("ST5_CONFIG", str(tmp_path / "config.toml"))
    found = Terminal(tmp_path / "tmux", command())
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
    terminal.wait_for("st5 needs 80×22, has 60×15")
    terminal.tmux("resize-window", "-t", "t", "-x", "80", "-y", "24")
    assert len(terminal.wait_for("a  only").splitlines()) == 24
    terminal.keys("?")
    terminal.wait_for("Esc closes")
    terminal.keys("Escape")
    time.sleep(0.5)  # a lone Escape is told from an escape sequence by waiting
    terminal.keys("q")
    terminal.wait_for("ended 0")


@needs_tmux
def test_the_pager_and_the_editor_get_the_screen_and_give_it_back(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait_for("Evaluations  7")
    terminal.keys("5")
    terminal.wait_for("before the target")
    terminal.keys("Enter")
    terminal.wait_for("v pager")
    terminal.keys("v")
    terminal.until(lambda: (tmp_path / "paged").exists() and "category" in (tmp_path / "paged").read_text())
    terminal.keys("Escape")
    time.sleep(0.5)  # a lone Escape is told from an escape sequence by waiting
    terminal.keys("C-p")
    terminal.wait_for("Search for commands")
    terminal.keys("settings")
    terminal.wait_for("in $EDITOR")
    terminal.keys("Enter")
    terminal.until(lambda: (tmp_path / "config.toml").exists() and "f6" in (tmp_path / "config.toml").read_text())
    terminal.wait_for("before the target")
    terminal.keys("6")  # does nothing any more
    terminal.keys("F6")
    terminal.wait_for("[6 Map]")


@needs_tmux
def test_what_is_copied_reaches_the_terminal_also_from_within_tmux(terminal: Terminal) -> None:
    terminal.tmux("set-option", "-g", "set-clipboard", "on")
    terminal.wait_for("Evaluations  7")
    terminal.keys("5")
    terminal.wait_for("before the target")
    terminal.keys("y")
    terminal.until(lambda: terminal.tmux("show-buffer").startswith("»\t16\t2014-09-25\t5\tGolden Orchard"))
    terminal.wait_for("bytes to the terminal's clipboard")


@needs_tmux
@pytest.mark.parametrize(("options", "flag"), [("", "1"), ("--no-mouse", "0")])
def test_the_mouse_is_left_to_the_terminal_where_that_is_asked_for(
    workspace: Workspace, tmp_path: Path, options: str, flag: str
) -> None:
    terminal = Terminal(tmp_path / "tmux", command(options))
    try:
        terminal.wait_for("Evaluations  7")
        assert terminal.tmux("display-message", "-p", "-t", "t", "#{mouse_any_flag}").strip() == flag
    finally:
        terminal.tmux("kill-server")


@needs_tmux
def test_the_warm_process_ends_with_a_workbench_that_is_killed_while_it_works(terminal: Terminal) -> None:
    terminal.wait_for("Evaluations  7")
    terminal.keys("5")
    terminal.wait_for("before the target")
    terminal.keys("e")
    terminal.wait_for("model warming up")
    shell = int(terminal.tmux("display-message", "-p", "-t", "t", "#{pane_pid}"))
    workbench = next(pid for pid in children(shell) if "engine.warm" not in said_by(pid) and children(pid))
    (warm,) = children(workbench)
    assert "engine.warm" in said_by(warm)
    os.kill(workbench, signal.SIGKILL)
    terminal.until(lambda: "engine.warm" not in said_by(warm))


def children(pid: int) -> list[int]:
    """The children of a process."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def said_by(pid: int) -> str:
    """The command line of a process; "" once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@needs_tmux
def test_a_job_outlives_the_client_and_the_workbench(workspace: Workspace, tmp_path: Path) -> None:
    endless = ("--set", "epochs=100000", "--set", "patience=100000", "--set", "window=10")
    started = Program(workspace.folder)("baseline", "sasrec", "--datasets", "movielens-small", *endless, "--detach")
    assert started.code == 0, started
    number = started.out.strip()
    terminal = Terminal(tmp_path / "tmux", command())
    try:
        for key, words in zip(
            ("1", "2", "3", "4", "5", "6", "?"),
            ("Evaluations  7", "Datasets  3", "Jobs", "0.2714", "target", "Map", "Esc closes"),
            strict=True,
        ):
            terminal.keys(key)
            terminal.wait_for(words)
        terminal.keys("Escape")
        time.sleep(0.5)  # a lone Escape is told from an escape sequence by waiting
        terminal.keys("3")
        terminal.wait_for("running")
        first = terminal.attached()
        terminal.tmux("resize-window", "-t", "t", "-x", "90", "-y", "30")
        terminal.wait_for("running")
        first.hang_up()  # the line is cut, as when a connection drops
        terminal.wait_for("running")
        again = terminal.attached()
        assert "[3 Jobs]" in again.until("running")  # the same workbench, in a terminal of another size
        again.hang_up()
        terminal.tmux("respawn-pane", "-k", "-t", "t", command())  # the workbench itself dies with its terminal
        terminal.wait_for("1 job")
        terminal.keys("3")
        terminal.wait_for("running")
    finally:
        terminal.tmux("kill-server")
    state = Program(workspace.folder)("jobs", "show", number, "--json").document
    assert state["state"] == "running"
    assert Program(workspace.folder)("jobs", "cancel", number).code == 0


@needs_tmux
def test_what_stands_in_the_terminal_is_what_was_drawn(workspace: Workspace, tmp_path: Path) -> None:
    """Only what changed is sent: after dialogs, filters, sizes and areas came and went, nothing old may be left."""
    terminal = Terminal(tmp_path / "tmux", command("--readonly"))
    try:
        terminal.wait_for("Evaluations  7")
        terminal.tmux("resize-window", "-t", "t", "-x", "80", "-y", "24")
        terminal.keys("4", "c", "c", "v")
        terminal.wait_for("Enter chooses")
        terminal.keys("j", "j", "Enter")
        terminal.wait_for("by category")
        terminal.keys("v")
        terminal.wait_for("Enter chooses")
        terminal.keys("g", "Enter")
        terminal.until(lambda: "Enter chooses" not in terminal.shown() and "by category" not in terminal.shown())
        terminal.keys("/")
        terminal.wait_for("Esc Clear")
        terminal.keys("p", "o", "p", "Enter")
        terminal.until(lambda: "last-item" not in terminal.shown())
        terminal.keys("5")
        terminal.wait_for("before the target")
        terminal.keys("n", "?")
        terminal.wait_for("Esc closes")
        terminal.keys("q", "p")
        terminal.tmux("resize-window", "-t", "t", "-x", "60", "-y", "15")
        terminal.wait_for("needs 80×22")
        terminal.tmux("resize-window", "-t", "t", "-x", "80", "-y", "24")
        terminal.keys("x")
        terminal.until(lambda: terminal.shown() == snapshot("users-80x24"))
        terminal.keys("2")
        terminal.until(lambda: terminal.shown() == snapshot("data-80x24"))
    finally:
        terminal.tmux("kill-server")


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
        assert "numpy" not in sys.modules, "Home needs no arrays"
        for key in ("3", "5", "4", "space", "j", "space", "a", "escape", "e", "e", "escape", "?"):
            await pilot.press(key)
            await pilot.pause()
            while any(not worker.is_finished for worker in app.workers):
                await pilot.pause(0.01)
            await pilot.pause()
    assert {{"engine.measuring.against_best", "engine.experiments.outcome"}} <= set(sys.modules)

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
