"""What to do next in a workspace, as a sentence and the commands to copy."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from store.plain_text import plain
from workbench.overview import Overview

UNTRAINED = ("only", "pop")  # models that need no training: the first two worth comparing


@dataclass(frozen=True)
class NextStep:
    """`sentence` says why; `commands` are ready for a shell, the likeliest first."""

    sentence: str
    commands: tuple[str, ...] = ()


def next_step(overview: Overview, workspace_option: Path | None = None) -> NextStep:
    """The next sensible step: data, then evaluations, then what has not been evaluated, then looking."""
    if not overview.exists or not overview.datasets:
        where = "There is no workspace here yet" if not overview.exists else "This workspace has no dataset yet"
        return NextStep(
            f"{where}. The demo makes one with films and a synthetic shop in a few minutes; ingest reads your own.",
            (
                command(["demo"], workspace_option),
                command(["ingest", "movielens", "FOLDER"], workspace_option),
                command(["ingest", "table", "--events", "FILE", "--items", "FILE", "--name", "NAME"], workspace_option),
            ),
        )
    names = [dataset.name for dataset in overview.datasets]
    if not overview.evaluated:
        return NextStep(
            "No model has been evaluated yet. These two need no training:",
            (command(["evaluate", *UNTRAINED, "--datasets", ",".join(names)], workspace_option),),
        )
    for model in (model.name for model in overview.models):
        missing = [name for name in names if (model, name) not in overview.evaluated]
        if missing:
            shown = " and ".join(missing) if len(missing) < 3 else f"{len(missing)} of {len(names)} datasets"
            return NextStep(
                plain(f"{model} has not been evaluated on {shown}:"),
                (command(["evaluate", model, "--datasets", ",".join(missing)], workspace_option),),
            )
    return NextStep(
        "Every model is evaluated on every dataset. Results (4) compares them, Users (5) shows single cases, "
        "and n in Jobs (3) trains another."
    )


def command(words: list[str], workspace_option: Path | None) -> str:
    """A command line for a shell, with the workspace where one was chosen by option."""
    place = ["--workspace", str(workspace_option)] if workspace_option is not None else []
    return plain(shlex.join(["st5", *words, *place]))
