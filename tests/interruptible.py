"""The program in a process that can be killed, forked from one that has loaded the libraries already."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from unittest.mock import patch

from tests.waiting import WORK_S, wait_for

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["engine.evaluation", "engine.commands.application", "sentence_transformers"])


def start(
    workspace: Path, words: Path, *arguments: str, prepare: Callable[[], None] | None = None, **environment: str
) -> ForkServerProcess:
    """`st5 ARGUMENTS` in a process of its own; what it says goes to the file `words`.

    prepare: a function of a module, called in the process before the command. environment: further variables.
    """
    process = _context.Process(target=run, args=(workspace, words, arguments, prepare, environment))
    # The server listens at a socket in the folder for temporary files; the path of a socket has at most 107 bytes.
    short = tempfile.gettempdir() if len(tempfile.gettempdir()) < 60 else "/tmp"
    with patch.object(tempfile, "tempdir", short):
        process.start()
    return process


def default_signals() -> None:
    """Have a hang-up and Ctrl-C end a process that is being started, whatever these tests were started with.

    Under nohup, or in the background of a script, children inherit that they are ignored.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run(
    workspace: Path,
    words: Path,
    arguments: tuple[str, ...],
    prepare: Callable[[], None] | None,
    environment: dict[str, str],
) -> None:
    """What the process does."""
    from engine.commands import main

    handle = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    default_signals()
    os.environ["ST5_WORKSPACE"] = str(workspace)
    os.environ.update(environment)
    if prepare is not None:
        prepare()
    sys.argv = ["st5", *arguments]
    try:
        main()
    finally:
        words.with_suffix(".cpu").write_text(str(time.process_time()))


def ended(process: ForkServerProcess, words: Path) -> int | None:
    """The exit code of a process, once it has one."""
    wait_for(lambda: not process.is_alive(), "the process to end", words.read_text, WORK_S)
    return process.exitcode


def processor_time(words: Path) -> float:
    """The seconds of processor time that a process took which came to its end: the same on a busy machine."""
    return float(words.with_suffix(".cpu").read_text())


def killed_after(seconds: float) -> None:
    """From `prepare`: the kernel ends this process, wherever it is, after so much processor time."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def interrupted_after(seconds: float) -> None:
    """From `prepare`: as if Ctrl-C were pressed after so much processor time."""
    signal.signal(signal.SIGPROF, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    signal.setitimer(signal.ITIMER_PROF, seconds)
