"""What the tests run in: no settings of the user, and a folder for temporary files that must be empty at the end.

pytest loads it as a plugin, before torch and the program read the environment.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

# Variables that a user may have set and that change what the program does, with what they would change.
USERS_OWN = {
    "COLUMNS": "the width of tables, and the size of the app",
    "LINES": "the height of the app",
    "NO_COLOR": "colour in output",
    "FORCE_COLOR": "colour in output",
    "CLICOLOR_FORCE": "colour in output",
    "TTY_COMPATIBLE": "rich takes a pipe for a terminal",
    "TTY_INTERACTIVE": "rich takes a pipe for a terminal",
    "COLORTERM": "the number of colours",
    "TERM_PROGRAM": "Textual knows some terminals by name",
    "TMUX": "a tmux that the tests start would refuse to run inside another",
    "PAGER": "the program that shows a log",
    "EDITOR": "the program that opens a file",
    "VISUAL": "the program that opens a file",
    "BROWSER": "the program that opens a page",
    "LESS": "how less behaves",
    "ENV": "a file that every sh reads at its start",
    "BASH_ENV": "a file that every bash reads at its start",
    "PYTHONDONTWRITEBYTECODE": "every process compiles every module that pip has not compiled",
    "LANGUAGE": "the language of messages",
    "LC_ALL": "the encoding, with ASCII signs in place of lines and glyphs",
    "LC_CTYPE": "the encoding, with ASCII signs in place of lines and glyphs",
    "XDG_CACHE_HOME": "the user's own caches",
    "XDG_CONFIG_HOME": "the user's own settings",
    "XDG_DATA_HOME": "the user's own files",
    "XDG_STATE_HOME": "the user's own files",
}
OF_THE_TESTS = (
    "ST5_UPDATE_SNAPSHOTS",
    "ST5_FUZZ_SEED",
    "ST5_FUZZ_CASES",
)  # every other ST5_ variable is the user's own: a workspace, settings

# What the tests run with instead.
FIXED = {
    "LANG": "C.UTF-8",
    "TERM": "xterm-256color",  # cron and nohup set none, and some terminals have fewer colours
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "true",
}
UNLESS_SET = {
    "OMP_WAIT_POLICY": "PASSIVE",  # as `st5` sets it: threads that wait leave the cores to others
    "OMP_NUM_THREADS": "1",  # the processes of pytest-xdist fill the cores already
    "NUMBA_NUM_THREADS": "1",  # the same; UMAP would raise OpenMP's number for torch too, whose sums then differ
}

# The path of a Unix socket has at most 107 bytes (103 on macOS); those of multiprocessing take 36 below this folder.
LONGEST_FOLDER = 60
ENDS_S = 60.0  # on a busy machine a process that still imports torch notices late that its parent has ended
PREFIX = "st5-tests-"


def clean(environment: Any, folder: Path) -> None:
    """Take the user's own variables out of an environment, and move what programs write into the folder of this run."""
    for name in [*USERS_OWN, *(name for name in environment if name.startswith("ST5_") and name not in OF_THE_TESTS)]:
        environment.pop(name, None)
    environment.update(FIXED)
    for name, value in UNLESS_SET.items():
        environment.setdefault(name, value)
    environment.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder.parent))  # folders of failed tests, to be looked at
    environment["TMPDIR"] = str(folder / "tmp")
    environment["HOME"] = str(folder / "home")  # ~/.tmux.conf, ~/.inputrc and the like
    environment["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "torch")


def _new_folder() -> Path:
    usual = tempfile.gettempdir()
    top = usual if len(os.fsencode(usual)) <= LONGEST_FOLDER - len(PREFIX) - len("12345678/tmp") else "/tmp"
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=top))
    for name in ("tmp", "home"):
        (folder / name).mkdir()
    for passed in (folder, folder / "tmp"):
        passed.chmod(0o711)  # tests of rights run the program as another user, in folders below
    return folder


WORKER = os.environ.get("PYTEST_XDIST_WORKER")  # set in the processes that run the tests for the one that reports
FOLDER = Path(os.environ["TMPDIR"]).parent if WORKER else _new_folder()
clean(os.environ, FOLDER)
tempfile.tempdir = None  # read TMPDIR again
os.environ["XDG_RUNTIME_DIR"] = str(FOLDER / f"run-{WORKER or 'main'}")  # locks of devices: of these tests alone
os.environ["ST5_CONFIG"] = str(FOLDER / f"run-{WORKER or 'main'}" / "config.toml")
Path(os.environ["XDG_RUNTIME_DIR"]).mkdir(mode=0o700)


def processes() -> list[psutil.Process]:
    """The processes started in this run that are alive: they have its temporary folder in their environment.

    Left out are the helpers of Python's multiprocessing, which end with the process that uses them.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.environ().get("TMPDIR") != os.environ["TMPDIR"]:
                continue
            helper = any("from multiprocessing." in word for word in process.cmdline())
            if process.status() != psutil.STATUS_ZOMBIE and not (helper and process.ppid() == os.getpid()):
                found.append(process)
    return found


def left_behind(patience: float) -> list[str]:
    """One line for each process that is alive after some seconds and each temporary file or folder that is there.

    The processes are killed. Call it where all tests have ended.
    """
    _, alive = psutil.wait_procs(processes(), timeout=patience)
    lines = []
    for process in alive:
        with suppress(psutil.Error):
            lines.append(f"process {process.pid}: {' '.join(process.cmdline())[:300]}")
            process.kill()
    psutil.wait_procs(alive, timeout=ENDS_S)
    return lines + [f"file {path}" for path in sorted((FOLDER / "tmp").iterdir()) if not _of_multiprocessing(path)]


def _of_multiprocessing(path: Path) -> bool:
    """Whether this folder goes with the process that is running."""
    return path.name.startswith("pymp-")


class LeftBehind:
    """Fails the run if its tests left processes or files behind, and removes the folder of the run in any case."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @pytest.hookimpl(wrapper=True, trylast=True)  # after the processes of pytest-xdist ended, before the summary
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        try:
            return (yield)
        finally:
            interrupted = session.exitstatus == pytest.ExitCode.INTERRUPTED
            lines = left_behind(0 if interrupted else ENDS_S)
            if not interrupted:
                self.lines = lines
            if self.lines and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.lines:
            terminalreporter.section("left behind by the tests", red=True)
            for line in self.lines:
                terminalreporter.write_line(line)


def _remove_folder(process: int) -> None:
    if os.getpid() == process:  # no child that was forked
        shutil.rmtree(FOLDER, ignore_errors=True)


if not WORKER:  # as early as this, it is called after multiprocessing has removed its own folder in there
    atexit.register(_remove_folder, os.getpid())


def pytest_configure(config: pytest.Config) -> None:
    if WORKER:
        return
    config.pluginmanager.register(LeftBehind())
    if sys.platform != "win32":
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as at Ctrl+C, which cleans up
