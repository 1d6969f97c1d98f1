"""The real program in a real terminal, and what it imports."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import MOMENT, SNAPSHOTS

from store.workspace import Workspace
from tests.program import Program

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
WAIT_S = 60.0  # only a hang reaches it
POLL_S = 0.05  # tmux does not report that a screen changed, so it is asked
PROMPT = "ready>"
# The terminal's size counts, not these. pytest's readline exports them as well.
WRONG_SIZE = {"COLUMNS": "200", "LINES": "50"}
# What a user may have set, and would change what is drawn.
TASTES = ("LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR", "ST5_WORKSPACE", "TMUX", "TMUX_PANE", "ENV", "TEXTUAL_DRIVER")


def surroundings() -> dict[str, str]:
    """The environment of a terminal, whatever that of the tests is."""
    kept = {name: value for name, value in os.environ.items() if name not in TASTES}
    return kept | WRONG_SIZE | {"LANG": "C.UTF-8", "TERM": "xterm-256color"}


class Terminal:
    """A tmux server of its own with one window."""

    def __init__(self, command: str) -> None:
        # A socket's path has at most 107 bytes, and the temporary folder's may be longer.
        self._folder = Path(tempfile.mkdtemp(prefix="st5-tmux-", dir="/tmp"))
        self._socket = str(self._folder / "socket")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", "120", "-y", "40", command)
        self._server = int(self.tmux("display-message", "-p", "#{pid}"))

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", self._socket, *arguments],
            capture_output=True, encoding="utf-8", check=False, env=surroundings(), timeout=WAIT_S,
        )  # fmt: skip
        return done.stdout

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "t", *keys)

    def types(self, line: str) -> None:
        """A line and Enter."""
        self.keys("-l", line)
        self.keys("Enter")

    def wait_for_prompt(self) -> None:
        """Wait until the shell of `PROMPT` asks for a command."""
        self.until(lambda: [row.strip() for row in self.raw().splitlines() if row][-1:] == [PROMPT], "the prompt")

    def raw(self) -> str:
        """The rows as they are."""
        return self.tmux("capture-pane", "-p", "-t", "t")

    def wait_for(self, words: str) -> str:
        """Wait until the words are on the screen; returns it."""
        self.until(lambda: words in self.raw(), f"{words!r} on the screen")
        return self.raw()

    def wait_until_gone(self, words: str) -> None:
        """Wait until the words are not on the screen: an Escape has had its effect, and the next key is a key."""
        self.until(lambda: words not in self.raw(), f"{words!r} gone from the screen")

    def wait_for_snapshot(self, name: str) -> None:
        self.until(lambda: self.shown() == snapshot(name), f"the screen of {name}.txt")

    def shown(self) -> str:
        """The rows, as the snapshots have them."""
        return MOMENT.sub("YYYY-MM-DD hh:mm", "\n".join(row.rstrip() for row in self.raw().splitlines()))

    def attached(self) -> Client:
        """A client that looks at it from a terminal of its own."""
        client = Client(self._socket)
        self.until(lambda: self.tmux("list-clients") != "", "a client")
        return client

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until it is true; `what` says in a failure what was waited for."""
        end = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < end, f"waited {WAIT_S:.0f} s for {what}; the screen:\n{self.raw()}"
            time.sleep(POLL_S)  # see POLL_S

    def end(self) -> None:
        """End the server with all that runs in it, and leave nothing behind."""
        self.tmux("kill-server")
        end = time.monotonic() + WAIT_S
        while said_by(self._server):
            assert time.monotonic() < end, f"waited {WAIT_S:.0f} s for the end of tmux"
            time.sleep(POLL_S)  # the server is no child of this process, so it cannot be waited for
        shutil.rmtree(self._folder)


class Client:
    """A tmux client in a terminal that can be hung up; what it is sent is read all the time."""

    def __init__(self, socket: str) -> None:
        self._keyboard, screen = pty.openpty()
        termios.tcsetwinsize(screen, (41, 120))  # tmux keeps a line for itself
        self._process = subprocess.Popen(
            ["tmux", "-u", "-S", socket, "attach"], stdin=screen, stdout=screen, stderr=screen, start_new_session=True,
            env=surroundings(), preexec_fn=_own_terminal,
        )  # fmt: skip
        os.close(screen)

    def until(self, words: str) -> str:
        """Wait until the words were sent to this terminal; returns all that was."""
        sent = b""
        while words.encode() not in sent:
            ready = select.select([self._keyboard], [], [], WAIT_S)[0]
            assert ready, f"waited {WAIT_S:.0f} s for {words!r}; the client was sent:\n{sent.decode(errors='replace')}"
            sent += os.read(self._keyboard, 65_536)
        return sent.decode(errors="replace")

    def hang_up(self) -> None:
        """Close the terminal under the client: the kernel sends it SIGHUP."""
        os.close(self._keyboard)
        self._process.wait(WAIT_S)


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def snapshot(name: str) -> str:
    return (SNAPSHOTS / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


def program(*options: str) -> list[str]:
    """`st5` in the folder of the workspace, isolated from what lies in it."""
    return [sys.executable, "-P", "-m", "engine", "--workspace", "shop", *options]


def command(*options: str) -> str:
    """Runs `st5`, says how it ended, and keeps the terminal open until that is closed."""
    return f"{shlex.join(program(*options))}; echo ended $?; exec cat"


Open = Callable[[str], Terminal]


@pytest.fixture
def opened(workspace: Workspace) -> Iterator[Open]:
    """Open terminals in the folder of the workspace; all are closed at the end."""
    terminals: list[Terminal] = []

    def open_terminal(command: str) -> Terminal:
        terminals.append(Terminal(command))
        return terminals[-1]

    yield open_terminal
    for terminal in terminals:
        terminal.end()


@pytest.fixture
def terminal(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    paged, config = (shlex.quote(str(tmp_path / name)) for name in ("paged", "config.toml"))
    monkeypatch.setenv("PAGER", shlex.join(["sh", "-c", f"cat > {paged}"]))
    keys = '[keys]\n"app.map" = "f6"\n'
    (tmp_path / "new.toml").write_text(keys)
    new = shlex.quote(str(tmp_path / "new.toml"))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", shlex.join(["sh", "-c", f"cp {new} {config}"]))
    monkeypatch.setenv("ST5_CONFIG", str(tmp_path / "config.toml"))
    return opened(command())


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
    terminal.wait_until_gone("Esc closes")
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
    terminal.until(lambda: "category" in text_of(tmp_path / "paged"), "the event in the pager")
    terminal.wait_for("v pager")
    terminal.keys("Escape")
    terminal.wait_until_gone("v pager")
    terminal.keys("C-p")
    terminal.wait_for("Search for commands")
    terminal.keys("settings")
    terminal.wait_for("in $EDITOR")
    terminal.keys("Enter")
    terminal.until(lambda: '"f6"' in text_of(tmp_path / "config.toml"), "the settings of the editor")
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
    row = "»\t16\t2014-09-25\t5\tGolden Orchard"
    terminal.until(lambda: terminal.tmux("show-buffer").startswith(row), f"{row!r} in the clipboard")
    terminal.wait_for("bytes to the terminal's clipboard")


@needs_tmux
@pytest.mark.parametrize(("options", "flag"), [("", "1"), ("--no-mouse", "0")])
def test_the_mouse_is_left_to_the_terminal_where_that_is_asked_for(opened: Open, options: str, flag: str) -> None:
    terminal = opened(command(*options.split()))
    terminal.wait_for("Evaluations  7")
    assert terminal.tmux("display-message", "-p", "-t", "t", "#{mouse_any_flag}").strip() == flag


@needs_tmux
def test_the_warm_process_ends_with_a_workbench_that_is_killed_while_it_works(terminal: Terminal) -> None:
    terminal.wait_for("Evaluations  7")
    terminal.keys("5")
    terminal.wait_for("before the target")
    terminal.keys("e")
    terminal.wait_for("model warming up")
    shell = int(terminal.tmux("display-message", "-p", "-t", "t", "#{pane_pid}"))
    workbench = next(pid for pid in children(shell) if "engine.inference" not in said_by(pid) and children(pid))
    (warm,) = children(workbench)
    assert "engine.inference" in said_by(warm)
    os.kill(workbench, signal.SIGKILL)
    terminal.until(lambda: "engine.inference" not in said_by(warm), "the end of the inference process")


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
def test_a_job_outlives_the_client_and_the_workbench(workspace: Workspace, opened: Open) -> None:
    st5 = Program(workspace.folder)
    endless = ("--set", "epochs=100000", "--set", "patience=100000", "--set", "window=10")
    started = st5("baseline", "sasrec", "--datasets", "movielens-small", *endless, "--detach")
    assert started.code == 0, started
    number = started.out.strip()
    try:
        terminal = opened(command())
        for key, words in zip(
            ("1", "2", "3", "4", "5", "6", "?"),
            ("Evaluations  7", "Datasets  3", "Jobs", "0.2714", "target", "Map", "Esc closes"),
            strict=True,
        ):
            terminal.keys(key)
            terminal.wait_for(words)
        terminal.keys("Escape")
        terminal.wait_until_gone("Esc closes")
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
        assert st5("jobs", "show", number, "--json").document["state"] == "running"
    finally:
        cancelled = st5("jobs", "cancel", number)
    assert cancelled.code == 0, cancelled


@needs_tmux
def test_what_stands_in_the_terminal_is_what_was_drawn(opened: Open) -> None:
    """Only what changed is sent: after dialogs, filters, sizes and areas came and went, nothing old may be left."""
    terminal = opened(command("--readonly"))
    terminal.wait_for("Evaluations  7")
    terminal.tmux("resize-window", "-t", "t", "-x", "80", "-y", "24")
    terminal.keys("4", "c", "c", "v")
    terminal.wait_for("Enter chooses")
    terminal.keys("j", "j", "Enter")
    terminal.wait_for("by category")
    terminal.keys("v")
    terminal.wait_for("Enter chooses")
    terminal.keys("g", "Enter")
    terminal.wait_until_gone("Enter chooses")
    terminal.wait_until_gone("by category")
    terminal.keys("/")
    terminal.wait_for("Esc Clear")
    terminal.keys("p", "o", "p", "Enter")
    terminal.wait_until_gone("last-item")
    terminal.keys("5")
    terminal.wait_for("before the target")
    terminal.keys("n", "?")
    terminal.wait_for("Esc closes")
    terminal.keys("q", "p")
    terminal.tmux("resize-window", "-t", "t", "-x", "60", "-y", "15")
    terminal.wait_for("needs 80×22")
    terminal.tmux("resize-window", "-t", "t", "-x", "80", "-y", "24")
    terminal.keys("x")
    terminal.wait_for_snapshot("users-80x24")
    terminal.keys("2")
    terminal.wait_for_snapshot("data-80x24")


@needs_tmux
def test_ctrl_z_leads_to_the_shell_and_fg_back(opened: Open) -> None:
    terminal = opened(f"exec env PS1='{PROMPT} ' sh -i")
    terminal.wait_for_prompt()
    terminal.types(shlex.join(program("--readonly")))
    terminal.wait_for("Evaluations  7")
    terminal.tmux("resize-window", "-t", "t", "-x", "80", "-y", "24")
    terminal.keys("2")
    terminal.wait_for_snapshot("data-80x24")
    terminal.keys("C-z")
    terminal.wait_for_prompt()
    assert "Stopped" in terminal.raw()
    terminal.types("echo $((40 + 2)) is said by the shell")
    terminal.wait_for("42 is said by the shell")
    terminal.wait_for_prompt()
    terminal.types("fg")
    terminal.wait_for_snapshot("data-80x24")
    terminal.keys("?")
    terminal.wait_for("Esc closes")
    terminal.keys("C-z")  # from a dialog, and back in a terminal of another size
    terminal.wait_for_prompt()
    terminal.tmux("resize-window", "-t", "t", "-x", "90", "-y", "30")
    terminal.types("fg")
    assert len(terminal.wait_for("Esc closes").splitlines()) == 30
    terminal.keys("Escape")
    terminal.wait_until_gone("Esc closes")
    terminal.keys("q")
    terminal.wait_for_prompt()


@needs_tmux
def test_ctrl_z_is_refused_where_no_shell_could_bring_the_workbench_back(opened: Open) -> None:
    terminal = opened(command())
    terminal.wait_for("Evaluations  7")
    terminal.keys("C-z")
    terminal.wait_for("No shell with job control")
    terminal.keys("4")  # it has not stopped
    terminal.wait_for("0.2714¹")


@needs_tmux
def test_ctrl_c_says_the_key_that_quits(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ST5_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text('[keys]\n"app.quit" = "X"\n')
    terminal = opened(command())
    terminal.wait_for("Evaluations  7")
    terminal.keys("C-c")
    assert " X Quit" in terminal.wait_for("Press X to quit")  # the key of the last line
    terminal.keys("/")
    terminal.wait_for("Esc Clear")
    terminal.keys("C-c")  # here an X is a letter
    terminal.wait_for("Press Ctrl+Q to quit")
    terminal.keys("C-q")
    terminal.wait_for("ended 0")


class Streams:
    """Standard input, output and error of a program: `terminal` names those that are a terminal (`ioe`)."""

    def __init__(self, terminal: str, folder: Path) -> None:
        self._master, self._slave = pty.openpty()
        self._terminal, self._folder = terminal, folder

    def run(self, options: list[str], **environment: str) -> tuple[int, str, str, str]:
        """Exit code, what came on output and error, and the part of both that went to the terminal."""
        paths = {name: self._folder / name for name in "oe"}
        files = {name: path.open("w") for name, path in paths.items()}
        done = subprocess.run(
            [sys.executable, "-P", "-m", "engine", *options],
            stdin=self._slave if "i" in self._terminal else subprocess.DEVNULL,
            stdout=self._slave if "o" in self._terminal else files["o"],
            stderr=self._slave if "e" in self._terminal else files["e"],
            env=surroundings() | environment, timeout=WAIT_S, check=False,
        )  # fmt: skip
        for file in files.values():
            file.close()
        os.close(self._slave)
        seen = b""
        while select.select([self._master], [], [], 0)[0]:
            try:
                seen += os.read(self._master, 65_536)
            except OSError:  # Linux says so that the other end is closed
                break
        os.close(self._master)
        return done.returncode, paths["o"].read_text(), paths["e"].read_text(), seen.decode()


@pytest.mark.parametrize(
    ("terminal", "options", "message"),
    [
        ("", [], "standard input, output and error are not connected"),
        ("", ["--readonly"], "standard input, output and error are not connected"),
        ("", ["--workspace", "shop"], "standard input, output and error are not connected"),
        ("", ["-w", "shop", "--no-mouse", "--files", "shop"], "standard input, output and error are not connected"),
        ("oe", [], "standard input is not connected"),
        ("ie", ["--readonly"], "standard output is not connected"),
        ("io", [], "standard error is not connected"),
        ("e", ["--workspace", "shop"], "standard input and output are not connected"),
    ],
)
def test_without_a_terminal_the_workbench_is_refused(
    workspace: Workspace, tmp_path: Path, terminal: str, options: list[str], message: str
) -> None:
    code, out, err, seen = Streams(terminal, tmp_path).run(options)
    assert code == 2
    assert out == ""
    assert "\x1b" not in err + seen
    sentence = err + seen
    assert sentence.startswith("st5: The workbench needs a terminal"), sentence
    assert all(words in sentence for words in (message, "`ssh -t HOST st5`", "`st5 results`", "`st5 --web`")), sentence
    assert not (tmp_path / "workspace").exists()


def test_a_terminal_that_cannot_move_its_cursor_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    code, out, err, seen = Streams("ioe", tmp_path).run([], TERM="dumb")
    assert (code, out + err, "\x1b" in seen) == (2, "", False)
    assert "TERM=dumb" in seen


def test_commands_need_no_terminal(workspace: Workspace, tmp_path: Path) -> None:
    code, out, err, seen = Streams("", tmp_path).run(["--workspace", "shop", "datasets"])
    assert (code, "movielens-small" in out, "\x1b" in out + err, seen) == (0, True, False, "")


def test_the_case_of_no_terminal(tmp_path: Path) -> None:
    case = Path(__file__).resolve().parents[3] / "shared" / "cases" / "no-terminal" / "run.sh"
    if not case.exists():
        pytest.skip("../shared/cases is not on this machine")
    scripts = tmp_path / "bin"
    scripts.mkdir()
    (scripts / "st5").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m engine "$@"\n')
    (scripts / "st5").chmod(0o755)
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(case), str(tmp_path / "workspace")],
        capture_output=True, text=True, env=surroundings() | {"PATH": path, "TMPDIR": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_help_errors_and_completion_know_the_options_of_the_workbench(workspace: Workspace) -> None:
    st5 = Program(workspace.folder)
    shown = st5("--help")
    options = ("--workspace", "--readonly", "--no-mouse", "--web", "--port", "--files")
    assert (shown.code, [name for name in options if name not in shown.out]) == (0, [])
    completion = {"_ST5_COMPLETE": "complete_bash", "COMP_WORDS": "st5 --", "COMP_CWORD": "1"}
    completed = subprocess.run(
        [sys.executable, "-P", "-m", "engine"], capture_output=True, text=True, env=surroundings() | completion,
        timeout=WAIT_S, check=False,
    )  # fmt: skip
    assert [name for name in options if name not in completed.stdout.split()] == [], completed
    for arguments, words in (
        (["--nope"], "No such option: --nope"),
        (["--readonly", "--prot", "3"], "--port"),
        (["--port", "3"], "--port 3 goes with --web"),
        (["--web", "--port", "65536"], "--port"),
        (["--web", "--port", "x"], "--port"),
        (["--web", "results"], "--web is for the workbench"),
        (["--files", "shop", "results"], "--files is for the workbench"),
        (["--files", "nowhere"], "--files nowhere: no such folder"),
        (["--workspace"], "--workspace"),
    ):
        refused = st5(*arguments)
        assert (refused.code, refused.out) == (2, ""), arguments
        assert words in refused.err, arguments


def test_the_options_of_the_workbench_are_read_without_pydantic(workspace: Workspace) -> None:
    """What typer converts costs an import of pydantic, as long as a fifth of the way to the first frame."""
    script = """
import sys
from engine.commands import main
try:
    main()
except SystemExit as end:
    print(end.code, "pydantic" in sys.modules)
"""

    def run(*options: str) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-P", "-c", script, *options],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, env=surroundings(), timeout=WAIT_S, check=False,
        )  # fmt: skip
        return done.stdout.strip(), done.stderr

    for options in ([], ["-w", "shop"], ["--workspace=shop", "--readonly", "--no-mouse"], ["--files", "shop"]):
        out, err = run(*options)
        assert (out, "needs a terminal" in err) == ("2 False", True), (options, err)
    for options in (["-wshop"], ["--no-mouse", "-w=shop"]):  # forms that only typer knows come to the same
        out, err = run(*options)
        assert (out, "needs a terminal" in err) == ("2 True", True), (options, err)


def text_of(path: Path) -> str:
    """What a file holds; empty until it exists."""
    return path.read_text() if path.exists() else ""


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
        await app.settled()
        assert "numpy" not in sys.modules, "Home needs no arrays"
        for key in ("3", "5", "4", "space", "j", "space", "a", "escape", "e", "e", "escape", "?"):
            await pilot.press(key)
            await app.settled()
    assert {{"engine.measuring.against_best", "engine.experiments.outcome"}} <= set(sys.modules)

asyncio.run(walk())
print([name for name in {heavy!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr[-2000:]
