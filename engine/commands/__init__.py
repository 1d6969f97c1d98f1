"""The command line: parses, calls the engine, prints. `stdout` is data, `stderr` is words."""

from __future__ import annotations

import sqlite3
import sys
from importlib import import_module

from store.errors import Failed, Problem, explain

INTERRUPTED = 130


def main() -> None:
    """Run `st5`. Without a command it opens the workbench; every error is one message and an exit code."""
    try:
        if _opens_workbench(sys.argv[1:]):
            # The one step upwards, by name: the engine does not depend on the workbench.
            import_module("workbench.entry").main(sys.argv[1:])
            return
        from engine.commands.application import application

        application(prog_name="st5")
    except Problem as problem:
        _stop(problem)
    except sqlite3.Error as error:
        _stop(explain(error, "the workspace"))
    except MemoryError:
        _stop(Failed("Out of memory. Try a smaller --sample, or fewer --datasets at a time."))
    except KeyboardInterrupt:
        print("\nInterrupted. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _opens_workbench(arguments: list[str]) -> bool:
    """True for `st5`, `st5 --workspace W` and `st5 --readonly`: options, but no command and no call for help."""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("--workspace", "-w") and rest:
            rest.pop(0)
        elif not word.startswith("--workspace=") and word not in ("--readonly", "--no-mouse"):
            return False
    return True


def _stop(problem: Problem) -> None:
    print(f"st5: {problem}", file=sys.stderr)
    sys.exit(problem.exit_code)
