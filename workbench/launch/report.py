"""All experiments as one document."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from store.errors import BadInput
from store.experiments import experiments
from store.workspace import Workspace
from workbench.launch.draft import Draft, option, place
from workbench.launch.field import folder, marks

FORMATS = ("html", "md", "latex", "csv")


@dataclass(frozen=True)
class ReportDraft(Draft):
    """`st5 report`."""

    KIND: ClassVar[str] = "report"
    SUMMARY: ClassVar[str] = "all experiments as one document"

    out: str = folder("folder", "where the report goes; made where needed", "report")
    formats: tuple[str, ...] = marks("formats", FORMATS, marked=FORMATS)
    experiments: tuple[str, ...] = marks("only", offered="asked")

    def options(self) -> list[str]:
        return [
            *option("--out", place(self.out)),
            *option("--format", ",".join(self.formats), ",".join(FORMATS)),
            *option("--experiments", ",".join(self.experiments)),
        ]

    def check(self, workspace: Workspace) -> None:
        from engine.report.writing import check_folder

        if not self.out:
            raise BadInput("Name the folder that the report is written into.")
        check_folder(Path(place(self.out)))
        if not self.formats:
            raise BadInput("Choose at least one format (Space marks it).")
        asked = []
        if workspace.exists():
            with workspace.read() as db:
                asked = experiments(db)
        if not asked:
            raise BadInput("No experiment was asked for here yet, so there is nothing to report: start one first.")
