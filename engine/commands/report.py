"""`st5 report`: everything that experiments have found, as one document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.commands.options import DetachOption, WorkspaceOption, names, open_workspace
from engine.commands.output import say
from store.errors import unknown

if TYPE_CHECKING:
    from engine.progress import Observer
    from engine.report.writing import Format

ALL = "html,md,latex,csv"


def report(
    out: Annotated[Path, typer.Option(help="Folder for the report; created if needed.")],
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", "-f", help=f"Some of {ALL}; comma-separated or repeated.", show_default="all"),
    ] = None,
    experiments: Annotated[
        str,
        typer.Option(help="Only these (comma-separated).", show_default="all that were asked for in the workspace"),
    ] = "",
    detach: DetachOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write all experiments as one document: HTML, Markdown, LaTeX and CSV.

    Example: st5 report --out report
    """
    from engine.jobs import submit
    from engine.report.build import requested_outcomes
    from engine.report.writing import check_folder

    chosen = _formats(",".join(formats or []))
    check_folder(out)
    space = open_workspace(workspace)
    with space.read() as db:
        shown = requested_outcomes(db, names(experiments))

    def work(observer: Observer) -> list[Path]:
        from engine.report.build import build_report
        from engine.report.writing import write_report

        with space.read() as db:
            found = build_report(db, space.folder.resolve().name, shown)
        written = write_report(found, out, chosen)
        observer.tell("result", f"{len(written)} files in {out}")
        for file in written:
            print(file)
        return written

    written = submit.submit_job(space, "report", work, detach=detach)
    if written is not None:
        say(f"{len(written)} files. Open {written[0]}.")


def _formats(option: str) -> list[Format]:
    """The formats that the option names, all where it names none."""
    from engine.report.writing import Format

    found = names(option) or names(ALL)
    for name in found:
        if name not in list(Format):
            raise unknown("format", name, Format, "Several are joined by commas: --format html,md.")
    return [Format(name) for name in found]
