"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from store.errors import BadInput

if TYPE_CHECKING:
    from store.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder of the workspace.", show_default="$ST5_WORKSPACE or ./workspace"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of everything drawn at random; recorded.")]

DetachOption = Annotated[bool, typer.Option("--detach", help="Run as a job in the background; print its number.")]


def open_workspace(option: Path | None) -> Workspace:
    """The workspace that the option, the environment or the default names."""
    from store.workspace import Workspace, workspace_folder

    return Workspace(workspace_folder(option))


def whole_numbers(option: str, comma_separated: str) -> tuple[int, ...]:
    """`0,1` as numbers from 0 up, in order; `BadInput` naming the option for anything else."""
    try:
        found = tuple(int(number) for number in names(comma_separated))
    except ValueError:
        found = (-1,)
    if found and min(found) < 0:
        raise BadInput(
            f'{option} "{comma_separated}": allowed are whole numbers from 0 up, comma-separated: {option} 0,1,2.'
        )
    return found


def names(comma_separated: str) -> list[str]:
    """`A,B` as a list without blanks and repetitions, in order."""
    return list(dict.fromkeys(part.strip() for part in comma_separated.split(",") if part.strip()))
