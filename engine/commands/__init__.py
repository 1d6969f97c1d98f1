"""The command line: parses, calls the engine, prints. `stdout` is data, `stderr` is words."""

from __future__ import annotations

import os
import signal
import sys
from io import TextIOWrapper

from engine import interrupt
from store.errors import BadInput, Failed, Problem

INTERRUPTED = 130


def main() -> None:
    """Run `st5`. Without a command it opens the workbench; every error is one message and an exit code."""
    # Read when the library of torch's threads is loaded: threads that wait should leave a shared machine's cores to
    # others. Measured with a small model in training beside other work: 2.5 to 7 times as fast.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal of another encoding shows ? for what it has no sign for
            stream.reconfigure(errors="replace")
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a job in the background may ignore it
            interrupt.listen()
        from engine.commands.application import application, open_workbench, options_alone

        options = options_alone(sys.argv[1:])
        if options is not None:
            open_workbench(**options)
            return
        application(prog_name="st5")
    except Problem as problem:
        _stop(problem)
    except MemoryError:
        _stop(Failed("Out of memory. Try a smaller --sample, or fewer --datasets at a time."))
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as end:
        if end.code == INTERRUPTED:  # so typer answers Ctrl-C
            _interrupted()
        raise
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _stop(
            Failed(f"{place}{error.strerror or error}. What was finished before is safe; mend this and run it again.")
        )
    except UnicodeEncodeError as error:  # bytes of the command line that are no text come as lone surrogates
        _stop(BadInput(f"{str(error.object)[:200]!a} is not UTF-8. Give names and texts in UTF-8."))
    except Exception as error:
        import sqlite3  # only now: most commands that start never need to know

        if not isinstance(error, sqlite3.Error):
            raise
        from store.errors import explain

        _stop(explain(error, "the workspace"))


def _interrupted() -> None:
    print("\nInterrupted. What was finished is kept; the same command goes on from there.", file=sys.stderr)
    sys.exit(INTERRUPTED)


def _stop(problem: Problem) -> None:
    from store.plain_text import plain  # names out of data and arguments may hold codes that a terminal obeys

    print(f"st5: {plain(str(problem), keep_lines=True)}", file=sys.stderr)
    sys.exit(problem.exit_code)
