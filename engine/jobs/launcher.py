"""Starts a job's worker and leaves at once, so that the worker has no parent: `-m engine.jobs.launcher FOLDER ID`.

Next to nothing is imported: between the row of a job and its worker lies nothing but two starts of Python.
"""

from __future__ import annotations

import os
import sys

from store.python_command import python_command


def main(arguments: list[str]) -> None:
    """Start the worker of job `ID` of the workspace `FOLDER` in a session of its own, its output in the job's log.

    A third argument is the descriptor of the job's lock, handed on so that it is never free in between.
    """
    folder, number, *held = arguments
    log = os.path.join(folder, "jobs", number, "run.log")
    command = python_command("engine.jobs.worker", folder, number, *held)
    os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
